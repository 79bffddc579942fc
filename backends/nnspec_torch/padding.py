"""Padding and cropping in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import X
from nnspec.layers.padding import Cropping, SpatialPadding
from nnspec_torch.core import pad


def padding(**keywords: str) -> Callable[[SpatialPadding, Context], Lowered]:
    """Return the lowering to F.pad in this mode."""

    def lowering(layer: SpatialPadding, context: Context) -> Lowered:
        return Lowered(pad(X, layer.padding, **keywords) if any(map(any, layer.padding)) else X)

    return lowering


def cropping(layer: Cropping, context: Context) -> Lowered:
    """A slice."""
    if not any(map(any, layer.cropping)):
        return Lowered(X)
    kept = [slice(begin or None, -end if end else None) for begin, end in layer.cropping]
    return Lowered(X[(slice(None), slice(None), *kept)])


ROWS: Rows = {
    layers.ZeroPadding1D: padding(),
    layers.ZeroPadding2D: padding(),
    layers.ZeroPadding3D: padding(),
    layers.ReflectionPadding1D: padding(mode="reflect"),
    layers.ReflectionPadding2D: padding(mode="reflect"),
    layers.ReplicationPadding1D: padding(mode="replicate"),
    layers.ReplicationPadding2D: padding(mode="replicate"),
    layers.Cropping1D: cropping,
    layers.Cropping2D: cropping,
    layers.Cropping3D: cropping,
}
