"""SimpleNN, compiled from simple_nn.yaml."""

import keras
from keras import layers


def simple_nn() -> keras.Model:
    """features (batch, 10) -> probabilities (batch, 2)."""
    features = keras.Input((10,), name="features")
    x = layers.Dense(20, activation="relu", name="hidden")(features)
    x = layers.Dense(2, name="scores")(x)
    probabilities = layers.Softmax(name="probabilities")(x)
    return keras.Model(features, probabilities, name="SimpleNN")
