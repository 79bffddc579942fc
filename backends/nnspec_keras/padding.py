"""Padding and cropping in Keras."""

from __future__ import annotations

from nnspec.emit.code import call, literal
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.padding import Cropping, ReflectionPadding, ReplicationPadding, SpatialPadding

Pads = tuple[tuple[int, int], ...]


def compact_pads(pads: Pads) -> object:
    """Return pads as Keras takes them: one number where all are the same, one pair for one axis."""
    if len({size for pair in pads for size in pair}) == 1:
        return pads[0][0]
    return pads[0] if len(pads) == 1 else pads


def zero_padding(layer: SpatialPadding, context: Context) -> Lowered:
    """layers.ZeroPadding."""
    function = f"layers.ZeroPadding{layer.axes}D"
    return Lowered("{module}({0})", call(function, ("padding", compact_pads(layer.padding))))


def reflection_padding(layer: ReflectionPadding, context: Context) -> Lowered:
    """ops.pad by reflection."""
    whole = literal(((0, 0), *layer.padding, (0, 0)))
    return Lowered(f'ops.pad({{0}}, {whole}, mode="reflect")')


def replication_padding(layer: ReplicationPadding, context: Context) -> Lowered:
    """A helper: TensorFlow has no such padding."""
    return Lowered("{module}({0})", call("ReplicationPadding", ("padding", layer.padding)))


def cropping(layer: Cropping, context: Context) -> Lowered:
    """layers.Cropping."""
    function = f"layers.Cropping{layer.axes}D"
    return Lowered("{module}({0})", call(function, ("cropping", compact_pads(layer.cropping))))
