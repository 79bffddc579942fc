"""Reshaping where more than one size is known at run time alone."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class KeepingReshape(layers.Layer):
    """Reshapes; where the target has None it takes the sizes of these axes, in order."""

    def __init__(self, target_shape, axes, **kwargs):
        super().__init__(**kwargs)
        self.target_shape = target_shape
        self.axes = axes

    def call(self, x):
        shape = ops.shape(x)
        kept = iter(self.axes)
        target = [shape[next(kept)] if n is None else n for n in self.target_shape]
        return ops.reshape(x, (shape[0], *target))

    def get_config(self):
        return {
            **super().get_config(),
            "target_shape": self.target_shape,
            "axes": self.axes,
        }


@keras.saving.register_keras_serializable()
class MergeRows(layers.Layer):
    """Makes each element along the first axis a row of the batch."""

    def call(self, x):
        return ops.reshape(x, (-1, *ops.shape(x)[2:]))


@keras.saving.register_keras_serializable()
class PartRows(layers.Layer):
    """Puts rows back along a first axis, as many as the source has there."""

    def call(self, x, source):
        return ops.reshape(x, (-1, ops.shape(source)[1], *ops.shape(x)[1:]))
