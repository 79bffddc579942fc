"""BreastCancer, compiled from breast_cancer.yaml."""

import keras
from keras import layers


def dense_block(x, units, name):
    """x (batch, features) -> dropout (batch, units)."""
    x = layers.Dense(units, use_bias=False, name=f"{name}.linear")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm")(x)
    x = layers.Activation("relu", name=f"{name}.relu_1")(x)
    return layers.Dropout(0.3, name=f"{name}.dropout")(x)


def breast_cancer() -> keras.Model:
    """features (batch, 30) -> probability (batch, 1)."""
    features = keras.Input((30,), name="features")
    x = dense_block(features, units=32, name="wide")
    x = dense_block(x, units=16, name="narrow")
    x = layers.Dense(1, name="score")(x)
    probability = layers.Activation("sigmoid", name="probability")(x)
    return keras.Model(features, probability, name="BreastCancer")
