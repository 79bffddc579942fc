"""Convolutions of which a call may move the window otherwise."""

import keras
from keras import layers, ops


class Varying(layers.Layer):
    """Lets a call of a convolution move the window otherwise than the layer does."""

    convolve = staticmethod(ops.conv)

    def call(self, x, strides=None, padding="valid", dilation_rate=1):
        if strides is None:
            return super().call(x)
        y = self.convolve(
            x, self.kernel, strides, padding, "channels_last", dilation_rate
        )
        return y + self.bias if self.use_bias else y

    def compute_output_spec(self, x, **window):
        return keras.Operation.compute_output_spec(self, x, **window)


@keras.saving.register_keras_serializable()
class VaryingConv1D(Varying, layers.Conv1D):
    """A convolution of which a call may move the window otherwise."""


@keras.saving.register_keras_serializable()
class VaryingConv2D(Varying, layers.Conv2D):
    """A convolution of which a call may move the window otherwise."""


@keras.saving.register_keras_serializable()
class VaryingConv3D(Varying, layers.Conv3D):
    """A convolution of which a call may move the window otherwise."""


@keras.saving.register_keras_serializable()
class VaryingDepthwiseConv1D(Varying, layers.DepthwiseConv1D):
    """A convolution of which a call may move the window otherwise."""

    convolve = staticmethod(ops.depthwise_conv)


@keras.saving.register_keras_serializable()
class VaryingDepthwiseConv2D(Varying, layers.DepthwiseConv2D):
    """A convolution of which a call may move the window otherwise."""

    convolve = staticmethod(ops.depthwise_conv)
