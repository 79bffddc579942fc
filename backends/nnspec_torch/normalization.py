"""Normalisation in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nnspec import layers
from nnspec.backend import Divergence
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers import Layer
from nnspec.layers.base import channel_axis

if TYPE_CHECKING:
    from nnspec.backend import Array

_DEFAULT_EPSILON = 1e-5
_DEFAULT_MOMENTUM = 0.1


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
    return Lowered("{module}({0})", module)


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
