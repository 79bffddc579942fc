"""Normalisation."""

from __future__ import annotations

import numpy as np

from nnspec import layers
from nnspec.layers import (
    BatchNormalization,
    GroupNormalization,
    InstanceNormalization,
    LayerNormalization,
    LocalResponseNormalization,
    RmsNormalization,
    UnitNormalization,
)
from nnspec_onnx.context import Context, Values
from nnspec_onnx.rows import Rows


def batch_normalization(layer: BatchNormalization, context: Context) -> Values:
    """BatchNormalization in its inference form."""
    size = context.parameters["running_mean"].shape
    scale = context.parameter("weight") if layer.affine else context.constant("ones", np.ones(size))
    shift = context.parameter("bias") if layer.affine else context.constant("zeros", np.zeros(size))
    output = context.node(
        "BatchNormalization",
        *context.inputs,
        scale,
        shift,
        context.parameter("running_mean"),
        context.parameter("running_var"),
        epsilon=layer.epsilon,
    )
    return (output,)


def layer_normalization(layer: LayerNormalization, context: Context) -> Values:
    """LayerNormalization; it always takes a scale."""
    sizes = layer.normalized(context.shape)
    scale = context.parameter("weight") if layer.scale else context.constant("ones", np.ones(sizes))
    shift = (context.parameter("bias"),) if layer.center else ()
    order = layer.order(context.shape)
    tensors = (_turned(context, order), scale, *shift)
    part = None if order is None else "normalized"
    y = context.node(
        "LayerNormalization", *tensors, part=part, axis=-len(sizes), epsilon=layer.epsilon
    )
    return (_returned(context, y, order),)


def _turned(context: Context, order: tuple[int, ...] | None) -> str:
    """Return the input with the axes to normalise over last."""
    (x,) = context.inputs
    if order is None:
        return x
    return context.node("Transpose", x, perm=(0, *(axis + 1 for axis in order)), part="turned")


def _returned(context: Context, y: str, order: tuple[int, ...] | None) -> str:
    """Return what `_turned` gave with its axes where they were."""
    if order is None:
        return y
    back = (0, *(order.index(axis) + 1 for axis in range(len(order))))
    return context.node("Transpose", y, perm=back)


def rms_normalization(layer: RmsNormalization, context: Context) -> Values:
    """RMSNormalization, which came with opset 23; before that its formula."""
    order = layer.order(context.shape)
    x = _turned(context, order)
    part = None if order is None else "scaled"
    weight = context.parameter("weight")
    first = -len(layer.axis)
    if context.opset >= 23:
        y = context.node(
            "RMSNormalization", x, weight, part=part, axis=first, epsilon=layer.epsilon
        )
        return (_returned(context, y, order),)
    axes = context.constant("axes", range(first, 0))
    square = context.node("Mul", x, x, part="square")
    mean = context.node("ReduceMean", square, axes, part="mean", keepdims=1)
    total = context.node("Add", mean, context.constant("epsilon", layer.epsilon), part="sum")
    root = context.node("Sqrt", total, part="root")
    normal = context.node("Div", x, root, part="normalized")
    return (_returned(context, context.node("Mul", normal, weight, part=part), order),)


def group_normalization(layer: GroupNormalization, context: Context) -> Values:
    """GroupNormalization, which before opset 21 had one scale a group.

    Before that InstanceNormalization of the groups, then weight and bias of the channels.
    """
    (x,) = context.inputs
    channels = layer.channels(context.shape, "channels_first")
    epsilon = layer.epsilon
    if context.opset >= 21:
        scale, shift = _scale_and_shift(layer.affine, channels, context)
        groups = layer.groups
        output = context.node(
            "GroupNormalization", x, scale, shift, num_groups=groups, epsilon=epsilon
        )
        return (output,)
    target = context.constant("groups", (0, layer.groups, -1))
    parted = context.node("Reshape", x, target, part="in_groups")
    ones = context.constant("ones", np.ones(layer.groups))
    zeros = context.constant("zeros", np.zeros(layer.groups))
    tensors = (parted, ones, zeros)
    normal = context.node("InstanceNormalization", *tensors, part="normalized", epsilon=epsilon)
    shape = context.node("Shape", x, part="shape")
    if not layer.affine:
        return (context.node("Reshape", normal, shape),)
    normal = context.node("Reshape", normal, shape, part="in_channels")
    weight, bias = (_of_channels(name, context) for name in ("weight", "bias"))
    return (context.node("Add", context.node("Mul", normal, weight, part="scaled"), bias),)


def instance_normalization(layer: InstanceNormalization, context: Context) -> Values:
    """InstanceNormalization."""
    channels = layer.channels(context.shape, "channels_first")
    scale, shift = _scale_and_shift(layer.affine, channels, context)
    return (
        context.node("InstanceNormalization", *context.inputs, scale, shift, epsilon=layer.epsilon),
    )


def unit_normalization(layer: UnitNormalization, context: Context) -> Values:
    """ReduceL2, Max and Div: LpNormalization has no epsilon."""
    (x,) = context.inputs
    axes = context.constant("axes", (context.axis(layer.axis),))
    length = context.node("ReduceL2", x, axes, part="length", keepdims=1)
    divisor = context.node(
        "Max", length, context.constant("epsilon", layer.epsilon), part="divisor"
    )
    return (context.node("Div", x, divisor),)


def local_response_normalization(layer: LocalResponseNormalization, context: Context) -> Values:
    """Its formula: LRN holds its numbers in float32, and takes images alone."""
    (x,) = context.inputs
    rank, channels = len(context.shape) + 1, context.shape[0]
    assert isinstance(channels, int)
    beside = layer.size // 2
    pads = [0] * (2 * rank)
    pads[1] = pads[1 + rank] = beside
    squares = context.node("Mul", x, x, part="squares")
    padded = context.node("Pad", squares, context.constant("pads", pads), part="padded")
    axis = context.constant("axis", [1])
    around = [
        context.node(
            "Slice",
            padded,
            context.constant(f"start_{i}", [i]),
            context.constant(f"stop_{i}", [i + channels]),
            axis,
            part=f"around_{i}",
        )
        for i in range(layer.size)
    ]
    total = context.node("Sum", *around, part="total")
    factor = context.constant("factor", layer.alpha / layer.size)
    scaled = context.node("Mul", total, factor, part="scaled")
    base = context.node("Add", scaled, context.constant("k", float(layer.k)), part="base")
    divisor = context.node("Pow", base, context.constant("beta", float(layer.beta)), part="divisor")
    return (context.node("Div", x, divisor),)


def _scale_and_shift(affine: bool, channels: int, context: Context) -> tuple[str, str]:
    if affine:
        return context.parameter("weight"), context.parameter("bias")
    return context.constant("ones", np.ones(channels)), context.constant(
        "zeros", np.zeros(channels)
    )


def _of_channels(name: str, context: Context) -> str:
    """Return a parameter shaped so that it meets the channels."""
    shape = (*context.parameters[name].shape, *(1 for _ in context.shape[1:]))
    if len(shape) == 1:
        return context.parameter(name)
    part = f"{name}_of_channels"
    return context.parameter(
        name, part=part, shape=shape, transform=lambda given: given.reshape(shape)
    )


ROWS: Rows = {
    layers.BatchNormalization: batch_normalization,
    layers.LayerNormalization: layer_normalization,
    layers.RmsNormalization: rms_normalization,
    layers.GroupNormalization: group_normalization,
    layers.InstanceNormalization: instance_normalization,
    layers.UnitNormalization: unit_normalization,
    layers.LocalResponseNormalization: local_response_normalization,
}
