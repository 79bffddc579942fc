"""Convolutions in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.alike import compact
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import (
    CALLED,
    MODULE,
    Apply,
    Expression,
    Field,
    Owner,
    apply,
    replaced,
    tree,
)
from nnspec.layers.base import channel_axis
from nnspec.layers.convolution import Convolution
from nnspec.layers.transposed import ConvolutionTranspose
from nnspec_torch.core import pad_by_fields, pad_by_size
from nnspec_torch.parametrized import normalized


def convolution(layer: Convolution, context: Context) -> Lowered:
    """nn.Conv1d to 3d; pads that differ between two sides are added before it."""
    channels = _channels(context)
    forward, values, keywords = _window(layer, context)
    groups = layer.group_count(channels)
    if groups != 1:
        keywords["groups"] = groups
    if context.is_varied:
        return _varied(layer, forward, values, keywords)
    if not layer.use_bias:
        keywords["bias"] = False
    module = call(
        f"nn.Conv{len(layer.kernel_size)}d",
        ("in_channels", channels),
        ("out_channels", layer.out_channels(channels)),
        **keywords,
    )
    return Lowered(forward, module, values=values)


def _varied(
    layer: Convolution,
    forward: Expression,
    values: tuple[tuple[str, str, object], ...],
    keywords: dict[str, object],
) -> Lowered:
    """F.conv1d to 3d with the weights of another layer."""
    del keywords["kernel_size"]
    own = [Owner().attribute("weight"), *([Owner().attribute("bias")] if layer.use_bias else [])]
    pads = {name: value for name, _, value in values}

    def written(part: Expression) -> Expression | None:
        if isinstance(part, Field):
            return tree(pads[part.name])
        if isinstance(part, Apply) and part.function == MODULE:
            given = (replaced(each, written) for each in part.arguments)
            return apply(f"F.conv{len(layer.kernel_size)}d", *given, *own, **keywords)
        return None

    return Lowered(replaced(forward, written))


def separable(layer: layers.SeparableConv1D | layers.SeparableConv2D, context: Context) -> Lowered:
    """A helper of two convolutions; pads that differ between two sides are added before it."""
    forward, values, keywords = _window(layer, context)
    if layer.depth_multiplier != 1:
        keywords["depth_multiplier"] = layer.depth_multiplier
    if not layer.use_bias:
        keywords["bias"] = False
    module = call(
        f"SeparableConv{len(layer.kernel_size)}d",
        ("in_channels", _channels(context)),
        ("out_channels", layer.filters),
        **keywords,
    )
    return Lowered(forward, module, values=values)


def convolution_transpose(layer: ConvolutionTranspose, context: Context) -> Lowered:
    """nn.ConvTranspose1d to 3d; what it cannot crop of one side only is sliced off."""
    limits = [max(sizes) for sizes in zip(layer.strides, layer.dilation_rate, strict=True)]
    padding, extra = [], []
    slices: list[slice] = []
    for (begin, end), more, limit in zip(layer.crops(), layer.extra(), limits, strict=True):
        # Both sides lose `padding`, so an output_padding gives back what the end should keep.
        surplus = more + begin - end
        if surplus < 0:
            padding.append(begin)
            extra.append(0)
            slices.append(slice(None, surplus))
        elif surplus < limit:
            padding.append(begin)
            extra.append(surplus)
            slices.append(slice(None))
        else:
            padding.append(end)
            extra.append(more)
            slices.append(slice(begin - end, None))
    keywords: dict[str, object] = {"kernel_size": compact(layer.kernel_size)}
    if max(layer.strides) > 1:
        keywords["stride"] = compact(layer.strides)
    if any(padding):
        keywords["padding"] = compact(tuple(padding))
    if any(extra):
        keywords["output_padding"] = compact(tuple(extra))
    if layer.groups != 1:
        keywords["groups"] = layer.groups
    if not layer.use_bias:
        keywords["bias"] = False
    if max(layer.dilation_rate) > 1:
        keywords["dilation"] = compact(layer.dilation_rate)
    module = call(
        f"nn.ConvTranspose{len(layer.kernel_size)}d",
        ("in_channels", _channels(context)),
        ("out_channels", layer.filters),
        **keywords,
    )
    return Lowered(_sliced(slices), module)


def _sliced(slices: list[slice]) -> Expression:
    while slices and slices[0] == slice(None):
        slices = slices[1:]
    return CALLED[(..., *slices)] if slices else CALLED


def _channels(context: Context) -> int:
    shape = context.inputs[0].shape
    channels = shape[channel_axis(len(shape), context.data_format)]
    assert isinstance(channels, int)
    return channels


def _window(
    layer: Convolution, context: Context
) -> tuple[Expression, tuple[tuple[str, str, object], ...], dict[str, object]]:
    """Return the forward expression, what it pads, and how the window moves, as arguments."""
    shape, data_format = context.inputs[0].shape, context.data_format
    is_by_size = layer.pads_by_size(shape, data_format)
    pads = () if is_by_size else layer.pads(shape, data_format)
    keywords: dict[str, object] = {"kernel_size": compact(layer.kernel_size)}
    forward = CALLED
    values: tuple[tuple[str, str, object], ...] = ()
    if max(layer.strides) > 1:
        keywords["stride"] = compact(layer.strides)
    if is_by_size:
        forward = apply(MODULE, pad_by_size(layer.spans(), layer.strides))
    elif any(begin != end for begin, end in pads):
        source, values = pad_by_fields(pads)
        forward = apply(MODULE, source)
    elif layer.padding == "same" and max(layer.strides) == 1 and any(map(sum, pads)):
        keywords["padding"] = "same"
    elif any(begin for begin, _ in pads):
        keywords["padding"] = compact(tuple(begin for begin, _ in pads))
    if max(layer.dilation_rate) > 1:
        keywords["dilation"] = compact(layer.dilation_rate)
    return forward, values, keywords


ROWS: Rows = {
    layers.Conv1D: normalized(convolution),
    layers.Conv2D: normalized(convolution),
    layers.Conv3D: normalized(convolution),
    layers.Conv1DTranspose: normalized(convolution_transpose),
    layers.Conv2DTranspose: normalized(convolution_transpose),
    layers.Conv3DTranspose: normalized(convolution_transpose),
    layers.DepthwiseConv1D: normalized(convolution),
    layers.DepthwiseConv2D: normalized(convolution),
    layers.SeparableConv1D: normalized(separable),
    layers.SeparableConv2D: normalized(separable),
}
