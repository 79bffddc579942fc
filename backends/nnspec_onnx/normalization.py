"""Normalisation."""

from __future__ import annotations

import numpy as np

from nnspec.layers import (
    BatchNormalization,
    GroupNormalization,
    InstanceNormalization,
    LayerNormalization,
    RmsNormalization,
    UnitNormalization,
)
from nnspec_onnx.context import Context, Values


def batch_normalization(layer: BatchNormalization, at: Context) -> Values:
    """BatchNormalization in its inference form."""
    size = at.parameters["running_mean"].shape
    scale = at.parameter("weight") if layer.affine else at.constant("ones", np.ones(size))
    shift = at.parameter("bias") if layer.affine else at.constant("zeros", np.zeros(size))
    output = at.node(
        "BatchNormalization",
        *at.inputs,
        scale,
        shift,
        at.parameter("running_mean"),
        at.parameter("running_var"),
        epsilon=layer.epsilon,
    )
    return (output,)


def layer_normalization(layer: LayerNormalization, at: Context) -> Values:
    """LayerNormalization; it always takes a scale."""
    sizes = layer.normalized(at.shape)
    scale = at.parameter("weight") if layer.scale else at.constant("ones", np.ones(sizes))
    shift = (at.parameter("bias"),) if layer.center else ()
    tensors = (*at.inputs, scale, *shift)
    axis = -len(sizes)
    return (at.node("LayerNormalization", *tensors, axis=axis, epsilon=layer.epsilon),)


def rms_normalization(layer: RmsNormalization, at: Context) -> Values:
    """RMSNormalization, which came with opset 23; before that its formula."""
    (x,) = at.inputs
    weight = at.parameter("weight")
    first = -len(layer.axis)
    if at.opset >= 23:
        return (at.node("RMSNormalization", x, weight, axis=first, epsilon=layer.epsilon),)
    axes = at.constant("axes", range(first, 0))
    square = at.node("Mul", x, x, part="square")
    mean = at.node("ReduceMean", square, axes, part="mean", keepdims=1)
    total = at.node("Add", mean, at.constant("epsilon", layer.epsilon), part="sum")
    root = at.node("Sqrt", total, part="root")
    return (at.node("Mul", at.node("Div", x, root, part="normalized"), weight),)


def group_normalization(layer: GroupNormalization, at: Context) -> Values:
    """GroupNormalization, which before opset 21 had one scale a group.

    Before that InstanceNormalization of the groups, then weight and bias of the channels.
    """
    (x,) = at.inputs
    channels = layer.channels(at.shape, "channels_first")
    epsilon = layer.epsilon
    if at.opset >= 21:
        scale, shift = _scale_and_shift(layer.affine, channels, at)
        groups = layer.groups
        output = at.node("GroupNormalization", x, scale, shift, num_groups=groups, epsilon=epsilon)
        return (output,)
    target = at.constant("groups", (0, layer.groups, -1))
    parted = at.node("Reshape", x, target, part="in_groups")
    ones = at.constant("ones", np.ones(layer.groups))
    zeros = at.constant("zeros", np.zeros(layer.groups))
    tensors = (parted, ones, zeros)
    normal = at.node("InstanceNormalization", *tensors, part="normalized", epsilon=epsilon)
    shape = at.node("Shape", x, part="shape")
    if not layer.affine:
        return (at.node("Reshape", normal, shape),)
    normal = at.node("Reshape", normal, shape, part="in_channels")
    weight, bias = (_of_channels(name, at) for name in ("weight", "bias"))
    return (at.node("Add", at.node("Mul", normal, weight, part="scaled"), bias),)


def instance_normalization(layer: InstanceNormalization, at: Context) -> Values:
    """InstanceNormalization."""
    channels = layer.channels(at.shape, "channels_first")
    scale, shift = _scale_and_shift(layer.affine, channels, at)
    return (at.node("InstanceNormalization", *at.inputs, scale, shift, epsilon=layer.epsilon),)


def unit_normalization(layer: UnitNormalization, at: Context) -> Values:
    """ReduceL2, Max and Div: LpNormalization has no epsilon."""
    (x,) = at.inputs
    axes = at.constant("axes", (at.axis(layer.axis),))
    length = at.node("ReduceL2", x, axes, part="length", keepdims=1)
    divisor = at.node("Max", length, at.constant("epsilon", layer.epsilon), part="divisor")
    return (at.node("Div", x, divisor),)


def _scale_and_shift(affine: bool, channels: int, at: Context) -> tuple[str, str]:
    if affine:
        return at.parameter("weight"), at.parameter("bias")
    return at.constant("ones", np.ones(channels)), at.constant("zeros", np.zeros(channels))


def _of_channels(name: str, at: Context) -> str:
    """Return a parameter shaped so that it meets the channels."""
    shape = (*at.parameters[name].shape, *(1 for _ in at.shape[1:]))
    if len(shape) == 1:
        return at.parameter(name)
    part = f"{name}_of_channels"
    return at.parameter(name, part=part, shape=shape, transform=lambda given: given.reshape(shape))
