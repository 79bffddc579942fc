"""Padding and cropping in PyTorch."""

from __future__ import annotations

from nnspec.emit.lowering import Context, Lowered
from nnspec.layers.padding import Cropping, ReflectionPadding, ReplicationPadding, SpatialPadding
from nnspec_torch.core import pad


def zero_padding(layer: SpatialPadding, context: Context) -> Lowered:
    """F.pad."""
    return _padded(layer, "")


def reflection_padding(layer: ReflectionPadding, context: Context) -> Lowered:
    """F.pad by reflection."""
    return _padded(layer, ', mode="reflect"')


def replication_padding(layer: ReplicationPadding, context: Context) -> Lowered:
    """F.pad by replication."""
    return _padded(layer, ', mode="replicate"')


def _padded(layer: SpatialPadding, mode: str) -> Lowered:
    if not any(map(any, layer.padding)):
        return Lowered("{0}")
    return Lowered(pad(layer.padding).removesuffix(")") + mode + ")")


def cropping(layer: Cropping, context: Context) -> Lowered:
    """A slice."""
    if not any(map(any, layer.cropping)):
        return Lowered("{0}")
    return Lowered("{0}[:, :, " + ", ".join(_slice(*pair) for pair in layer.cropping) + "]")


def _slice(begin: int, end: int) -> str:
    return f"{begin or ''}:{-end if end else ''}"
