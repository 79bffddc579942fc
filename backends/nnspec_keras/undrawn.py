"""Builds a model without drawing its weights, which it is given at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf

try:  # no part of Keras's interface, which another version may have elsewhere
    from keras.src.backend.tensorflow.core import Variable
    from keras.src.initializers.random_initializers import RandomInitializer
except ImportError:
    Variable = None


@contextmanager
def undrawn() -> Iterator[None]:
    """Let what a random initializer would draw be zeros.

    To draw the weights of a large network takes longer than all else of building it. Where this
    version of Keras does not say how they are drawn, they are.
    """
    if not hasattr(Variable, "_initialize_with_initializer"):
        yield
        return
    draw = Variable._initialize_with_initializer

    def fill(variable: Any, initializer: Callable[..., Any]) -> None:
        if isinstance(initializer, RandomInitializer):
            variable._initialize(lambda: tf.zeros(variable._shape, variable._dtype))
        else:
            draw(variable, initializer)

    Variable._initialize_with_initializer = fill
    try:
        yield
    finally:
        Variable._initialize_with_initializer = draw
