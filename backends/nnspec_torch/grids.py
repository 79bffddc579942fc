"""Layers that number the places along axes, in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import Binary, Expression, Input, X, apply
from nnspec.layers.shapes import Dim


def arange(layer: layers.Arange, context: Context) -> Lowered:
    """torch.arange, for every row."""
    size = layer.size(context.inputs[0].shape)
    numbers = _numbers(size, X, layer.axis % context.rank + 1)
    return Lowered(numbers.method("expand", X.attribute("shape")[0], -1))


def coordinate_grid(layer: layers.CoordinateGrid, context: Context) -> Lowered:
    """A function."""
    dim = 1 if context.data_format == "channels_first" else -1
    ends = float(layer.minimum), float(layer.maximum)
    return Lowered(apply("coordinate_grid", X, *ends, dim=dim))


def sequence_mask(layer: layers.SequenceMask, context: Context) -> Lowered:
    """A comparison with torch.arange."""
    size = layer.max_length or context.inputs[1].shape[0]
    source = X if layer.max_length is not None else Input(1)
    return Lowered(Binary("<", _numbers(size, source, 1), X[..., None]))


def _numbers(size: Dim, source: Expression, axis: int) -> Expression:
    """Return 0 to n - 1 for the size of an axis of a value."""
    stop = size if isinstance(size, int) else source.attribute("shape")[axis]
    return apply("torch.arange", stop, device=source.attribute("device"))


ROWS: Rows = {
    layers.Arange: arange,
    layers.CoordinateGrid: coordinate_grid,
    layers.SequenceMask: sequence_mask,
}
