"""Laws that Keras lacks, or has without fans that no shape tells."""

import math

import keras
from keras import ops


def glorot_uniform(fan_in, fan_out):
    """Uniform on ±sqrt(6 / (fan_in + fan_out))."""
    bound = math.sqrt(6 / (fan_in + fan_out))
    return keras.initializers.RandomUniform(-bound, bound)


def glorot_normal(fan_in, fan_out):
    """Normal of variance 2 / (fan_in + fan_out), cut at two deviations and rescaled."""
    stddev = math.sqrt(2 / (fan_in + fan_out)) / 0.8796256610342398
    return keras.initializers.TruncatedNormal(stddev=stddev)


def he_uniform(fan_in):
    """Uniform on ±sqrt(6 / fan_in)."""
    bound = math.sqrt(6 / fan_in)
    return keras.initializers.RandomUniform(-bound, bound)


def he_normal(fan_in):
    """Normal of variance 2 / fan_in, cut at two deviations and rescaled."""
    stddev = math.sqrt(2 / fan_in) / 0.8796256610342398
    return keras.initializers.TruncatedNormal(stddev=stddev)


def lecun_uniform(fan_in):
    """Uniform on ±sqrt(3 / fan_in)."""
    bound = math.sqrt(3 / fan_in)
    return keras.initializers.RandomUniform(-bound, bound)


def lecun_normal(fan_in):
    """Normal of variance 1 / fan_in, cut at two deviations and rescaled."""
    stddev = math.sqrt(1 / fan_in) / 0.8796256610342398
    return keras.initializers.TruncatedNormal(stddev=stddev)


def variance_scaling(fan_in, fan_out, scale, mode, distribution):
    """Values of variance scale / fan; a normal law that is cut at two deviations is rescaled."""
    fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    stddev = math.sqrt(scale / fans[mode])
    if distribution == "uniform":
        bound = math.sqrt(3) * stddev
        return keras.initializers.RandomUniform(-bound, bound)
    if distribution == "untruncated_normal":
        return keras.initializers.RandomNormal(stddev=stddev)
    return keras.initializers.TruncatedNormal(stddev=stddev / 0.8796256610342398)


@keras.saving.register_keras_serializable()
class DepthwiseOrthogonal(keras.initializers.Orthogonal):
    """Orthogonal over the channels and what each gives, the window the other axis."""

    def __call__(self, shape, dtype=None):
        window = math.prod(shape[:-2])
        kernel = super().__call__((window, shape[-2] * shape[-1]), dtype=dtype)
        return ops.reshape(kernel, shape)


@keras.saving.register_keras_serializable()
class Stacked(keras.initializers.Initializer):
    """Two rows, each by a law of its own."""

    def __init__(self, first, second):
        self.first = keras.initializers.get(first)
        self.second = keras.initializers.get(second)

    def __call__(self, shape, dtype=None):
        laws = (self.first, self.second)
        return ops.stack([law(shape[1:], dtype=dtype) for law in laws])

    def get_config(self):
        return {
            "first": keras.initializers.serialize(self.first),
            "second": keras.initializers.serialize(self.second),
        }
