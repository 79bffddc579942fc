"""Averages of the weights in the state of an optimizer, as `average/<parameter>`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import WeightsError
from nnspec.layers.shapes import show
from nnspec.network.graph import Graph

AVERAGE = "average/"


def averaged(graph: Graph) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the parameters that have an average, and their shapes."""
    for name, parameter in graph.parameters():
        if parameter.learns:
            yield name, parameter.shape


def without_averages(
    graph: Graph, state: Mapping[str, NDArray[np.generic]]
) -> tuple[dict[str, NDArray[np.generic]], dict[str, NDArray[np.generic]]]:
    """Return the averages by parameter, and the rest of a state; raises WeightsError."""
    found = {}
    rest = dict(state)
    for name, shape in averaged(graph):
        array = rest.pop(AVERAGE + name, None)
        if array is None or array.shape != shape:
            raise WeightsError(
                f'the state of the optimizer has no "{AVERAGE}{name}" of {show(shape)}, and '
                "`training.average` keeps it"
            )
        found[name] = array
    return found, rest
