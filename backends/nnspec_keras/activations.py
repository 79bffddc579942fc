"""Activations in Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nnspec import layers
from nnspec.backend import Rounding
from nnspec.emit.code import Call, call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, Name, X
from nnspec.layers import Activation, Layer
from nnspec_keras.core import without_settings
from nnspec_keras.normalized import FUNCTION as WRAPPER

MOST_AXES_OF_SOFTMAX = 4
"""The batch not counted. TensorFlow's float32 kernel takes no more."""


@dataclass(frozen=True, slots=True)
class Argument:
    """The row of an activation that other Keras layers take as their argument.

    value: gives that argument: Keras's name, or that of a helper; None where they take none with
    these settings. alone: the lowering of the activation by itself, if that is not
    layers.Activation of the argument.
    """

    value: Callable[[Any], str | Name | None]
    alone: Callable[[Any, Context], Lowered] | None = None

    def __call__(self, layer: Activation, context: Context) -> Lowered:
        """Return the activation by itself."""
        if self.alone is not None:
            return self.alone(layer, context)
        value = self.value(layer)
        assert value is not None
        return with_settings(value)


def of_type(layer: Activation) -> str:
    """Keras's name, where that is ours too, with the same meaning."""
    return layer.type


def gelu(layer: layers.Gelu) -> Name:
    """A helper: Keras's own rounds its constants to float32, and exports to ONNX wrongly."""
    return Name("gelu_tanh" if layer.approximate else "gelu")


def selu(layer: layers.Selu) -> Name:
    """A helper: the gradient of Keras's own at 0 is that of the other side."""
    return Name("selu")


def elu_of_one(layer: layers.Elu) -> str | None:
    """Keras's name for an alpha of 1."""
    return "elu" if layer.alpha == 1 else None


def elu(layer: layers.Elu, context: Context) -> Lowered:
    """layers.ELU."""
    keywords = {} if layer.alpha == 1 else {"alpha": float(layer.alpha)}
    return Lowered(CALLED, call("layers.ELU", **keywords))


def leaky_relu(layer: layers.LeakyRelu, context: Context) -> Lowered:
    """layers.LeakyReLU; the slope is written out, because Keras has another default."""
    module = call("layers.LeakyReLU", negative_slope=float(layer.negative_slope))
    return Lowered(CALLED, module)


def softmax(layer: layers.Softmax, context: Context) -> Lowered:
    """layers.Softmax, by default over the last axis; a helper for more axes than it takes."""
    if context.rank > MOST_AXES_OF_SOFTMAX:
        return _over_axis(Name("many_axes_softmax"), layer.axis, context)
    axis = context.axis(layer.axis)
    keywords = {"axis": axis} if axis != context.rank else {}
    return Lowered(CALLED, call("layers.Softmax", **keywords))


def log_softmax(layer: layers.LogSoftmax, context: Context) -> Lowered:
    """keras.activations.log_softmax, by default over the last axis."""
    return _over_axis("log_softmax", layer.axis, context)


def softmin(layer: layers.Softmin, context: Context) -> Lowered:
    """A helper, by default over the last axis."""
    if context.rank > MOST_AXES_OF_SOFTMAX:
        lowered = _over_axis(Name("many_axes_softmax"), layer.axis, context)
        return lowered._replace(before=Lowered(-X))
    return _over_axis(Name("softmin"), layer.axis, context)


def celu(layer: layers.Celu, context: Context) -> Lowered:
    """A helper: the gradient of Keras's own at 0 is that of both sides together."""
    return with_settings(Name("celu"), **_unless(1, alpha=layer.alpha))


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


def with_settings(activation: str | Name, **settings: object) -> Lowered:
    """layers.Activation, or where there are settings a helper that passes them on."""
    if not settings:
        return Lowered(CALLED, call("layers.Activation", ("activation", activation)))
    module = call("ActivationWith", ("activation", activation), ("settings", settings))
    return Lowered(CALLED, module)


def _unless(default: float, **given: float) -> dict[str, object]:
    return {name: float(value) for name, value in given.items() if value != default}


def _over_axis(activation: str | Name, given: int, context: Context) -> Lowered:
    axis = context.axis(given)
    return with_settings(activation, **({"axis": axis} if axis != context.rank else {}))


NAMED = Argument(of_type)
"""The row of an activation whose name is Keras's too."""

ROWS: Rows = {
    layers.Linear: without_settings("layers.Identity"),
    layers.Relu: NAMED,
    layers.LeakyRelu: leaky_relu,
    layers.Elu: Argument(elu_of_one, elu),
    layers.Sigmoid: NAMED,
    layers.Tanh: NAMED,
    layers.Softmax: softmax,
    layers.Gelu: Argument(gelu),
    layers.Silu: NAMED,
    layers.LogSoftmax: log_softmax,
    layers.Softmin: softmin,
    layers.Relu6: NAMED,
    layers.Selu: Argument(selu),
    layers.Celu: celu,
    layers.Mish: NAMED,
    layers.Softplus: NAMED,
    layers.Softsign: NAMED,
    layers.Squareplus: squareplus,
    layers.Exponential: NAMED,
    layers.LogSigmoid: NAMED,
    layers.HardSigmoid: NAMED,
    layers.HardSilu: NAMED,
    layers.HardTanh: NAMED,
    layers.Threshold: threshold,
    layers.SoftShrink: soft_shrink,
    layers.HardShrink: hard_shrink,
    layers.TanhShrink: NAMED,
}

_LAST = {
    "use_bias",
    "kernel_initializer",
    "depthwise_initializer",
    "pointwise_initializer",
    "bias_initializer",
}


def fuse(module: Call, activation: Activation) -> Call | None:
    """Return the layer with the activation as its argument, where Keras means the same by it."""
    if module.function == WRAPPER:
        (name, inner), *others = module.positional
        assert isinstance(inner, Call)
        within = fuse(inner, activation)
        if within is None:
            return None
        return Call(module.function, ((name, within), *others), module.keywords)
    row = ROWS[type(activation)]
    value = row.value(activation) if isinstance(row, Argument) else None
    if value is None:
        return None
    # Where a person would write it: after the sizes, before the bias and the initializers.
    first = {name: value for name, value in module.keywords if name not in _LAST}
    last = {name: value for name, value in module.keywords if name in _LAST}
    return call(module.function, *module.positional, **first, activation=value, **last)


ROUNDED: Mapping[type[Layer], Rounding] = {
    layers.LeakyRelu: Rounding(
        forward=6e-8,
        gradient=6e-8,
        reason="TensorFlow's LeakyRelu kernel takes its slope as a float32: 0.01 becomes "
        "0.00999999978, an error of 2.2e-10 of the input",
    ),
}
"""Constants that Keras holds in float32."""
