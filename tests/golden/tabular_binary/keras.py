"""TabularBinary, compiled from tabular_binary.yaml."""

import keras
from keras import layers


def tabular_binary() -> keras.Model:
    """features (batch, 2) -> probability (batch, 1)."""
    features = keras.Input((2,), name="features")
    x = layers.Dense(8, activation="relu", name="hidden")(features)
    x = layers.Dense(1, name="score")(x)
    probability = layers.Activation("sigmoid", name="probability")(x)
    return keras.Model(features, probability, name="TabularBinary")
