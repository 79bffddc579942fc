"""DigitsCNN, compiled from digits_cnn.yaml."""

import keras
from keras import layers


def residual(x, filters, name):
    """x (batch, height, width, filters) -> relu2 (batch, height, width, filters)."""
    y = layers.Conv2D(
        filters,
        3,
        padding="same",
        data_format="channels_last",
        use_bias=False,
        name=f"{name}.conv1",
    )(x)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm1")(y)
    y = layers.Activation("relu", name=f"{name}.relu1")(y)
    y = layers.Conv2D(
        filters,
        3,
        padding="same",
        data_format="channels_last",
        use_bias=False,
        name=f"{name}.conv2",
    )(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm2")(y)
    y = layers.Add(name=f"{name}.joined")([x, y])
    return layers.Activation("relu", name=f"{name}.relu2")(y)


def digits_cnn() -> keras.Model:
    """image (batch, 1, 8, 8) -> probabilities (batch, 10)."""
    image = keras.Input((1, 8, 8), name="image")
    x = layers.Permute((2, 3, 1))(image)  # channels last
    x = layers.Conv2D(
        16,
        3,
        padding="same",
        data_format="channels_last",
        activation="relu",
        name="stem",
    )(x)
    x = residual(x, filters=16, name="block1")
    x = layers.Conv2D(
        32,
        3,
        padding="same",
        data_format="channels_last",
        activation="relu",
        name="widen",
    )(x)
    x = layers.MaxPooling2D(2, data_format="channels_last", name="pool")(x)
    x = residual(x, filters=32, name="block2")
    x = layers.Permute((3, 1, 2))(x)  # channels first
    x = layers.Flatten(data_format="channels_last", name="flatten_1")(x)
    x = layers.Dense(64, activation="relu", name="hidden")(x)
    x = layers.Dense(10, name="scores")(x)
    probabilities = layers.Softmax(name="probabilities")(x)
    return keras.Model(image, probabilities, name="DigitsCNN")
