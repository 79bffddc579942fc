"""Finds the domain of a network, from its inputs and from the ids that it computes itself."""

from __future__ import annotations

import dataclasses
import functools

from nnspec.network.derivation import split_domain
from nnspec.network.domain import Domain
from nnspec.network.graph import Graph


@functools.lru_cache(maxsize=16)
def domain_of(graph: Graph) -> Domain:
    """Return what a network takes."""
    domain, others = split_domain(graph)
    if not others:
        return domain
    from nnspec.network.ids import followed  # which needs NumPy

    return dataclasses.replace(domain, limits=(*domain.limits, *followed(graph).limits))
