"""DigitsGan, compiled from digits_gan.yaml."""

import keras
from keras import layers


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


def generator_model() -> keras.Model:
    """noise (batch, 32) -> pixels (batch, 1, 8, 8)."""
    noise = keras.Input((32,), name="noise")
    x = layers.Dense(512, use_bias=False, name="seed")(noise)
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, name="batch_normalization_1"
    )(x)
    x = layers.Activation("relu", name="relu_1")(x)
    x = layers.Reshape((128, 2, 2), name="reshape_1")(x)  # (batch, 128, 2, 2)
    x = layers.Permute((2, 3, 1))(x)  # channels last
    x = layers.Conv2DTranspose(64, 4, strides=2, use_bias=False, name="grow1")(x)[
        :, 1:-1, 1:-1
    ]
    x = layers.BatchNormalization(
        momentum=0.9, epsilon=1e-5, name="batch_normalization_2"
    )(x)
    x = layers.Activation("relu", name="relu_2")(x)
    x = layers.Conv2DTranspose(1, 4, strides=2, name="grow2")(x)[:, 1:-1, 1:-1]
    x = layers.Activation("sigmoid", name="sigmoid_1")(x)
    x = Rescale(16.0, name="pixels")(x)
    pixels = layers.Permute((3, 1, 2))(x)  # channels first
    return keras.Model(noise, pixels, name="Generator")


def discriminator_model() -> keras.Model:
    """image (batch, 1, 8, 8) -> score (batch, 1)."""
    image = keras.Input((1, 8, 8), name="image")
    x = Rescale(0.125, -1.0, name="rescaling_1")(image)
    x = layers.Permute((2, 3, 1))(x)  # channels last
    x = layers.Conv2D(32, 3, padding="same", name="look1")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="look1.leaky_relu")(x)
    x = layers.Conv2D(64, 4, strides=2, padding="same", name="look2")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="look2.leaky_relu")(x)
    x = layers.Dropout(0.3, name="dropout_1")(x)
    x = layers.Conv2D(128, 4, strides=2, padding="same", name="look3")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="look3.leaky_relu")(x)
    x = layers.Dropout(0.3, name="dropout_2")(x)
    x = layers.Permute((3, 1, 2))(x)  # channels first
    x = layers.Flatten(name="flatten_1")(x)
    score = layers.Dense(1, name="score")(x)
    return keras.Model(image, score, name="Discriminator")
