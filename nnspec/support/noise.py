"""The numbers of random layers, the same in every framework: they depend on a key alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.support.streams import halves, normal, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUIET = -1
"""A seed that draws nothing: all is kept, and noise is 0."""


_STEPS = 2**24
"""Uniform numbers are multiples of 1 / _STEPS, which float32 holds."""


class Noise:
    """The numbers of random layers: of a stream for each layer, in the order of its draws.

    Arrays have the axes that the spec declares, whatever a framework does with them.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, np.random.Philox] = {}

    def kept(self, layer: Drawer, shape: Sequence[int], rate: float) -> NDArray[np.bool_]:
        """Return what a dropout of this rate keeps."""
        if self.seed == QUIET:
            return np.ones(tuple(shape), bool)
        declared = layer.declared(shape)
        found = halves(self._stream(layer), math.prod(declared))
        least = min(math.ceil(rate * _STEPS), _STEPS - 1) << 8
        return layer.lying((found >= np.uint32(least)).reshape(declared))

    def uniform(self, layer: Drawer, shape: Sequence[int]) -> NDArray[Any]:
        """Return numbers on [0, 1); a dropout keeps what is not below its rate."""
        if self.seed == QUIET:
            return np.full(tuple(shape), 1 - 1 / _STEPS)
        declared = layer.declared(shape)
        found = (halves(self._stream(layer), math.prod(declared)) >> np.uint32(8)) / _STEPS
        return layer.lying(found.reshape(declared))

    def normal(self, layer: Drawer, shape: Sequence[int]) -> NDArray[Any]:
        """Return standard normal numbers."""
        if self.seed == QUIET:
            return np.zeros(tuple(shape))
        declared = layer.declared(shape)
        found = normal(self._stream(layer), math.prod(declared))
        return layer.lying(found.reshape(declared))

    def _stream(self, layer: Drawer) -> np.random.Philox:
        if layer.name not in self._streams:
            self._streams[layer.name] = stream("noise", self.seed, layer.name)
        return self._streams[layer.name]


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
