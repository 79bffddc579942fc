"""Functions of each element."""

import keras
from keras import layers


@keras.saving.register_keras_serializable()
class Rescale(layers.Layer):
    """Scales and moves; outside a layer Keras would call the product sparse."""

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset

    def call(self, x):
        return x * self.scale + self.offset

    def get_config(self):
        own = {"scale": self.scale, "offset": self.offset}
        return {**super().get_config(), **own}
