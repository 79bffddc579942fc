"""Normalisation in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, NativeParameter, Rows
from nnspec.emit.tree import CALLED
from nnspec.layers import Layer

_SHORTEST = 1e-12

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
    natives = tuple(NativeParameter(p.name, _NAMES[p.name]) for p in context.parameters(layer))
    return Lowered(CALLED, module, parameters=natives)


def layer_normalization(layer: layers.LayerNormalization, context: Context) -> Lowered:
    """layers.LayerNormalization."""
    keywords: dict[str, object] = {"epsilon": layer.epsilon}
    if not layer.center:
        keywords["center"] = False
    if not layer.scale:
        keywords["scale"] = False
    return _module("layers.LayerNormalization", layer, context, **_axes(layer.axis), **keywords)


def rms_normalization(layer: layers.RmsNormalization, context: Context) -> Lowered:
    """layers.RMSNormalization; it calls its weight scale."""
    keywords = {**_axes(layer.axis), "epsilon": layer.epsilon}
    module = call("layers.RMSNormalization", **keywords)
    return Lowered(CALLED, module, parameters=(NativeParameter("weight", "scale"),))


def group_normalization(layer: layers.GroupNormalization, context: Context) -> Lowered:
    """layers.GroupNormalization."""
    return _grouped(layer.groups, layer, context)


def instance_normalization(layer: layers.InstanceNormalization, context: Context) -> Lowered:
    """layers.GroupNormalization, a channel a group."""
    return _grouped(-1, layer, context)


def unit_normalization(layer: layers.UnitNormalization, context: Context) -> Lowered:
    """A helper: the gradient of Keras's own is no number where all elements are 0."""
    axis = context.axis(layer.axis)
    keywords: dict[str, object] = {"axis": axis} if axis != context.rank else {}
    if layer.epsilon != _SHORTEST:
        keywords["epsilon"] = layer.epsilon
    return Lowered(CALLED, call("UnitNormalization", **keywords))


def _grouped(
    groups: int,
    layer: layers.GroupNormalization | layers.InstanceNormalization,
    context: Context,
) -> Lowered:
    keywords: dict[str, object] = {"groups": groups, "epsilon": layer.epsilon}
    if not layer.affine:
        keywords |= {"center": False, "scale": False}
    return _module("layers.GroupNormalization", layer, context, **keywords)


def _axes(axes: tuple[int, ...]) -> dict[str, object]:
    """Return the last axes, where they are more than the default, the last one."""
    return {"axis": list(range(-len(axes), 0))} if len(axes) > 1 else {}


def _module(name: str, layer: Layer, context: Context, **keywords: object) -> Lowered:
    natives = tuple(NativeParameter(p.name, _NAMES[p.name]) for p in context.parameters(layer))
    return Lowered(CALLED, call(name, **keywords), parameters=natives)


ROWS: Rows = {
    layers.BatchNormalization: batch_normalization,
    layers.LayerNormalization: layer_normalization,
    layers.RmsNormalization: rms_normalization,
    layers.GroupNormalization: group_normalization,
    layers.InstanceNormalization: instance_normalization,
    layers.UnitNormalization: unit_normalization,
}
