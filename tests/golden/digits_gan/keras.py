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


def hidden_block(x, name):
    """x (batch, features) -> relu_1 (batch, 256)."""
    x = layers.Dense(256, use_bias=False, name=f"{name}.dense")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm")(x)
    return layers.Activation("relu", name=f"{name}.relu_1")(x)


def generator_model() -> keras.Model:
    """noise (batch, 8) -> pixels (batch, 1, 8, 8)."""
    noise = keras.Input((8,), name="noise")
    x = noise
    for i in range(5):
        x = hidden_block(x, name=f"hidden.{i}")
    x = layers.Dense(64, activation="sigmoid", name="grey")(x)
    x = layers.Reshape((1, 8, 8), name="reshape_1")(x)  # (batch, 1, 8, 8)
    pixels = Rescale(16.0, name="pixels")(x)
    return keras.Model(noise, pixels, name="Generator")


def discriminator_model() -> keras.Model:
    """image (batch, 1, 8, 8) -> rescaling_2 (batch, 1)."""
    image = keras.Input((1, 8, 8), name="image")
    x = Rescale(0.125, -1.0, name="rescaling_1")(image)
    x = layers.Flatten(data_format="channels_last", name="flatten_1")(x)
    x = layers.Dense(256, name="look1")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="look1.leaky_relu")(x)
    x = layers.Dense(256, name="look2")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="look2.leaky_relu")(x)
    x = layers.Dense(1, name="score")(x)
    rescaling_2 = Rescale(16.0, name="rescaling_2")(x)
    return keras.Model(image, rescaling_2, name="Discriminator")
