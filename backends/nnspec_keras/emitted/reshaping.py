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
