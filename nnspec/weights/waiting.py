"""Batches that wait for an optimizer step, as a state has them, by neutral names.

`batch` is their number, `gradient/<parameter>` the part of the mean gradient that they make.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import WeightsError
from nnspec.layers.shapes import show
from nnspec.network.graph import Graph

BATCH = "batch"
_GRADIENT = "gradient/"

State = Mapping[str, NDArray[np.generic]]


def gradients_of(graph: Graph) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield the name of each gradient, its parameter, and its shape."""
    for name, parameter in graph.parameters():
        if parameter.learns:
            yield f"{_GRADIENT}{name}", name, parameter.shape


def without_waiting(graph: Graph, count: int, state: State) -> dict[str, NDArray[np.generic]]:
    """Return what a state holds besides; raises WeightsError where something is missing.

    count: batches to a step.
    """
    found = dict(state)
    batch = np.asarray(found.pop(BATCH, -1))
    if batch.shape != () or batch.dtype.kind not in "iu" or not 0 <= batch < count:
        raise WeightsError(
            f'"{BATCH}" of the optimizer\'s state is no number of batches that wait for a step of '
            f"{count}"
        )
    for name, _, shape in gradients_of(graph):
        if name not in found:
            raise WeightsError(f'the state of the optimizer lacks "{name}"')
        if found.pop(name).shape != shape:
            raise WeightsError(
                f'"{name}" of the optimizer\'s state is expected to be {show(shape)}'
            )
    return found
