"""Padding and cropping."""

from __future__ import annotations

from typing import Any

from nnspec import layers
from nnspec.layers.base import spatial_axes
from nnspec.layers.padding import Cropping, ReflectionPadding, ReplicationPadding, SpatialPadding
from nnspec_onnx.context import Context, Values
from nnspec_onnx.convolution import flat_pads
from nnspec_onnx.rows import Rows


def zero_padding(layer: SpatialPadding, context: Context) -> Values:
    """Pad."""
    return _pad(layer, context, "constant")


def reflection_padding(layer: ReflectionPadding, context: Context) -> Values:
    """Pad by reflection."""
    return _pad(layer, context, "reflect")


def replication_padding(layer: ReplicationPadding, context: Context) -> Values:
    """Pad by the edge."""
    return _pad(layer, context, "edge")


def _pad(layer: SpatialPadding, context: Context, mode: str) -> Values:
    if not any(map(any, layer.padding)):
        return context.inputs
    whole = [(0, 0)] * (len(context.shape) + 1)
    for axis, pair in zip(
        spatial_axes(len(context.shape), context.data_format), layer.padding, strict=True
    ):
        whole[axis + 1] = pair
    pads = context.constant("pads", flat_pads(tuple(whole)))
    attributes: dict[str, Any] = {} if mode == "constant" else {"mode": mode}
    return (context.node("Pad", *context.inputs, pads, **attributes),)


def cropping(layer: Cropping, context: Context) -> Values:
    """Slice."""
    spatial = spatial_axes(len(context.shape), context.data_format)
    pairs = zip(spatial, layer.cropping, strict=True)
    cut = [(axis + 1, *pair) for axis, pair in pairs if any(pair)]
    if not cut:
        return context.inputs
    axes, begins, ends = zip(*cut, strict=True)
    starts = context.constant("starts", begins)
    # An end counted from the end of the axis; the largest int64 is the end itself.
    stops = context.constant("ends", tuple(-end if end else 2**63 - 1 for end in ends))
    return (context.node("Slice", *context.inputs, starts, stops, context.constant("axes", axes)),)


ROWS: Rows = {
    layers.ZeroPadding1D: zero_padding,
    layers.ZeroPadding2D: zero_padding,
    layers.ZeroPadding3D: zero_padding,
    layers.ReflectionPadding1D: reflection_padding,
    layers.ReflectionPadding2D: reflection_padding,
    layers.ReplicationPadding1D: replication_padding,
    layers.ReplicationPadding2D: replication_padding,
    layers.Cropping1D: cropping,
    layers.Cropping2D: cropping,
    layers.Cropping3D: cropping,
}
