"""The Gaussian error linear unit, exact in any precision."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable()
def gelu(x):
    """Gaussian error linear unit, its constants as precise as `x`."""
    return 0.5 * x * (1 + ops.erf(x / math.sqrt(2)))


@keras.saving.register_keras_serializable()
def gelu_tanh(x):
    """Gaussian error linear unit with tanh for erf, its constants as precise as `x`."""
    return 0.5 * x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
