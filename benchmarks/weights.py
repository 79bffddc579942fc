"""Weights as a file of a trained network holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.verification.samples import exercised_weights

if TYPE_CHECKING:
    from nnspec.backend import Weights
    from nnspec.network.graph import Graph


def trained_weights(graph: Graph) -> Weights:
    """Return float32 weights without a bias of zeros, which exporters would optimise away."""
    return {name: array.astype("float32") for name, array in exercised_weights(graph, 0).items()}
