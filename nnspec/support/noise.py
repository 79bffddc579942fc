"""The numbers of random layers, the same in every framework: they depend on a key alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.support.streams import above, normal, stream, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUIET = -1
"""A seed that draws nothing: all is kept, and noise is 0."""


class Noise:
    """The numbers of random layers: by a seed, the layer, and how often it has drawn since.

    Arrays have the axes that the spec declares, whatever a framework does with them.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._drawn: dict[str, int] = {}

    def kept(self, layer: Drawer, shape: Sequence[int], rate: float) -> NDArray[np.bool_]:
        """Return what a dropout of this rate keeps."""
        if self.seed == QUIET:
            return np.ones(tuple(shape), bool)
        declared = layer.declared(shape)
        found = above(self._stream(layer), math.prod(declared), rate)
        return layer.lying(found.reshape(declared))

    def uniform(self, layer: Drawer, shape: Sequence[int]) -> NDArray[Any]:
        """Return numbers on [0, 1); a dropout keeps what its rate does not exceed."""
        if self.seed == QUIET:
            return np.full(tuple(shape), 1 - 2.0**-53)
        declared = layer.declared(shape)
        found = uniform(self._stream(layer), math.prod(declared))
        return layer.lying(found.reshape(declared))

    def normal(self, layer: Drawer, shape: Sequence[int]) -> NDArray[Any]:
        """Return standard normal numbers."""
        if self.seed == QUIET:
            return np.zeros(tuple(shape))
        declared = layer.declared(shape)
        found = normal(self._stream(layer), math.prod(declared))
        return layer.lying(found.reshape(declared))

    def _stream(self, layer: Drawer) -> np.random.Philox:
        number = self._drawn.get(layer.name, 0)
        self._drawn[layer.name] = number + 1
        return stream("noise", self.seed, layer.name, number)


class Drawer:
    """A random layer as `Noise` knows it.

    name: its path, with two underscores for a dot, as where it stands in an opened network. axes:
    the declared axis that lies at each place of a row, where these are others.
    """

    def __init__(self, path: str, axes: tuple[int, ...] | None = None) -> None:
        self.name = path.replace(".", "__")
        self.axes = axes

    def declared(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the shape as the spec declares it, of one that lies in memory."""
        shape = tuple(shape)
        if not self._is_moved(shape):
            return shape
        assert self.axes is not None
        return (shape[0], *(shape[1 + self.axes.index(axis)] for axis in range(len(self.axes))))

    def lying(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array of declared axes as it lies in memory."""
        if not self._is_moved(array.shape):
            return array
        assert self.axes is not None
        order = (0, *(1 + axis for axis in self.axes))
        return np.ascontiguousarray(array.transpose(order))

    def _is_moved(self, shape: Sequence[int]) -> bool:
        return self.axes is not None and len(shape) == 1 + len(self.axes)
