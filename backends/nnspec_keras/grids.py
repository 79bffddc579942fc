"""Layers that number the places along axes, in Keras: classes, which know the sizes of a tensor."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, MODULE, Inputs, apply


def arange(layer: layers.Arange, context: Context) -> Lowered:
    """A class."""
    axis = layer.axis % context.rank + 1
    return Lowered(CALLED, call("Arange", **({"axis": axis} if axis != 1 else {})))


def coordinate_grid(layer: layers.CoordinateGrid, context: Context) -> Lowered:
    """A class."""
    axis = 1 if context.data_format == "channels_first" else -1
    ends = ("low", float(layer.minimum)), ("high", float(layer.maximum))
    return Lowered(CALLED, call("CoordinateGrid", *ends, axis=axis))


def sequence_mask(layer: layers.SequenceMask, context: Context) -> Lowered:
    """A class."""
    keywords = {} if layer.max_length is None else {"max_length": layer.max_length}
    return Lowered(apply(MODULE, Inputs()), call("SequenceMask", **keywords))


ROWS: Rows = {
    layers.Arange: arange,
    layers.CoordinateGrid: coordinate_grid,
    layers.SequenceMask: sequence_mask,
}
