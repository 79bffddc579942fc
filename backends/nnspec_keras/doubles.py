"""Layers in float64 for which TensorFlow's CPU has float32 kernels only, and regularizers.

What `nnspec compile` writes names Keras's own layers. Only where a verification runs that source
in float64 does it find these in their place, which are made of kernels that TensorFlow has.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

import keras
from keras import layers, ops


def lend_doubles(emitted: ModuleType) -> None:
    """Give an emitted module these layers, in its own `layers` alone."""
    if "layers" in vars(emitted):
        stood_in = {
            "AveragePooling3D": _AveragePooling3D,
            "ActivityRegularization": _activity_regularization,
        }
        vars(emitted)["layers"] = SimpleNamespace(**{**vars(layers), **stood_in})
    if "regularize" in vars(emitted):
        own = SimpleNamespace(L1=_l1, L2=_l2, L1L2=_L1L2)
        vars(emitted)["keras"] = SimpleNamespace(**{**vars(keras), "regularizers": own})


class _L1L2(keras.regularizers.Regularizer):  # type: ignore[misc]  # Keras is not typed
    """Keras's own, whose factors it rounds to float32 first."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = l1
        self.l2 = l2

    def __call__(self, x: Any) -> Any:
        return self.l1 * ops.sum(ops.absolute(x)) + self.l2 * ops.sum(ops.square(x))


def _l1(l1: float) -> _L1L2:
    return _L1L2(l1=l1)


def _l2(l2: float) -> _L1L2:
    return _L1L2(l2=l2)


def _activity_regularization(l1: float = 0.0, l2: float = 0.0, **named: Any) -> Any:
    layer = layers.ActivityRegularization(**named)
    layer.activity_regularizer = _L1L2(l1, l2)
    return layer


class _AveragePooling3D(layers.AveragePooling3D):  # type: ignore[misc]  # Keras is not typed
    """Of the means of each plane, the mean: "same" counts as many elements in each."""

    def call(self, inputs: Any) -> Any:
        depth, *plane = self.pool_size
        step, *steps = self.strides
        _, planes, height, width, channels = ops.shape(inputs)
        x = ops.reshape(inputs, (-1, height, width, channels))
        x = ops.average_pool(x, plane, steps, self.padding, "channels_last")
        _, height, width, _ = ops.shape(x)
        x = ops.reshape(x, (-1, planes, height * width, channels))
        x = ops.average_pool(x, (depth, 1), (step, 1), self.padding, "channels_last")
        return ops.reshape(x, (-1, ops.shape(x)[1], height, width, channels))
