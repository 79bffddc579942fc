"""Trains somebody's Keras network by gradients that are given, with dropout off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

_RATES = ("rate", "stddev", "dropout", "recurrent_dropout", "_dropout")
"""Attributes of Keras's own layers that say how much they drop, or add."""
_FUNCTIONS = ("dropout",)
"""Of `keras.random`: those that drop."""


class Learning(Protocol):
    """A network that learns: see `KerasForeign`."""

    model: keras.Model

    def run_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as in training."""
        ...

    def _variables(self) -> dict[str, Any]: ...

    def _taken(self, inputs: Mapping[str, Array]) -> dict[str, Any]: ...

    def _called(
        self, inputs: Mapping[str, Any], *, training: bool = False
    ) -> list[tuple[str, Any]]: ...


@contextmanager
def _undropped(model: keras.Model) -> Iterator[None]:
    kept: list[tuple[Any, str, Any]] = []
    for layer in model._flatten_layers():
        for name in _RATES if type(layer).__module__.startswith("keras.") else ():
            value = getattr(layer, name, None)
            # Recurrent layers only show the rates of their cell, which is a layer here too.
            is_shown = isinstance(getattr(type(layer), name, None), property)
            if isinstance(value, float) and value and not is_shown:
                kept.append((layer, name, value))
                setattr(layer, name, 0.0)
    functions = {name: getattr(keras.random, name) for name in _FUNCTIONS}
    for name in functions:  # which layers of the file's own call
        setattr(keras.random, name, lambda inputs, *_, **__: inputs)
    try:
        yield
    finally:
        for layer, name, value in kept:
            setattr(layer, name, value)
        for name, function in functions.items():
            setattr(keras.random, name, function)


def learn(
    foreign: Learning, inputs: Mapping[str, Array], towards: Mapping[str, Array]
) -> tuple[dict[str, Array], Weights]:
    """Return the outputs as in training, or the gradient of Σ output · towards where it is given.

    By each variable that the file lets learn; then the statistics move, as in a step of training.
    """
    with _undropped(foreign.model):
        if not towards:
            return foreign.run_training(inputs), {}
        learned = {id(each) for each in foreign.model.trainable_variables}
        asked = {name: each for name, each in foreign._variables().items() if id(each) in learned}
        with tf.GradientTape() as tape:
            found = dict(foreign._called(foreign._taken(inputs), training=True))
            total = sum(
                tf.reduce_sum(found[name] * tf.cast(array, found[name].dtype))
                for name, array in towards.items()
            )
        sources = [each.value for each in asked.values()]
        given = tape.gradient(total, sources, unconnected_gradients="zero")
    arrays = (np.array(tf.convert_to_tensor(each)) for each in given)
    return {}, dict(zip(asked, arrays, strict=True))
