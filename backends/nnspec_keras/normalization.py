"""Normalisation in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Native

_NAMES = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def batch_normalization(layer: layers.BatchNormalization, context: Context) -> Lowered:
    """layers.BatchNormalization over the last axis; momentum and epsilon are written out."""
    keywords: dict[str, object] = {"momentum": layer.momentum, "epsilon": layer.epsilon}
    if not layer.affine:
        keywords |= {"center": False, "scale": False}
    module = call("layers.BatchNormalization", **keywords)
    natives = tuple(Native(p.name, _NAMES[p.name]) for p in context.parameters(layer))
    return Lowered("{module}({0})", module, parameters=natives)
