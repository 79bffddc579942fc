"""Convolutions."""

from __future__ import annotations

from typing import Any

from nnspec.layers.shapes import Shape
from tests.cases.case import Case, image


def conv(shape: Shape, output: Shape, **fields: Any) -> list[Case]:
    return image({"type": "conv2d", "filters": output[0], **fields}, shape, output)


def last(kind: str, shape: Shape, output: Shape, **fields: Any) -> Case:
    """Return the case in channels_last alone; shapes are given channels first."""
    return row(kind, shape, output, "channels_last", **fields)


def first(kind: str, shape: Shape, output: Shape, **fields: Any) -> Case:
    return row(kind, shape, output, "channels_first", **fields)


def row(kind: str, shape: Shape, output: Shape, layout: str, **fields: Any) -> Case:
    if not kind.startswith("depthwise"):
        fields["filters"] = output[0]
    if layout == "channels_last":
        shape, output = (*shape[1:], shape[0]), (*output[1:], output[0])
    return Case({"type": kind, **fields}, (shape,), output, layout)


def dynamic(kind: str, length: str, **fields: Any) -> Case:
    if kind.startswith("conv"):
        fields["filters"] = 2
    return Case({"type": kind, **fields}, (("time", 2),), (length, 2), "channels_last")


_HALVES = ("(h + 1) // 2", "(w + 1) // 2")
"""Positions of windows that move by 2, of an image of any size."""

