"""Activations in Keras."""

from __future__ import annotations

from dataclasses import replace

from nnspec import layers
from nnspec.emit.code import Call, Expr, call
from nnspec.emit.lowering import Context, Lowered
from nnspec.layers import Activation

_NAMED = {
    "exponential",
    "hard_sigmoid",
    "hard_silu",
    "hard_tanh",
    "log_sigmoid",
    "mish",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "softplus",
    "softsign",
    "tanh",
    "tanh_shrink",
}
"""Activations whose name is Keras's too, with the same meaning."""
MOST_AXES_OF_SOFTMAX = 4
"""The batch not counted. TensorFlow's float32 kernel takes no more."""


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
    """layers.Softmax, by default over the last axis; a helper for more axes than it takes."""
    if context.rank > MOST_AXES_OF_SOFTMAX:
        return _over_axis(Expr("many_axes_softmax"), layer.axis, context)
    axis = context.axis(layer.axis)
    keywords = {"axis": axis} if axis != context.rank else {}
    return Lowered("{module}({0})", call("layers.Softmax", **keywords))


def gelu(layer: layers.Gelu, context: Context) -> Lowered:
    """A helper: Keras's own rounds its constants to float32, and exports to ONNX wrongly."""
    return Lowered("{module}({0})", call("layers.Activation", ("activation", _gelu(layer))))


def log_softmax(layer: layers.LogSoftmax, context: Context) -> Lowered:
    """keras.activations.log_softmax, by default over the last axis."""
    return _over_axis("log_softmax", layer.axis, context)


def softmin(layer: layers.Softmin, context: Context) -> Lowered:
    """A helper, by default over the last axis."""
    if context.rank > MOST_AXES_OF_SOFTMAX:
        lowered = _over_axis(Expr("many_axes_softmax"), layer.axis, context)
        return replace(lowered, before=Lowered("-{0}"))
    return _over_axis(Expr("softmin"), layer.axis, context)


def selu(layer: layers.Selu, context: Context) -> Lowered:
    """A helper: the gradient of Keras's own at 0 is that of the other side."""
    return with_settings(Expr("selu"))


def celu(layer: layers.Celu, context: Context) -> Lowered:
    """A helper: the gradient of Keras's own at 0 is that of both sides together."""
    return with_settings(Expr("celu"), **_unless(1, alpha=layer.alpha))


def squareplus(layer: layers.Squareplus, context: Context) -> Lowered:
    """keras.activations.squareplus."""
    return with_settings("squareplus", **_unless(4, b=layer.b))


def threshold(layer: layers.Threshold, context: Context) -> Lowered:
    """keras.activations.threshold."""
    numbers = {"threshold": layer.threshold, "default_value": layer.default_value}
    return with_settings("threshold", **{name: float(value) for name, value in numbers.items()})


def soft_shrink(layer: layers.SoftShrink, context: Context) -> Lowered:
    """keras.activations.soft_shrink."""
    return with_settings("soft_shrink", **_unless(0.5, threshold=layer.threshold))


def hard_shrink(layer: layers.HardShrink, context: Context) -> Lowered:
    """keras.activations.hard_shrink."""
    return with_settings("hard_shrink", **_unless(0.5, threshold=layer.threshold))


def with_settings(activation: str, **settings: object) -> Lowered:
    """layers.Activation, or where there are settings a helper that passes them on."""
    if not settings:
        return Lowered("{module}({0})", call("layers.Activation", ("activation", activation)))
    module = call("ActivationWith", ("activation", activation), ("settings", settings))
    return Lowered("{module}({0})", module)


def _unless(default: float, **given: float) -> dict[str, object]:
    return {name: float(value) for name, value in given.items() if value != default}


def _over_axis(activation: str, given: int, context: Context) -> Lowered:
    axis = context.axis(given)
    return with_settings(activation, **({"axis": axis} if axis != context.rank else {}))


def fuse(module: Call, activation: Activation) -> Call | None:
    """Return the layer with the activation as its argument, where Keras means the same by it."""
    given: object
    if activation.type in _NAMED:
        given = activation.type
    elif isinstance(activation, layers.Gelu):
        given = _gelu(activation)
    elif isinstance(activation, layers.Selu):
        given = Expr("selu")
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
