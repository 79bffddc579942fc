"""Transposed convolutions."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class GroupedConvTranspose(layers.Layer):
    """Transposed convolution with groups and dilation; channels last, nothing cropped."""

    def __init__(
        self,
        filters,
        kernel_size,
        strides,
        dilation_rate,
        groups=1,
        output_padding=None,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = tuple(kernel_size)
        self.strides = tuple(strides)
        self.dilation_rate = tuple(dilation_rate)
        self.groups = groups
        self.output_padding = output_padding and tuple(output_padding)
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, self.filters // self.groups, input_shape[-1]),
            initializer=self.kernel_initializer,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias", shape=(self.filters,), initializer=self.bias_initializer
            )

    def call(self, x):
        kernel = ops.convert_to_tensor(self.kernel)
        for axis, rate in enumerate(self.dilation_rate):
            if rate > 1:
                # Zeros between the elements, but none after the last.
                zeros = [ops.zeros_like(kernel)] * (rate - 1)
                shape = list(kernel.shape)
                shape[axis] *= rate
                kernel = ops.stack([kernel, *zeros], axis=axis + 1)
                kernel = ops.reshape(kernel, shape)
                kernel = kernel[(slice(None),) * axis + (slice(1 - rate),)]
        pairs = zip(
            ops.split(x, self.groups, axis=-1), ops.split(kernel, self.groups, axis=-1)
        )
        parts = [
            ops.conv_transpose(
                part,
                weight,
                self.strides,
                padding="valid",
                output_padding=self.output_padding,
                data_format="channels_last",
            )
            for part, weight in pairs
        ]
        y = ops.concatenate(parts, axis=-1)
        return self.activation(y + self.bias if self.use_bias else y)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "output_padding": self.output_padding,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }
