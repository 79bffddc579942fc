"""Layers that are random in training, in PyTorch."""

from __future__ import annotations

from collections.abc import Callable

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, MODULE, Inputs, X, apply
from nnspec.layers import Layer
from nnspec.layers.activity import ActivityRegularization


def random(module: str, argument: str, setting: str) -> Callable[[Layer, Context], Lowered]:
    """Return the lowering to a module that takes the one setting of the layer."""

    def lowering(layer: Layer, context: Context) -> Lowered:
        return Lowered(CALLED, call(module, (argument, float(getattr(layer, setting)))))

    return lowering


def sampling(layer: layers.Sampling, context: Context) -> Lowered:
    """A module, or the mean alone where nothing is drawn."""
    if not layer.stddev:
        return Lowered(X)
    keywords = {} if layer.stddev == 1 else {"stddev": float(layer.stddev)}
    return Lowered(apply(MODULE, Inputs()), call("Sampling", **keywords))


def activity(layer: ActivityRegularization, context: Context) -> Lowered:
    """A module that takes the factors which are not 0."""
    factors = {name: value for name in ("l1", "l2") if (value := getattr(layer, name))}
    return Lowered(CALLED, call("ActivityRegularization", **factors))


ROWS: Rows = {
    ActivityRegularization: activity,
    layers.Dropout: random("nn.Dropout", "p", "rate"),
    layers.AlphaDropout: random("nn.AlphaDropout", "p", "rate"),
    layers.GaussianDropout: random("GaussianDropout", "rate", "rate"),
    layers.GaussianNoise: random("GaussianNoise", "stddev", "stddev"),
    layers.Sampling: sampling,
    layers.SpatialDropout1D: random("nn.Dropout1d", "p", "rate"),
    layers.SpatialDropout2D: random("nn.Dropout2d", "p", "rate"),
    layers.SpatialDropout3D: random("nn.Dropout3d", "p", "rate"),
}
