"""Padding and cropping."""

from __future__ import annotations

from typing import Any

from nnspec.layers.base import spatial_axes
from nnspec.layers.padding import Cropping, ReflectionPadding, ReplicationPadding, SpatialPadding
from nnspec_onnx.context import Context, Values
from nnspec_onnx.convolution import flat_pads


def zero_padding(layer: SpatialPadding, at: Context) -> Values:
    """Pad."""
    return _pad(layer, at, "constant")


def reflection_padding(layer: ReflectionPadding, at: Context) -> Values:
    """Pad by reflection."""
    return _pad(layer, at, "reflect")


def replication_padding(layer: ReplicationPadding, at: Context) -> Values:
    """Pad by the edge."""
    return _pad(layer, at, "edge")


def _pad(layer: SpatialPadding, at: Context, mode: str) -> Values:
    if not any(map(any, layer.padding)):
        return at.inputs
    whole = [(0, 0)] * (len(at.shape) + 1)
    for axis, pair in zip(spatial_axes(len(at.shape), at.data_format), layer.padding, strict=True):
        whole[axis + 1] = pair
    pads = at.constant("pads", flat_pads(tuple(whole)))
    attributes: dict[str, Any] = {} if mode == "constant" else {"mode": mode}
    return (at.node("Pad", *at.inputs, pads, **attributes),)


def cropping(layer: Cropping, at: Context) -> Values:
    """Slice."""
    spatial = spatial_axes(len(at.shape), at.data_format)
    pairs = zip(spatial, layer.cropping, strict=True)
    cut = [(axis + 1, *pair) for axis, pair in pairs if any(pair)]
    if not cut:
        return at.inputs
    axes, begins, ends = zip(*cut, strict=True)
    starts = at.constant("starts", begins)
    # An end counted from the end of the axis; the largest int64 is the end itself.
    stops = at.constant("ends", tuple(-end if end else 2**63 - 1 for end in ends))
    return (at.node("Slice", *at.inputs, starts, stops, at.constant("axes", axes)),)
