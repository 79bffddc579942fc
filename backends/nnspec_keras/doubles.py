"""Layers in float64 for which TensorFlow's CPU has float32 kernels only.

What `nnspec compile` writes names Keras's own layers. Only where a verification runs that source
in float64 does it find these in their place, which are made of kernels that TensorFlow has.
"""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import Any

from keras import layers, ops


def lend_doubles(emitted: ModuleType) -> None:
    """Give an emitted module these layers, in its own `layers` alone."""
    if "layers" in vars(emitted):
        stood_in = {"AveragePooling3D": _AveragePooling3D}
        vars(emitted)["layers"] = SimpleNamespace(**{**vars(layers), **stood_in})


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
