"""Normalisation in Keras."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, NativeParameter, Rows
from nnspec.emit.tree import CALLED, MODULE, Apply, X, apply
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
    axes = _axes(layer, context)
    return _module("layers.LayerNormalization", layer, context, **axes, **keywords)


def rms_normalization(layer: layers.RmsNormalization, context: Context) -> Lowered:
    """layers.RMSNormalization; it calls its weight scale."""
    order = layer.order(context.inputs[0].shape)
    axes = _axes(layer, context)
    forward: Apply = CALLED
    if order is not None:
        # Keras's own takes its scale for one of the last axes.
        axes = {"axis": list(range(-len(layer.axis), 0))} if len(layer.axis) > 1 else {}
        turned = (0, *(axis + 1 for axis in order))
        back = tuple(turned.index(axis) for axis in range(len(turned)))
        forward = apply("ops.transpose", apply(MODULE, apply("ops.transpose", X, turned)), back)
    module = call("layers.RMSNormalization", **axes, epsilon=layer.epsilon)
    return Lowered(forward, module, parameters=(NativeParameter("weight", "scale"),))


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


def local_response_normalization(
    layer: layers.LocalResponseNormalization, context: Context
) -> Lowered:
    """A class: Keras has none."""
    given = {name: float(getattr(layer, name)) for name in ("alpha", "beta", "k")}
    return Lowered(CALLED, call("LocalResponseNormalization", ("size", layer.size), **given))


def _grouped(
    groups: int,
    layer: layers.GroupNormalization | layers.InstanceNormalization,
    context: Context,
) -> Lowered:
    keywords: dict[str, object] = {"groups": groups, "epsilon": layer.epsilon}
    if not layer.affine:
        keywords |= {"center": False, "scale": False}
    return _module("layers.GroupNormalization", layer, context, **keywords)


def _axes(
    layer: layers.LayerNormalization | layers.RmsNormalization, context: Context
) -> dict[str, object]:
    """Return the axes, where they are others than the default, the last one."""
    shape = context.inputs[0].shape
    if layer.order(shape) is None:
        return {"axis": list(range(-len(layer.axis), 0))} if len(layer.axis) > 1 else {}
    axes = [axis + 1 for axis in layer.axes(shape)]
    return {"axis": axes if len(axes) > 1 else axes[0]}


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
    layers.LocalResponseNormalization: local_response_normalization,
}

_MOMENTS = (
    "tf.nn.moments keeps the gradient from the mean within the variance, so that second "
    "derivatives are wrong; rms_normalization is right, as is PyTorch"
)
UNTRUE_TWICE: Mapping[type[Layer], str] = dict.fromkeys(
    (
        layers.BatchNormalization,
        layers.LayerNormalization,
        layers.GroupNormalization,
        layers.InstanceNormalization,
    ),
    _MOMENTS,
)
"""Layers whose second derivatives are wrong in TensorFlow, and why."""