CASES: list[Case] = [
    *conv((3, 5, 7), (4, 3, 5), kernel_size=3),
    *conv((2, 6, 5), (3, 6, 5), kernel_size=3, padding="same"),
    *conv((2, 6, 5), (3, 6, 5), kernel_size=[2, 4], padding="same", use_bias=False),
    *conv((2, 7, 8), (3, 4, 4), kernel_size=3, padding="same", strides=2),
    *conv((2, 8, 7), (4, 4, 3), kernel_size=3, padding="same", strides=[2, 3], activation="relu"),
    *conv((2, "h", "w"), (3, *_HALVES), kernel_size=3, padding="same", strides=2),
    first(
        "conv2d", (2, "h", 7), (3, "(h + 2) // 3", 4), kernel_size=2, padding="same", strides=[3, 2]
    ),
    last(
        "conv2d",
        (2, "h", "w"),
        (3, *_HALVES),
        kernel_size=3,
        padding="same",
        strides=2,
        dilation_rate=2,
        activation="relu",
    ),
    first("conv2d", (2, "h", "w"), (3, *_HALVES), kernel_size=1, padding="same", strides=2),
    last("conv1d", (3, "time"), (4, "(time + 2) // 3"), kernel_size=4, padding="same", strides=3),
    first(
        "conv3d",
        (2, "d", 3, 4),
        (2, "(d + 3) // 4", 2, 2),
        kernel_size=2,
        padding="same",
        strides=[4, 2, 2],
    ),
    first(
        "depthwise_conv2d",
        (2, "h", "w"),
        (2, "(h + 1) // 2", "w"),
        kernel_size=3,
        padding="same",
        strides=[2, 1],
    ),
    last(
        "separable_conv2d", (2, "h", "w"), (3, *_HALVES), kernel_size=3, padding="same", strides=2
    ),
    *conv((4, 9, 9), (6, 5, 5), kernel_size=3, dilation_rate=2, groups=2),
    *conv((4, 8, 8), (4, 8, 8), kernel_size=3, dilation_rate=2, padding="same", groups=4),
    *conv((2, 6, 6), (3, 3, 3), kernel_size=3, strides=2, padding=1),
    *conv((2, 5, 6), (3, 6, 7), kernel_size=3, padding=[[2, 1], [0, 3]]),
    *conv((2, 9, 9), (3, 3, 3), kernel_size=3, strides=2, dilation_rate=2),
    *conv((1, 1, 1), (2, 1, 1), kernel_size=1),
    first("conv1d", (3, 7), (4, 5), kernel_size=3),
    last("conv1d", (3, 7), (4, 7), kernel_size=4, padding="same", activation="relu"),
    first("conv1d", (2, 8), (3, 4), kernel_size=3, padding="same", strides=2, use_bias=False),
    last("conv1d", (2, 7), (3, 7), kernel_size=3, padding="causal", dilation_rate=2),
    first("conv1d", (2, 7), (3, 4), kernel_size=2, padding="causal", strides=2),
    last("conv1d", (2, 7), (3, 4), kernel_size=2, padding="causal", strides=2, dilation_rate=2),
    first("conv1d", (4, 6), (6, 6), kernel_size=3, padding=[[2, 0]], groups=2),
    last("conv1d", (2, 6), (2, 2), kernel_size=3, padding=2, strides=3, dilation_rate=2),
    last("conv1d", (1, 1), (1, 1), kernel_size=1),
    first("conv3d", (2, 3, 4, 5), (3, 2, 3, 4), kernel_size=2),
    last("conv3d", (2, 3, 4, 5), (2, 2, 2, 3), kernel_size=[3, 2, 3], padding="same", strides=2),
    first("conv3d", (2, 3, 2, 4), (2, 3, 3, 4), kernel_size=2, padding=[[1, 0], 1, [0, 1]]),
    last("conv3d", (4, 3, 3, 5), (2, 1, 1, 3), kernel_size=2, dilation_rate=2, groups=2),
    first("conv3d", (2, 3, 5, 4), (2, 1, 3, 1), kernel_size=2, strides=[2, 1, 2], dilation_rate=2),
    # TensorFlow's "same" of a volume is not that of an image where windows leave gaps.
    first("conv3d", (2, 3, 4, 4), (2, 1, 2, 2), kernel_size=[1, 2, 1], strides=3, padding="same"),
    first("conv1d_transpose", (2, 4), (3, 6), kernel_size=3),
    last("conv1d_transpose", (2, 4), (3, 8), kernel_size=4, strides=2, padding=1),
    first("conv1d_transpose", (2, 4), (3, 12), kernel_size=2, strides=3, padding="same"),
    last("conv1d_transpose", (2, 3), (2, 10), kernel_size=2, strides=3, output_padding=2),
    first(
        "conv1d_transpose",
        (4, 3),
        (2, 10),
        kernel_size=3,
        dilation_rate=2,
        strides=2,
        groups=2,
        output_padding=1,
    ),
    last("conv1d_transpose", (2, 3), (2, 4), kernel_size=3, padding=[[0, 1]], activation="relu"),
    first("conv2d_transpose", (2, 3, 4), (3, 7, 9), kernel_size=3, strides=2),
    last("conv2d_transpose", (2, 3, 4), (3, 6, 4), kernel_size=3, strides=[2, 1], padding="same"),
    first("conv2d_transpose", (2, 3, 4), (3, 6, 4), kernel_size=3, strides=[2, 1], padding="same"),
    first(
        "conv2d_transpose",
        (2, 3, 3),
        (2, 6, 5),
        kernel_size=3,
        strides=2,
        padding=1,
        output_padding=[1, 0],
        use_bias=False,
    ),
    last(
        "conv2d_transpose",
        (2, 3, 3),
        (2, 5, 6),
        kernel_size=3,
        strides=2,
        padding=[[2, 0], [0, 2]],
        output_padding=[0, 1],
    ),
    first("conv2d_transpose", (2, 3, 3), (2, 6, 9), kernel_size=2, strides=[2, 3], padding="same"),
    last(
        "conv2d_transpose",
        (2, 2, 2),
        (2, 5, 4),
        kernel_size=[1, 2],
        strides=[3, 2],
        output_padding=[1, 0],
    ),
    first(
        "conv2d_transpose", (4, 3, 2), (6, 6, 4), kernel_size=3, strides=2, padding="same", groups=2
    ),
    last(
        "conv2d_transpose",
        (2, 3, 3),
        (4, 7, 5),
        kernel_size=3,
        dilation_rate=[2, 1],
        groups=2,
        use_bias=False,
        activation="silu",
    ),
    last(
        "conv2d_transpose",
        (2, 3, 3),
        (2, 10, 3),
        kernel_size=3,
        strides=[2, 1],
        dilation_rate=[3, 1],
        padding=[[2, 0], 1],
        output_padding=[1, 0],
    ),
    first("conv3d_transpose", (2, 2, 3, 2), (3, 4, 6, 4), kernel_size=2, strides=2),
    last(
        "conv3d_transpose",
        (2, 2, 3, 2),
        (2, 4, 3, 6),
        kernel_size=3,
        strides=[2, 1, 3],
        padding="same",
    ),
    first(
        "conv3d_transpose",
        (2, 2, 2, 2),
        (2, 4, 2, 3),
        kernel_size=2,
        strides=2,
        padding=[0, 1, [1, 0]],
    ),
    last(
        "conv3d_transpose",
        (4, 2, 2, 2),
        (2, 4, 3, 5),
        kernel_size=2,
        strides=[2, 1, 2],
        dilation_rate=[1, 1, 2],
        output_padding=0,
        groups=2,
    ),
    last(
        "conv3d_transpose",
        (1, 2, 2, 1),
        (1, 5, 4, 2),
        kernel_size=2,
        strides=2,
        output_padding=[1, 0, 0],
    ),
    first("depthwise_conv1d", (3, 6), (3, 4), kernel_size=3),
    last(
        "depthwise_conv1d",
        (2, 6),
        (4, 3),
        kernel_size=3,
        depth_multiplier=2,
        padding="same",
        strides=2,
    ),
    first(
        "depthwise_conv1d",
        (2, 6),
        (2, 6),
        kernel_size=3,
        padding="causal",
        dilation_rate=2,
        use_bias=False,
    ),
    last(
        "depthwise_conv1d",
        (2, 7),
        (2, 3),
        kernel_size=2,
        strides=2,
        dilation_rate=2,
        padding=[[1, 0]],
        activation="relu",
    ),
    first("depthwise_conv2d", (3, 4, 5), (3, 2, 4), kernel_size=[3, 2]),
    last(
        "depthwise_conv2d",
        (2, 5, 4),
        (4, 3, 2),
        kernel_size=3,
        depth_multiplier=2,
        padding="same",
        strides=2,
    ),
    first(
        "depthwise_conv2d",
        (2, 5, 5),
        (6, 5, 5),
        kernel_size=3,
        depth_multiplier=3,
        padding="same",
        dilation_rate=[1, 2],
    ),
    last(
        "depthwise_conv2d",
        (2, 5, 6),
        (2, 5, 3),
        kernel_size=3,
        padding=1,
        strides=[1, 2],
        use_bias=False,
    ),
    first(
        "depthwise_conv2d",
        (2, 6, 6),
        (2, 2, 2),
        kernel_size=2,
        strides=3,
        dilation_rate=2,
        activation="relu",
    ),
    last("depthwise_conv2d", (1, 3, 3), (1, 4, 3), kernel_size=2, padding=[[2, 0], [0, 1]]),
    first("separable_conv1d", (3, 6), (4, 4), kernel_size=3),
    last(
        "separable_conv1d",
        (2, 6),
        (3, 3),
        kernel_size=3,
        depth_multiplier=2,
        padding="same",
        strides=2,
    ),
    first(
        "separable_conv1d",
        (2, 6),
        (3, 6),
        kernel_size=3,
        padding="causal",
        dilation_rate=2,
        use_bias=False,
    ),
    last(
        "separable_conv1d",
        (2, 6),
        (3, 3),
        kernel_size=2,
        strides=2,
        dilation_rate=2,
        padding=[[0, 1]],
        activation="relu",
    ),
    first("separable_conv2d", (3, 4, 5), (2, 2, 4), kernel_size=[3, 2]),
    last(
        "separable_conv2d",
        (2, 5, 4),
        (3, 3, 2),
        kernel_size=3,
        depth_multiplier=2,
        padding="same",
        strides=2,
        activation="relu",
    ),
    first("separable_conv2d", (2, 5, 5), (3, 5, 5), kernel_size=3, padding="same", dilation_rate=2),
    last(
        "separable_conv2d",
        (2, 5, 6),
        (2, 5, 3),
        kernel_size=3,
        padding=1,
        strides=[1, 2],
        use_bias=False,
    ),
    first("separable_conv2d", (2, 4, 4), (2, 5, 4), kernel_size=2, padding=[[2, 0], [0, 1]]),
    dynamic("conv1d", "time", kernel_size=3, padding="causal", dilation_rate=2),
    dynamic("conv1d", "(time + 1) // 2 - 1", kernel_size=3, strides=2),
    dynamic("conv1d_transpose", "time * 2 + 1", kernel_size=3, strides=2),
    dynamic("conv1d_transpose", "time * 3", kernel_size=2, strides=3, padding="same", groups=2),
    dynamic("depthwise_conv1d", "time", kernel_size=3, padding="same"),
    dynamic("separable_conv1d", "time - 1", kernel_size=2, filters=2),
]
