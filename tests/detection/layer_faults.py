"""Layers that one source backend expresses wrongly."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.detection.framework import Injection, layer, network
from tests.detection.patches import fields, forward, lowering, natives, parameter

IMAGE = {"image": [2, 6, 6]}
VECTOR = {"x": [6]}
SEQUENCE = {"x": ["time", 4]}


def bent(kind: str, **settings: Any) -> str:
    """Return a network with an activation between two dense layers."""
    return network(
        VECTOR,
        layer("dense", "before", units=8),
        layer(kind, "suspect", **settings),
        layer("dense", "after", units=3),
    )


def image(kind: str, before: int = 4, **settings: Any) -> str:
    """Return a network with a layer of images between two convolutions."""
    return network(
        IMAGE,
        layer("conv2d", "before", filters=before, kernel_size=3, padding="same"),
        layer(kind, "suspect", **settings),
        layer("conv2d", "after", filters=2, kernel_size=1),
    )


def sequence(kind: str, **settings: Any) -> str:
    """Return a network with a layer of sequences between two dense layers."""
    return network(
        SEQUENCE,
        layer("dense", "before", units=8),
        layer(kind, "suspect", **settings),
        layer("dense", "after", units=3),
    )


def fault(name: str, side: str, kind: str, spec: str, inject: Any) -> Injection:
    return Injection(name, kind, side, spec, inject, ("suspect",))


ACTIVATIONS = [
    fault(
        "gelu tanh for erf",
        "torch",
        "activation",
        bent("gelu"),
        fields("torch", "gelu", approximate=True),
    ),
    fault(
        "gelu quick",
        "torch",
        "activation",
        bent("gelu"),
        forward("torch", "gelu", "{0} * torch.sigmoid(1.702 * {0})"),
    ),
    fault(
        "gelu of keras",
        "keras",
        "activation",
        network(
            IMAGE,
            layer("conv2d", "before", filters=4, kernel_size=3),
            layer("gelu", "suspect"),
            layer("conv2d", "after", filters=3, kernel_size=3),
        ),
        forward("keras", "gelu", "keras.activations.gelu({0}, approximate=False)"),
    ),
    fault(
        "leaky slope of keras",
        "keras",
        "activation",
        bent("leaky_relu", negative_slope=0.01),
        fields("keras", "leaky_relu", negative_slope=0.3),
    ),
    fault(
        "leaky slope",
        "torch",
        "activation",
        bent("leaky_relu", negative_slope=0.2),
        fields("torch", "leaky_relu", negative_slope=0.01),
    ),
    fault(
        "elu alpha",
        "keras",
        "activation",
        bent("elu", alpha=0.5),
        fields("keras", "elu", alpha=1.0),
    ),
    fault(
        "selu scale",
        "torch",
        "activation",
        bent("selu"),
        forward("torch", "selu", "F.selu({0}) * 1.0001"),
    ),
    fault(
        "silu as hard_silu",
        "torch",
        "activation",
        bent("silu"),
        forward("torch", "silu", "F.hardswish({0})"),
    ),
    fault(
        "softplus linear from 8",
        "torch",
        "activation",
        bent("softplus"),
        forward("torch", "softplus", "F.softplus({0}, threshold=8)"),
    ),
    fault(
        "softplus of beta 2",
        "torch",
        "activation",
        bent("softplus"),
        forward("torch", "softplus", "F.softplus({0}, beta=2)"),
    ),
    fault(
        "hard_sigmoid slope 0.2",
        "keras",
        "activation",
        bent("hard_sigmoid"),
        forward("keras", "hard_sigmoid", "ops.clip(0.2 * {0} + 0.5, 0.0, 1.0)"),
    ),
    fault(
        "mish as silu",
        "keras",
        "activation",
        bent("mish"),
        forward("keras", "mish", "keras.activations.silu({0})"),
    ),
    fault(
        "softsign as tanh",
        "torch",
        "activation",
        bent("softsign"),
        forward("torch", "softsign", "torch.tanh({0})"),
    ),
    fault(
        "celu alpha",
        "torch",
        "activation",
        bent("celu", alpha=0.7),
        fields("torch", "celu", alpha=1.0),
    ),
    fault(
        "hard_tanh limits",
        "torch",
        "activation",
        bent("hard_tanh"),
        forward("torch", "hard_tanh", "torch.clamp({0}, -1.1, 1.1)"),
    ),
    fault(
        "soft_shrink threshold",
        "torch",
        "activation",
        bent("soft_shrink", threshold=0.3),
        fields("torch", "soft_shrink", threshold=0.5),
    ),
    fault(
        "squareplus b",
        "keras",
        "activation",
        bent("squareplus", b=2.0),
        fields("keras", "squareplus", b=4.0),
    ),
    fault(
        "sigmoid as hard_sigmoid",
        "torch",
        "activation",
        bent("sigmoid"),
        forward("torch", "sigmoid", "F.hardsigmoid({0})"),
    ),
    fault(
        "glu halves swapped",
        "torch",
        "activation",
        bent("glu"),
        forward("torch", "glu", "F.glu(torch.roll({0}, {0}.shape[-1] // 2, -1), -1)"),
    ),
    fault(
        "prelu without slope",
        "torch",
        "activation",
        image("prelu"),
        forward("torch", "prelu", "F.relu({0}) + 0 * {module}({0})"),
    ),
    fault(
        "log_softmax as softmax",
        "torch",
        "activation",
        bent("log_softmax"),
        forward("torch", "log_softmax", "torch.softmax({0}, dim=-1)"),
    ),
    fault(
        "softmax over another axis",
        "torch",
        "axis",
        sequence("softmax"),
        forward("torch", "softmax", "torch.softmax({0}, dim=1)"),
    ),
    fault(
        "relu leaks",
        "keras",
        "activation",
        bent("relu"),
        forward("keras", "relu", "keras.activations.leaky_relu({0}, 1e-6)"),
    ),
    fault(
        "tanh in lower precision",
        "torch",
        "rounding",
        bent("tanh"),
        forward("torch", "tanh", "torch.tanh({0}.float()).to({0}.dtype)"),
    ),
    fault(
        "threshold includes",
        "torch",
        "ties",
        network(
            VECTOR,
            layer("threshold", "suspect", threshold=1.0, default_value=-2.0),
            layer("dense", "after", units=3),
        ),
        forward("torch", "threshold", "torch.where({0} >= 1.0, {0}, -2.0)"),
    ),
    fault(
        "hard_shrink includes",
        "torch",
        "ties",
        network(
            VECTOR, layer("hard_shrink", "suspect", threshold=1.0), layer("dense", "after", units=3)
        ),
        forward("torch", "hard_shrink", "torch.where({0}.abs() >= 1.0, {0}, 0.0)"),
    ),
]

NORMALIZATION = [
    fault(
        "batch norm epsilon",
        "keras",
        "constant",
        image("batch_normalization"),
        fields("keras", "batch_normalization", epsilon=1e-3),
    ),
    fault(
        "batch norm epsilon",
        "torch",
        "constant",
        image("batch_normalization"),
        fields("torch", "batch_normalization", epsilon=2e-5),
    ),
    fault(
        "batch norm of the batch at inference",
        "torch",
        "constant",
        image("batch_normalization"),
        forward(
            "torch",
            "batch_normalization",
            "F.batch_norm({0}, None, None, {module}.weight, {module}.bias, True)",
        ),
    ),
    fault(
        "layer norm epsilon",
        "keras",
        "constant",
        sequence("layer_normalization"),
        fields("keras", "layer_normalization", epsilon=1e-3),
    ),
    fault(
        "layer norm epsilon",
        "torch",
        "constant",
        sequence("layer_normalization"),
        fields("torch", "layer_normalization", epsilon=1e-6),
    ),
    fault(
        "rms epsilon",
        "torch",
        "constant",
        sequence("rms_normalization"),
        fields("torch", "rms_normalization", epsilon=1e-8),
    ),
    fault(
        "rms of the mean taken off",
        "torch",
        "constant",
        sequence("rms_normalization"),
        forward("torch", "rms_normalization", "{module}({0} - {0}.mean(-1, keepdim=True))"),
    ),
    fault(
        "group norm groups",
        "torch",
        "constant",
        image("group_normalization", groups=2),
        fields("torch", "group_normalization", groups=4),
    ),
    fault(
        "group norm epsilon",
        "keras",
        "constant",
        image("group_normalization", groups=2),
        fields("keras", "group_normalization", epsilon=1e-3),
    ),
    fault(
        "instance norm epsilon",
        "torch",
        "constant",
        image("instance_normalization"),
        fields("torch", "instance_normalization", epsilon=1e-3),
    ),
    fault(
        "unit norm of the sum",
        "torch",
        "constant",
        sequence("unit_normalization"),
        forward("torch", "unit_normalization", "F.normalize({0}, p=1, dim=-1)"),
    ),
]


def _shift(side: str) -> Any:
    def change(given: Any, context: Any, original: Any) -> Any:
        if given.padding != "same" or max(given.strides) == 1:
            return None
        pads = tuple(
            (end, begin) for begin, end in given.pads(context.inputs[0].shape, context.data_format)
        )
        return original(given.model_copy(update={"padding": pads}), context)

    return lowering(side, "conv2d", change)


def _conv(**settings: Any) -> str:
    return image("conv2d", **{"filters": 4, "kernel_size": 3, **settings})


CONVOLUTION = [
    fault(
        "same padding shifted",
        "torch",
        "padding",
        _conv(strides=2, padding="same"),
        _shift("torch"),
    ),
    fault(
        "same padding shifted",
        "keras",
        "padding",
        _conv(strides=2, padding="same"),
        _shift("keras"),
    ),
    fault(
        "reflected padding",
        "torch",
        "padding",
        _conv(filters=3, padding="same"),
        forward(
            "torch",
            "conv2d",
            "{module}({0}) if {0}.shape[1] != 4 or {module}.out_channels != 3 else "
            "F.conv2d(F.pad({0}, (1, 1, 1, 1), mode='reflect'), {module}.weight, "
            "{module}.bias)",
        ),
    ),
    fault(
        "dilation left out",
        "torch",
        "constant",
        _conv(filters=3, dilation_rate=2, padding="same"),
        fields("torch", "conv2d", dilation_rate=(1, 1)),
    ),
    fault(
        "kernel flipped",
        "torch",
        "layout",
        _conv(filters=3),
        forward(
            "torch",
            "conv2d",
            "{module}({0}) if {module}.out_channels != 3 else "
            "F.conv2d({0}, {module}.weight.flip(-1, -2), {module}.bias)",
        ),
    ),
    fault(
        "kernel turned",
        "keras",
        "layout",
        _conv(),
        natives(
            "keras",
            "conv2d",
            lambda native: (
                dataclasses.replace(native, permutation=(3, 2, 1, 0))
                if native.permutation
                else native
            ),
        ),
    ),
    fault(
        "transposed convolution flipped",
        "torch",
        "layout",
        image("conv2d_transpose", filters=3, kernel_size=3, strides=2),
        forward(
            "torch",
            "conv2d_transpose",
            "F.conv_transpose2d({0}, {module}.weight.flip(-1), {module}.bias, "
            "{module}.stride, {module}.padding, {module}.output_padding)",
        ),
    ),
    fault(
        "depthwise multiplier order",
        "keras",
        "layout",
        image("depthwise_conv2d", kernel_size=3, depth_multiplier=2),
        natives(
            "keras",
            "depthwise_conv2d",
            lambda native: (
                dataclasses.replace(
                    native,
                    shape=(native.shape[1], native.shape[0], *native.shape[2:]),
                    permutation=(2, 3, 1, 0),
                )
                if native.shape
                else native
            ),
        ),
    ),
    fault(
        "bias left out",
        "keras",
        "bias",
        image("conv2d_transpose", filters=3, kernel_size=2),
        parameter("keras", "suspect.bias", np.zeros_like),
    ),
]

POOLING = [
    fault(
        "average counts padding",
        "torch",
        "constant",
        image("average_pooling2d", pool_size=3, strides=2, padding="same"),
        fields("torch", "average_pooling2d", count_include_pad=True),
    ),
    fault(
        "max pads with zeros",
        "torch",
        "padding",
        image("max_pooling2d", pool_size=3, strides=2, padding="same"),
        forward("torch", "max_pooling2d", "F.max_pool2d(F.pad({0}, (0, 1, 0, 1)), 3, 2)"),
    ),
    fault(
        "average as maximum",
        "keras",
        "activation",
        image("average_pooling2d", pool_size=2),
        forward("keras", "average_pooling2d", "layers.MaxPooling2D(2)({0})"),
    ),
    fault(
        "global mean as maximum",
        "torch",
        "activation",
        network(
            IMAGE,
            layer("conv2d", "before", filters=4, kernel_size=3),
            layer("global_average_pooling2d", "suspect"),
            layer("dense", "after", units=3),
        ),
        forward("torch", "global_average_pooling2d", "{0}.amax((2, 3))"),
    ),
    fault(
        "pixel shuffle order",
        "torch",
        "layout",
        image("pixel_shuffle", before=8, upscale_factor=2),
        forward(
            "torch",
            "pixel_shuffle",
            "F.pixel_shuffle({0}.reshape(-1, 4, 2, 6, 6).transpose(1, 2).reshape(-1, 8, 6, 6), 2)",
        ),
    ),
    fault(
        "resize with aligned corners",
        "torch",
        "rounding",
        image("resize", size=[9, 11], interpolation="bilinear"),
        forward(
            "torch", "resize", "F.interpolate({0}, (9, 11), mode='bilinear', align_corners=True)"
        ),
    ),
    fault(
        "resize nearest rounds",
        "torch",
        "rounding",
        image("resize", size=[9, 11], interpolation="nearest"),
        forward("torch", "resize", "F.interpolate({0}, (9, 11), mode='nearest-exact')"),
    ),
    fault(
        "reflection as replication",
        "torch",
        "padding",
        image("reflection_padding2d", padding=2),
        forward("torch", "reflection_padding2d", "F.pad({0}, (2, 2, 2, 2), mode='replicate')"),
    ),
]

SHAPES = [
    fault(
        "flatten channels last",
        "torch",
        "layout",
        network(
            IMAGE,
            layer("conv2d", "before", filters=4, kernel_size=3),
            layer("flatten", "suspect"),
            layer("dense", "after", units=3),
        ),
        forward("torch", "flatten", "torch.flatten({0}.permute(0, 2, 3, 1), 1)"),
    ),
    fault(
        "dense transposed",
        "keras",
        "weights",
        network(
            VECTOR, layer("dense", "suspect", units=6), "tanh", layer("dense", "after", units=3)
        ),
        parameter("keras", "suspect.weight", np.transpose),
    ),
    fault(
        "bias left out",
        "torch",
        "bias",
        network(
            VECTOR, layer("dense", "suspect", units=5), "tanh", layer("dense", "after", units=3)
        ),
        forward(
            "torch",
            "dense",
            "({module}({0}) if {module}.out_features != 5 else F.linear({0}, {module}.weight))",
        ),
    ),
    fault(
        "bias twice",
        "keras",
        "bias",
        network(
            VECTOR, layer("dense", "suspect", units=5), "tanh", layer("dense", "after", units=3)
        ),
        parameter("keras", "suspect.bias", lambda bias: 2 * bias),
    ),
    fault(
        "permute reversed",
        "torch",
        "layout",
        network(
            {"x": [3, 4, 5]},
            layer("permute", "suspect", axes=[1, 2, 0]),
            "flatten",
            layer("dense", "after", units=3),
        ),
        forward("torch", "permute", "{forward}.flip(1)"),
    ),
    fault(
        "concatenate order",
        "torch",
        "layout",
        network(
            {"x": [4], "y": [4]},
            layer("concatenate", "suspect", "x", "y"),
            layer("dense", "after", units=3),
        ),
        forward("torch", "concatenate", "torch.cat(({1}, {0}), dim=1)"),
    ),
    fault(
        "subtract order",
        "torch",
        "layout",
        network(
            {"x": [4], "y": [4]},
            layer("subtract", "suspect", "x", "y"),
            layer("dense", "after", units=3),
        ),
        forward("torch", "subtract", "{1} - {0}"),
    ),
    fault(
        "variance unbiased",
        "torch",
        "constant",
        sequence("reduce_variance", axes=[-1], keepdims=True),
        forward("torch", "reduce_variance", "torch.var({0}, dim=-1, keepdim=True)"),
    ),
    fault(
        "norm epsilon",
        "torch",
        "constant",
        sequence("reduce_norm", axes=[-1], keepdims=True, epsilon=1e-3),
        fields("torch", "reduce_norm", epsilon=0.0),
    ),
    fault(
        "split order",
        "torch",
        "layout",
        network(
            {"x": [6]},
            layer("split", "suspect", sizes=[3, 3]),
            layer("subtract", "taken", "suspect", "suspect.1"),
            layer("dense", "after", units=3),
        ),
        forward("torch", "split", "torch.chunk({0}, 2, dim=-1)[::-1]"),
    ),
    fault(
        "cast rounds",
        "torch",
        "rounding",
        network(
            VECTOR, layer("rescaling", "scaled", scale=3.0), layer("cast", "suspect", dtype="int32")
        ),
        forward("torch", "cast", "torch.round({0}).to(torch.int32)"),
    ),
    fault(
        "argmax over another axis",
        "torch",
        "axis",
        network({"x": [5, 5]}, layer("argmax", "suspect", axis=-1)),
        forward("torch", "argmax", "torch.argmax({0}, dim=1)"),
    ),
    fault(
        "clip limits",
        "torch",
        "constant",
        bent("clip", min_value=-0.5, max_value=0.5),
        forward("torch", "clip", "{0}.clamp(-0.5, 0.6)"),
    ),
    fault(
        "rescaling offset first",
        "torch",
        "constant",
        bent("rescaling", scale=2.0, offset=0.5),
        forward("torch", "rescaling", "({0} + 0.5) * 2.0"),
    ),
    fault(
        "power of the absolute value",
        "torch",
        "activation",
        bent("power", exponent=3.0),
        forward("torch", "power", "torch.abs({0}) ** 3.0"),
    ),
]

FAULTS = (*ACTIVATIONS, *NORMALIZATION, *CONVOLUTION, *POOLING, *SHAPES)
