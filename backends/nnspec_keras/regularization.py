"""Layers that are random in training, in Keras."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, MODULE, Inputs, X, apply
from nnspec.layers import Layer
from nnspec.layers.activity import ActivityRegularization
from nnspec.layers.regularization import SpatialDropout
from nnspec_keras.core import last_of


def of_number(function: str, field: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to a Keras layer whose one argument is a number, by our name."""

    def lowering(layer: Layer, context: Context) -> Lowered:
        return Lowered(CALLED, call(function, (field, float(getattr(layer, field)))))

    return lowering


def spatial_dropout(layer: SpatialDropout, context: Context) -> Lowered:
    """layers.SpatialDropout."""
    axes, given = layer.axes - 1, ("rate", float(layer.rate))  # the channels are one of our axes
    return Lowered(CALLED, call(f"layers.SpatialDropout{axes}D", given, **last_of(axes)))


def sampling(layer: layers.Sampling, context: Context) -> Lowered:
    """A class, or the mean alone where nothing is drawn."""
    if not layer.stddev:
        return Lowered(X)
    keywords = {} if layer.stddev == 1 else {"stddev": float(layer.stddev)}
    return Lowered(apply(MODULE, Inputs()), call("Sampling", **keywords))


def activity(layer: ActivityRegularization, context: Context) -> Lowered:
    """A module that takes the factors which are not 0."""
    factors = {name: value for name in ("l1", "l2") if (value := getattr(layer, name))}
    return Lowered(CALLED, call("layers.ActivityRegularization", **factors))


ROWS: Rows = {
    ActivityRegularization: activity,
    layers.Dropout: of_number("layers.Dropout", "rate"),
    layers.AlphaDropout: of_number("layers.AlphaDropout", "rate"),
    layers.GaussianDropout: of_number("layers.GaussianDropout", "rate"),
    layers.GaussianNoise: of_number("layers.GaussianNoise", "stddev"),
    layers.Sampling: sampling,
    layers.SpatialDropout1D: spatial_dropout,
    layers.SpatialDropout2D: spatial_dropout,
    layers.SpatialDropout3D: spatial_dropout,
}
