"""Dense and shape layers in Keras."""

from __future__ import annotations

from collections.abc import Iterable

from nnspec import layers
from nnspec.emit.code import Call, call
from nnspec.emit.lowering import Context, Lowered, Native
from nnspec.initializers import (
    Constant,
    GlorotUniform,
    InitializerBase,
    Normal,
    Orthogonal,
    Zeros,
)
from nnspec.layers import Parameter
from nnspec.layers.base import Biased

KERNELS = {2: (1, 0), 3: (2, 1, 0), 4: (2, 3, 1, 0), 5: (2, 3, 4, 1, 0)}
"""Rank of a canonical weight -> the order of its axes in a Keras kernel."""


def kernel_and_bias(parameters: Iterable[Parameter]) -> tuple[Native, ...]:
    """Return where Keras keeps a weight and a bias."""
    return tuple(
        Native("weight", "kernel", KERNELS[len(parameter.shape)])
        if parameter.name == "weight"
        else Native("bias", "bias")
        for parameter in parameters
    )


def weighted(
    layer: Biased, weights: tuple[str, ...] = ("kernel_initializer",)
) -> dict[str, object]:
    """Return the arguments that every layer with a bias and these initialisers has."""
    keywords: dict[str, object] = {}
    if not layer.use_bias:
        keywords["use_bias"] = False
    for name in weights:
        law = getattr(layer, name)
        if not isinstance(law, GlorotUniform):
            keywords[name] = initializer(law)
    if layer.use_bias and not isinstance(layer.bias_initializer, Zeros):
        keywords["bias_initializer"] = initializer(layer.bias_initializer)
    return keywords


def initializer(law: InitializerBase) -> str | Call:
    """Return Keras's name of a law; a constant carries its value."""
    if isinstance(law, Constant):
        return call("keras.initializers.Constant", ("value", float(law.value)))
    if isinstance(law, Normal):
        return call("keras.initializers.RandomNormal", stddev=float(law.stddev))
    if isinstance(law, Orthogonal) and law.gain != 1:
        return call("keras.initializers.Orthogonal", gain=float(law.gain))
    return law.type


def compact(sizes: tuple[int, ...]) -> object:
    """Return one number where all axes have the same."""
    return sizes[0] if len(set(sizes)) == 1 else sizes


def dense(layer: layers.Dense, context: Context) -> Lowered:
    """layers.Dense."""
    module = call("layers.Dense", ("units", layer.units), **weighted(layer))
    return Lowered("{module}({0})", module, parameters=kernel_and_bias(context.parameters(layer)))


def flatten(layer: layers.Flatten, context: Context) -> Lowered:
    """layers.Flatten."""
    return Lowered("{module}({0})", call("layers.Flatten"))


def reshape(layer: layers.Reshape, context: Context) -> Lowered:
    """layers.Reshape."""
    module = call("layers.Reshape", ("target_shape", context.outputs[0].shape))
    return Lowered("{module}({0})", module)
