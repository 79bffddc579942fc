"""Lets the random layers of an emitted model take numbers that they are given.

What they would draw from Keras comes from a stream of nnspec's; what they make of it is as they are
written. A layer is known by its generator of seeds, which it hands to whatever draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras.src.backend import random as drawing

from nnspec.layers import Layer
from nnspec.layers.recurrent import Bidirectional, Recurrent
from nnspec.support.noise import Ahead, Drawer, Noise

if TYPE_CHECKING:
    from nnspec.backend import Array

_GATES = {"simple_rnn": (0,), "lstm": (0, 1, 2, 3), "gru": (1, 0, 2)}
"""Cell -> the canonical gate of each mask, in the order in which Keras makes them."""


class Request(NamedTuple):
    """One draw of a step: what makes it, and its shape, of which the first is the batch's rows."""

    draw: Callable[[tuple[int, ...]], Any]
    shape: tuple[Any, ...]


class NoiseTaker:
    """The random layers of a model, while they take the numbers of a stream."""

    def __init__(
        self, layers: Mapping[str, Any], drawers: Mapping[str, tuple[Layer, Drawer]]
    ) -> None:
        """Layers: of Keras, by the path in the spec; one that no output needs is not there."""
        self.noise = Noise(0)
        self._asked: list[Request] | None = None
        self._handed: list[Any] = []
        self._owners: dict[int, _Owner] = {}
        self._kept: list[Any] = []
        for path, (layer, drawer) in drawers.items():
            if path not in layers:
                continue
            gates: tuple[int, ...] = ()
            if isinstance(layer, Recurrent | Bidirectional):
                gates = _GATES[layer.cell.type]
            ahead: Ahead[Any] = Ahead(drawer)  # both directions draw from one stream
            for part in layers[path]._flatten_layers():
                generator = getattr(part, "seed_generator", None)
                if generator is not None:
                    self._owners[id(generator)] = _Owner(self, drawer, gates, ahead)
                    self._kept.append(generator)  # so that no other has its id

    def start(self, seed: int) -> None:
        """Begin with the numbers of this seed."""
        self.noise = Noise(seed)

    def requests(self, step: Callable[[], object]) -> list[Request]:
        """Return what is drawn in the graph that a function makes, in the order of its draws.

        Nothing where that is not known beforehand: of sizes that only a batch tells.
        """
        self._asked = []
        try:
            step()
            asked = self._asked
        finally:
            self._asked = None
        is_known = all(n is not None for request in asked for n in request.shape[1:])
        return asked if is_known else []

    def given(
        self, draw: Callable[[tuple[int, ...]], Any], shape: Sequence[Any], dtype: Any
    ) -> Any:
        """Return what is drawn of this shape, in a graph each time that it runs."""
        if tf.executing_eagerly():
            return tf.convert_to_tensor(draw(tuple(int(size) for size in shape)))
        if self._handed:
            return self._handed.pop(0)
        if self._asked is not None:
            self._asked.append(Request(draw, tuple(map(_known, shape))))
        sizes = tf.stack([tf.cast(size, tf.int32) for size in shape])
        found = tf.numpy_function(lambda s: np.asarray(draw(tuple(map(int, s)))), [sizes], dtype)
        return tf.reshape(found, sizes)

    @contextmanager
    def drawing(self, handed: Iterable[Any] = ()) -> Iterator[None]:
        """Let what is drawn within, or in a graph that is made within, be of the stream.

        handed: tensors of what was drawn beforehand, one for each request.
        """
        self._handed = list(handed)
        if self._asked is not None:
            self._asked = []  # a graph may be made twice
        replaced = {name: getattr(drawing, name) for name in ("dropout", "normal", "uniform")}
        for name, own in replaced.items():
            setattr(drawing, name, self._replacing(name, own))
        try:
            yield
        finally:
            for name, own in replaced.items():
                setattr(drawing, name, own)

    def _replacing(self, name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        def drawn(*given: Any, seed: Any = None, **named: Any) -> Any:
            owner = self._owners.get(id(seed))
            if owner is None:
                return own(*given, seed=seed, **named)
            return getattr(owner, name)(*given, **named)

        return drawn


def _known(size: Any) -> int | None:
    return size if isinstance(size, int) else tf.get_static_value(size)


def _tensors(masks: Array) -> list[Any]:
    """Return masks as what a graph is called with in less time than with arrays."""
    found: list[Any] = tf.unstack(tf.constant(masks))
    return found


class _Owner:
    """One layer, or the cell of one direction; its methods are those that Keras draws by."""

    def __init__(
        self, taker: NoiseTaker, drawer: Drawer, gates: tuple[int, ...], ahead: Ahead[Any]
    ) -> None:
        self.taker = taker
        self.drawer = drawer
        self.gates = gates
        self._ahead = ahead
        self._masks: list[Any] = []
        """Of the gates that are still to be asked for."""

    def dropout(self, inputs: Any, rate: float, noise_shape: Any = None) -> Any:
        if rate == 0:
            return inputs
        shape = keras.ops.shape(inputs)
        if noise_shape is not None:
            shape = [shape[i] if n is None else n for i, n in enumerate(noise_shape)]
        kept = self._of_gate(shape, rate) if self.gates else self._kept(shape, rate)
        return tf.where(kept, inputs / (1 - rate), tf.zeros_like(inputs))

    def normal(
        self, shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: str | None = None
    ) -> Any:
        numbers = self._numbers("normal", shape, dtype)
        return numbers * stddev + mean

    def uniform(
        self, shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: str | None = None
    ) -> Any:
        numbers = self._numbers("uniform", shape, dtype)
        return numbers * (maxval - minval) + minval

    def _numbers(self, law: str, shape: Any, dtype: str | None) -> Any:
        kind = tf.as_dtype(dtype or keras.config.floatx()).as_numpy_dtype

        def draw(sizes: tuple[int, ...]) -> Array:
            self._ahead.give_back()
            found: Array = getattr(self.taker.noise, law)(self.drawer, sizes)
            return found.astype(kind)

        return self.taker.given(draw, shape, kind)

    def _kept(self, shape: Any, rate: float) -> Any:
        def draw(sizes: tuple[int, ...]) -> Any:
            return self._ahead.next(self.taker.noise, sizes, rate, _tensors)

        return self.taker.given(draw, shape, bool)

    def _of_gate(self, shape: Any, rate: float) -> Any:
        """Return the mask of the next gate; all are drawn at once, in the canonical order."""
        if not self._masks:
            kept = self._kept((shape[0], len(self.gates), shape[1]), rate)
            self._masks = [kept[:, gate] for gate in self.gates]
        return self._masks.pop(0)
