"""Activations in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import Call, Expr, call
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers import Activation

_NAMED = {"relu", "sigmoid", "tanh", "silu"}
"""Activations whose name is Keras's too, with the same meaning."""


def linear(layer: layers.Linear, context: Context) -> Lowered:
    """layers.Identity."""
    return Lowered("{module}({0})", call("layers.Identity"))


def named(layer: Activation, context: Context) -> Lowered:
    """layers.Activation by name."""
    return Lowered("{module}({0})", call("layers.Activation", ("activation", layer.type)))


def leaky_relu(layer: layers.LeakyRelu, context: Context) -> Lowered:
    """layers.LeakyReLU; the slope is written out, because Keras has another default."""
    module = call("layers.LeakyReLU", negative_slope=float(layer.negative_slope))
    return Lowered("{module}({0})", module)


def elu(layer: layers.Elu, context: Context) -> Lowered:
    """layers.ELU."""
    keywords = {} if layer.alpha == 1 else {"alpha": float(layer.alpha)}
    return Lowered("{module}({0})", call("layers.ELU", **keywords))


def softmax(layer: layers.Softmax, context: Context) -> Lowered:
    """layers.Softmax, by default over the last axis."""
    axis = context.axis(layer.axis)
    keywords = {"axis": axis} if axis != context.rank else {}
    return Lowered("{module}({0})", call("layers.Softmax", **keywords))


def gelu(layer: layers.Gelu, context: Context) -> Lowered:
    """A helper: Keras's own rounds its constants to float32, and exports to ONNX wrongly."""
    return Lowered("{module}({0})", call("layers.Activation", ("activation", _gelu(layer))))


def fuse(module: Call, activation: Activation) -> Call | None:
    """Return the layer with the activation as its argument, where Keras means the same by it."""
    given: object
    if activation.type in _NAMED:
        given = activation.type
    elif isinstance(activation, layers.Gelu):
        given = _gelu(activation)
    elif isinstance(activation, layers.Elu) and activation.alpha == 1:
        given = "elu"
    else:
        return None
    # Where a person would write it: after the sizes, before the bias and the initialisers.
    first = {name: value for name, value in module.keywords if name not in _LAST}
    last = {name: value for name, value in module.keywords if name in _LAST}
    return call(module.function, *module.positional, **first, activation=given, **last)


_LAST = {
    "use_bias",
    "kernel_initializer",
    "depthwise_initializer",
    "pointwise_initializer",
    "bias_initializer",
}


def _gelu(layer: layers.Gelu) -> Expr:
    return Expr("gelu_tanh" if layer.approximate else "gelu")
