"""Diabetes, compiled from diabetes.yaml."""

import keras
from keras import layers


def diabetes() -> keras.Model:
    """patient (batch, 10) -> progression (batch, 1)."""
    patient = keras.Input((10,), name="patient")
    x = layers.Dense(32, activation="tanh", name="hidden")(patient)
    x = layers.Dense(16, activation="elu", name="narrow")(x)
    progression = layers.Dense(1, name="progression")(x)
    return keras.Model(patient, progression, name="Diabetes")
