"""The numbers of random layers, the same in every framework: they depend on a key alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from nnspec.support.streams import halves, normal, skip, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUIET = -1
"""A seed that draws nothing: all is kept, and noise is 0."""


_STEPS = 2**24
"""Uniform numbers are multiples of 1 / _STEPS, which float32 holds."""
_TIMES, _ELEMENTS = 16, 2**16
"""At most so many masks, and elements of them, are drawn at once."""
T = TypeVar("T")


class Noise:
    """The numbers of random layers: of a stream for each layer, in the order of its draws.

    Arrays have the axes that the spec declares, whatever a framework does with them.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._streams: dict[str, np.random.Philox] = {}

    def kept(self, layer: Drawer, shape: Sequence[int], rate: float) -> NDArray[np.bool_]:
        """Return what a dropout of this rate keeps."""
        masks: NDArray[np.bool_] = self.kept_often(layer, shape, rate, 1)[0]
        return masks

    def kept_often(
        self, layer: Drawer, shape: Sequence[int], rate: float, times: int
    ) -> NDArray[np.bool_]:
        """Return what so many calls of `kept` would, along a first axis."""
        shape = tuple(shape)
        if self.seed == QUIET:
            return np.ones((times, *shape), bool)
        declared = layer.declared(shape)
        count = math.prod(declared)
        least = min(math.ceil(rate * _STEPS), _STEPS - 1) << 8
        found = halves(self._stream(layer), times * (count + count % 2)) >= np.uint32(least)
        if count % 2 and times:
            found = found.reshape(times, -1)[:, :count]
        # Rows of several calls are moved as those of one.
        rows = found.reshape(times * declared[0], *declared[1:]) if declared else found
        return layer.lying(rows).reshape(times, *shape)

    def place(self, layer: Drawer) -> object:
        """Return where the stream of a layer is."""
        return self._stream(layer).state

    def go_to(self, layer: Drawer, place: Any, shape: Sequence[int], times: int) -> None:
        """Go where so many calls of `kept` lead from a place."""
        if self.seed == QUIET:
            return
        bits = self._stream(layer)
        bits.state = place
        skip(bits, times * ((math.prod(shape) + 1) // 2))

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


class Ahead(Generic[T]):
    """The masks of a layer's next dropouts, drawn for several at once while all are alike.

    A small mask takes less time to draw than to ask for. Whoever draws else of the layer gives
    back first.
    """

    def __init__(self, layer: Drawer) -> None:
        self._layer = layer
        self._asked: tuple[object, ...] = ()
        self._noise: Noise | None = None
        self._shape: tuple[int, ...] = ()
        self._drawn: Sequence[T] = ()
        self._next = 0
        self._place: object = None

    def next(
        self,
        noise: Noise,
        shape: tuple[int, ...],
        rate: float,
        made: Callable[[NDArray[np.bool_]], Sequence[T]],
        kind: object = None,
    ) -> T:
        """Return what the next `kept` does, as `made` has it: of several masks along a first axis.

        kind: what else `made` depends on.
        """
        asked = (shape, rate, kind)
        if noise is not self._noise or asked != self._asked:
            self.give_back()
            self._noise, self._shape, self._asked = noise, shape, asked
        if self._next == len(self._drawn):
            # More each time: the last batch of an epoch may be smaller.
            most = min(_TIMES, _ELEMENTS // max(math.prod(shape), 1))
            times = max(1, min(2 * len(self._drawn), most))
            self._place = noise.place(self._layer) if times > 1 else None
            self._drawn = made(noise.kept_often(self._layer, shape, rate, times))
            self._next = 0
        self._next += 1
        return self._drawn[self._next - 1]

    def give_back(self) -> None:
        """Let the stream go on as if what nobody has taken were not drawn."""
        if self._noise is not None and self._next < len(self._drawn):
            self._noise.go_to(self._layer, self._place, self._shape, self._next)
        self._noise, self._drawn, self._next = None, (), 0
