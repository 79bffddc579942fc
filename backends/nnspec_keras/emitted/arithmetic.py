"""Functions of each element."""

import keras
from keras import layers, ops


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


@keras.saving.register_keras_serializable()
class Sampling(layers.Layer):
    """In training draws from a normal distribution, given its mean and log variance."""

    def __init__(self, stddev=1.0, **kwargs):
        super().__init__(**kwargs)
        self.stddev = stddev
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, mean, log_variance, training=False):
        if not training:
            return mean
        noise = keras.random.normal(
            ops.shape(mean), dtype=mean.dtype, seed=self.seed_generator
        )
        return mean + self.stddev * ops.exp(log_variance / 2) * noise

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}
