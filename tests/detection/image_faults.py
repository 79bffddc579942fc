"""Normalisations, convolutions and poolings that one source backend expresses wrongly."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.detection.framework import layer, network
from tests.detection.patches import fields, forward, lowering, natives, parameter
from tests.detection.suspects import IMAGE, fault, image, sequence

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
        "resize nearest from corners",
        "torch",
        "rounding",
        image("resize", size=[9, 11], interpolation="nearest"),
        forward("torch", "resize", "F.interpolate({0}, (9, 11), mode='nearest')"),
    ),
    fault(
        "reflection as replication",
        "torch",
        "padding",
        image("reflection_padding2d", padding=2),
        forward("torch", "reflection_padding2d", "F.pad({0}, (2, 2, 2, 2), mode='replicate')"),
    ),
]

FAULTS = (*NORMALIZATION, *CONVOLUTION, *POOLING)
