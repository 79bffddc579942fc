"""Layers that are random in training, in Keras."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED
from nnspec.layers import Layer


def of_number(function: str, field: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to a Keras layer whose one argument is a number, by our name."""

    def lowering(layer: Layer, context: Context) -> Lowered:
        return Lowered(CALLED, call(function, (field, float(getattr(layer, field)))))

    return lowering


ROWS: Rows = {
    layers.Dropout: of_number("layers.Dropout", "rate"),
    layers.AlphaDropout: of_number("layers.AlphaDropout", "rate"),
    layers.GaussianDropout: of_number("layers.GaussianDropout", "rate"),
    layers.GaussianNoise: of_number("layers.GaussianNoise", "stddev"),
    layers.SpatialDropout1D: of_number("layers.SpatialDropout1D", "rate"),
    layers.SpatialDropout2D: of_number("layers.SpatialDropout2D", "rate"),
    layers.SpatialDropout3D: of_number("layers.SpatialDropout3D", "rate"),
}
