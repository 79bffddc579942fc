"""Normalisation in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnspec import layers
from nnspec.backend import Divergence
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, MODULE, Name, X, apply
from nnspec.layers import Layer
from nnspec.layers.base import channel_axis

if TYPE_CHECKING:
    from nnspec.backend import Array

_DEFAULT_EPSILON = 1e-5
_DEFAULT_MOMENTUM = 0.1
_SHORTEST = 1e-12


def batch_normalization(layer: layers.BatchNormalization, context: Context) -> Lowered:
    """nn.BatchNorm1d to 3d, whose momentum is the weight of the new value.

    Its running variance follows the unbiased variance: see docs/divergences.md.
    """
    shape = context.inputs[0].shape
    keywords: dict[str, object] = {}
    if layer.epsilon != _DEFAULT_EPSILON:
        keywords["eps"] = layer.epsilon
    momentum = round(1 - layer.momentum, 12)
    if momentum != _DEFAULT_MOMENTUM:
        keywords["momentum"] = momentum
    if not layer.affine:
        keywords["affine"] = False
    channels = shape[channel_axis(len(shape), context.data_format)]
    name = f"nn.BatchNorm{max(1, len(shape) - 1)}d"
    module = call(name, ("num_features", channels), **keywords)
    return Lowered(CALLED, module)


def layer_normalization(layer: layers.LayerNormalization, context: Context) -> Lowered:
    """nn.LayerNorm."""
    keywords = _epsilon(layer.epsilon)
    name = "nn.LayerNorm" if layer.scale or not layer.center else "CenteredLayerNorm"
    if not layer.scale and not layer.center:
        keywords["elementwise_affine"] = False
    elif not layer.center:
        keywords["bias"] = False
    sizes = layer.normalized(context.inputs[0].shape)
    made = _module(name, ("normalized_shape", _sizes(sizes)), **keywords)
    return _over_axes(layer, context, made)


def rms_normalization(layer: layers.RmsNormalization, context: Context) -> Lowered:
    """nn.RMSNorm, whose epsilon by default depends on the dtype."""
    sizes = layer.normalized(context.inputs[0].shape)
    made = _module("nn.RMSNorm", ("normalized_shape", _sizes(sizes)), eps=layer.epsilon)
    return _over_axes(layer, context, made)


def _over_axes(
    layer: layers.LayerNormalization | layers.RmsNormalization, context: Context, made: Lowered
) -> Lowered:
    """Return what normalises over the last axes, with those of the layer brought there."""
    order = layer.order(context.inputs[0].shape)
    if order is None:
        return made
    back = (order.index(axis) + 1 for axis in range(len(order)))
    last = X.method("permute", 0, *(axis + 1 for axis in order))
    return made._replace(forward=apply(MODULE, last).method("permute", 0, *back))


def group_normalization(layer: layers.GroupNormalization, context: Context) -> Lowered:
    """nn.GroupNorm."""
    keywords = _epsilon(layer.epsilon)
    if not layer.affine:
        keywords["affine"] = False
    channels = layer.channels(context.inputs[0].shape, context.data_format)
    module = call(
        "nn.GroupNorm", ("num_groups", layer.groups), ("num_channels", channels), **keywords
    )
    # PyTorch 2.13 ends the process in the gradient of an input that lies channels last and needs no
    # gradient itself. `contiguous` leaves such strides where one channel or position makes them
    # ambiguous, and no other tensors than these have that format.
    is_transposed = context.data_format == "channels_last" or context.is_given
    if is_transposed and context.rank > 2:
        copy = X.method("clone", memory_format=Name("torch.contiguous_format"))
        return Lowered(apply(MODULE, copy), module)
    return Lowered(CALLED, module)


def instance_normalization(layer: layers.InstanceNormalization, context: Context) -> Lowered:
    """nn.InstanceNorm1d to 3d."""
    shape = context.inputs[0].shape
    keywords = _epsilon(layer.epsilon)
    if layer.affine:
        keywords["affine"] = True
    channels = layer.channels(shape, context.data_format)
    name = f"nn.InstanceNorm{len(shape) - 1}d"
    return _module(name, ("num_features", channels), **keywords)


def unit_normalization(layer: layers.UnitNormalization, context: Context) -> Lowered:
    """F.normalize, which divides by the length, or by eps if that is more."""
    axis = context.axis(layer.axis)
    axis = -1 if axis == context.rank else axis
    keywords: dict[str, object] = {} if axis == 1 else {"dim": axis}
    if layer.epsilon != _SHORTEST:
        keywords["eps"] = layer.epsilon
    return Lowered(apply("F.normalize", X, **keywords))


def local_response_normalization(
    layer: layers.LocalResponseNormalization, context: Context
) -> Lowered:
    """F.local_response_norm."""
    usual = {"alpha": 1e-4, "beta": 0.75, "k": 1.0}
    given = {name: float(getattr(layer, name)) for name in usual}
    keywords = {name: value for name, value in given.items() if value != usual[name]}
    return Lowered(apply("F.local_response_norm", X, layer.size, **keywords))


def _module(name: str, *positional: tuple[str, object], **keywords: object) -> Lowered:
    return Lowered(CALLED, call(name, *positional, **keywords))


def _epsilon(epsilon: float) -> dict[str, object]:
    return {"eps": epsilon} if epsilon != _DEFAULT_EPSILON else {}


def _sizes(sizes: tuple[int, ...]) -> object:
    return sizes[0] if len(sizes) == 1 else sizes


ROWS: Rows = {
    layers.BatchNormalization: batch_normalization,
    layers.LayerNormalization: layer_normalization,
    layers.RmsNormalization: rms_normalization,
    layers.GroupNormalization: group_normalization,
    layers.InstanceNormalization: instance_normalization,
    layers.UnitNormalization: unit_normalization,
    layers.LocalResponseNormalization: local_response_normalization,
}


def _biased(
    layer: layers.BatchNormalization, first: Array, last: Array, steps: int, count: int
) -> Array:
    """Return the running variance that the biased variance would have given."""
    kept = layer.momentum**steps * first
    biased: Array = kept + (last - kept) * ((count - 1) / count)
    return biased


DIVERGENCES: Mapping[type[Layer], Divergence] = {
    layers.BatchNormalization: Divergence(
        "running_var",
        "torch averages the unbiased variance, n/(n-1) times the biased one: "
        "r = m^k r0 + (r_torch - m^k r0) (n-1)/n after k steps over n numbers a channel",
        _biased,
    )
}
