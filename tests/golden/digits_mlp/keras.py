"""DigitsMLP, compiled from digits_mlp.yaml."""

import keras
from keras import layers


def digits_mlp() -> keras.Model:
    """pixels (batch, 64) -> probabilities (batch, 10)."""
    pixels = keras.Input((64,), name="pixels")
    x = layers.Dense(
        128, activation="relu", kernel_initializer="he_uniform", name="hidden1"
    )(pixels)
    x = layers.Dropout(0.2, name="dropout")(x)
    x = layers.Dense(
        64, activation="relu", kernel_initializer="he_uniform", name="hidden2"
    )(x)
    x = layers.Dense(10, name="scores")(x)
    probabilities = layers.Softmax(name="probabilities")(x)
    return keras.Model(pixels, probabilities, name="DigitsMLP")
