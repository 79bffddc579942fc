"""specs/digits_mlp.yaml, written by hand in Keras; logits out."""

import keras
from keras import layers


def build(width: int = 128, dropout: float = 0.2) -> keras.Model:
    """(batch, 64) -> (batch, 10)."""
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(width, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(width // 2, activation="relu"),
            layers.Dense(10),
        ]
    )
