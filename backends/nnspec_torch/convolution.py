"""Convolutions in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.base import channel_axis
from nnspec_torch.core import compact, pad


def conv2d(layer: layers.Conv2D, context: Context) -> Lowered:
    """nn.Conv2d; pads that differ between two sides are added before it."""
    shape = context.inputs[0].shape
    pads = layer.pads(shape, context.data_format)
    keywords: dict[str, object] = {"kernel_size": compact(layer.kernel_size)}
    forward = "{module}({0})"
    if layer.strides != (1, 1):
        keywords["stride"] = compact(layer.strides)
    if any(begin != end for begin, end in pads):
        forward = f"{{module}}({pad(pads)})"
    elif layer.padding == "same" and layer.strides == (1, 1) and any(map(sum, pads)):
        keywords["padding"] = "same"
    elif any(begin for begin, _ in pads):
        keywords["padding"] = compact(tuple(begin for begin, _ in pads))
    if layer.dilation_rate != (1, 1):
        keywords["dilation"] = compact(layer.dilation_rate)
    if layer.groups != 1:
        keywords["groups"] = layer.groups
    if not layer.use_bias:
        keywords["bias"] = False
    channels = shape[channel_axis(3, context.data_format)]
    module = call(
        "nn.Conv2d", ("in_channels", channels), ("out_channels", layer.filters), **keywords
    )
    return Lowered(forward, module)
