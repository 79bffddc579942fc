"""Transposed convolutions in Keras."""

from __future__ import annotations

from typing import Any

from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.transposed import ConvolutionTranspose
from nnspec_keras.convolution import sliced
from nnspec_keras.core import compact, kernel_and_bias, weighted
from nnspec_keras.initial import initializer


def convolution_transpose(layer: ConvolutionTranspose[Any, Any, Any], context: Context) -> Lowered:
    """layers.Conv1DTranspose to 3D, and a slice of its output for what it cannot crop.

    Keras has no groups there, and TensorFlow no dilation on a CPU: for these, a helper.
    """
    crops, extra, spans = layer.crops(), layer.extra(), layer.spans()
    keywords: dict[str, object] = {}
    is_grouped = layer.groups > 1 or max(layer.dilation_rate) > 1
    if is_grouped:
        function, size = "GroupedConvTranspose", ("kernel_size", layer.kernel_size)
        keywords["strides"] = layer.strides
        keywords["dilation_rate"] = layer.dilation_rate
        if layer.groups > 1:
            keywords["groups"] = layer.groups
    else:
        function = f"layers.Conv{len(spans)}DTranspose"
        size = ("kernel_size", compact(layer.kernel_size))
        if max(layer.strides) > 1:
            keywords["strides"] = compact(layer.strides)
    slices = [":"] * len(spans)
    if layer.padding == "same" and not is_grouped and max(spans) > 1:
        keywords["padding"] = "same"
    else:
        # The end keeps what is added beyond what is cropped; "valid" fills gaps that strides leave.
        tails = [more - end for (_, end), more in zip(crops, extra, strict=True)]
        gaps = [max(s - k, 0) for k, s in zip(spans, layer.strides, strict=True)]
        if any(tail > gap for tail, gap in zip(tails, gaps, strict=True)):
            gaps = [max(tail, 0) for tail in tails]
            keywords["output_padding"] = tuple(gaps)
        slices = [
            _slice(begin, tail - gap)
            for (begin, _), tail, gap in zip(crops, tails, gaps, strict=True)
        ]
    parameters = context.parameters(layer)
    fans = "sum" if layer.groups == 1 else ""
    laws = weighted(
        layer, parameters, {"kernel_initializer": initializer(parameters[0], fans=fans)}
    )
    module = call(function, ("filters", layer.filters), size, **keywords, **laws)
    forward = "{module}({0})" + sliced(slices)
    return Lowered(forward, module, parameters=kernel_and_bias(parameters))


def _slice(begin: int, end: int) -> str:
    return f"{begin or ''}:{end or ''}"


_GROUPED_CONV_TRANSPOSE = '''\
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
'''

HELPERS = {"GroupedConvTranspose": _GROUPED_CONV_TRANSPOSE.rstrip()}
