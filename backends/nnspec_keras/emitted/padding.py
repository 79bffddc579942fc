"""Padding that TensorFlow lacks."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class ReplicationPadding(layers.Layer):
    """Repeats the outermost elements of each spatial axis."""

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, x):
        for i in range(max(map(max, self.padding))):
            # To mirror one element is to repeat it.
            pads = [(int(begin > i), int(end > i)) for begin, end in self.padding]
            x = ops.pad(x, [(0, 0), *pads, (0, 0)], mode="symmetric")
        return x

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}
