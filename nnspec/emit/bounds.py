"""Bounds that an emitted script checks: the domain of the network, input by input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nnspec.emit.code import printed
from nnspec.emit.tree import Expression, Formula, Name
from nnspec.language.expressions import tokens
from nnspec.network.domain import Domain, Range
from nnspec.network.domains import domain_of
from nnspec.network.graph import Graph

Number = int | float

LARGEST = Name("LARGEST")
"""The largest number of float32, which a script calls by this name."""

_OF_DTYPE: Mapping[str, tuple[Number, Number]] = {
    "bool": (0, 1),
    "uint8": (0, 255),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}


@dataclass(frozen=True, slots=True)
class SizeLimit:
    """The smallest and the largest value of a size that depends on dynamic axes."""

    size: str
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """The smallest and the largest number of each input, and limits of sizes.

    `relative` holds the sizes that bound an input beside its largest number.
    """

    ranges: Mapping[str, tuple[Number | Expression, Number | Expression]]
    relative: Mapping[str, tuple[str, ...]]
    limits: tuple[SizeLimit, ...]
    is_dynamic: bool


def computed(size: str) -> str:
    """Return Python for a size, where the variable `sizes` maps an axis to its size."""
    parts: list[str | Expression] = []
    for kind, token in tokens(size):
        if kind == "name":
            parts.append(Name("sizes")[token])
        else:
            parts.append(token if kind == "number" or token in "()" else f" {token} ")
    return printed(Formula(tuple(parts)))


def bounds_of(graph: Graph) -> Bounds:
    """Return what an emitted script has to check."""
    domain = domain_of(graph)
    allowed_of = _ranges(domain)
    ranges: dict[str, tuple[Number | Expression, Number | Expression]] = {}
    relative: dict[str, tuple[str, ...]] = {}
    for name, type_ in graph.inputs.items():
        if type_.dtype.startswith("float"):
            ranges[name] = (-LARGEST, LARGEST)
            continue
        least, most = _OF_DTYPE[type_.dtype]
        for allowed in allowed_of.get(name, ()):
            least = max(least, allowed.least)
            if isinstance(allowed.most, str):
                relative[name] = (*relative.get(name, ()), allowed.most)
            else:
                most = min(most, allowed.most)
        ranges[name] = (least, most)
    limits: dict[str, SizeLimit] = {}
    for limit in domain.limits:
        known = limits.get(limit.size, SizeLimit(limit.size, limit.least, limit.most))
        bounds = [most for most in (known.most, limit.most) if most is not None]
        least = max(known.least, limit.least)
        limits[limit.size] = SizeLimit(limit.size, least, min(bounds, default=None))
    is_dynamic = any(
        isinstance(size, str) for type_ in graph.inputs.values() for size in type_.shape
    )
    return Bounds(ranges, relative, tuple(limits.values()), is_dynamic)


def _ranges(domain: Domain) -> dict[str, list[Range]]:
    """Return the ranges by the inputs whose every element they bound.

    Layers may move ids on their way to a table, as by a reshape, and still bound what is given.
    """
    found: dict[str, list[Range]] = {}
    shapes = {name: type_.shape for name, type_ in domain.inputs.items()}
    is_fixed = all(isinstance(size, int) for shape in shapes.values() for size in shape)
    places: Mapping[str, Any] = {}
    if is_fixed and any(allowed.value not in shapes for allowed in domain.ranges):
        places = domain.places({name: tuple(map(int, shape)) for name, shape in shapes.items()})
    for allowed in domain.ranges:
        if allowed.value in shapes:
            found.setdefault(allowed.value, []).append(allowed)
        elif allowed.value in places:
            reached = set(places[allowed.value].flatten().tolist())
            start = 0
            for name, shape in shapes.items():
                size = math.prod(map(int, shape))
                if reached.issuperset(range(start, start + size)):
                    found.setdefault(name, []).append(allowed)
                start += size
    return found
