"""Padding and cropping in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, X, apply
from nnspec.layers.padding import Cropping, ReflectionPadding, ReplicationPadding, SpatialPadding
from nnspec_keras.core import LAST, last_of

Pads = tuple[tuple[int, int], ...]


def compact_pads(pads: Pads) -> object:
    """Return pads as Keras takes them: one number where all are the same, one pair for one axis."""
    if len({size for pair in pads for size in pair}) == 1:
        return pads[0][0]
    return pads[0] if len(pads) == 1 else pads


def zero_padding(layer: SpatialPadding, context: Context) -> Lowered:
    """layers.ZeroPadding."""
    function = f"layers.ZeroPadding{layer.axes}D"
    return Lowered(CALLED, call(function, ("padding", compact_pads(layer.padding)), **LAST))


def reflection_padding(layer: ReflectionPadding, context: Context) -> Lowered:
    """ops.pad by reflection."""
    whole = ((0, 0), *layer.padding, (0, 0))
    return Lowered(apply("ops.pad", X, whole, mode="reflect"))


def replication_padding(layer: ReplicationPadding, context: Context) -> Lowered:
    """A helper: TensorFlow has no such padding."""
    return Lowered(CALLED, call("ReplicationPadding", ("padding", layer.padding)))


def cropping(layer: Cropping, context: Context) -> Lowered:
    """layers.Cropping."""
    given = ("cropping", compact_pads(layer.cropping))
    return Lowered(CALLED, call(f"layers.Cropping{layer.axes}D", given, **last_of(layer.axes)))


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
