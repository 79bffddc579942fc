"""Activations that own a slope or gate one half of an axis by the other, in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, NativeParameter, Rows
from nnspec.emit.tree import CALLED, Name
from nnspec_keras.initial import keras_initializer


def prelu(layer: layers.Prelu, context: Context) -> Lowered:
    """A helper: Keras's own has the gradient 0 at 0, and a slope for each element."""
    (weight,) = context.parameters(layer)
    kind = {"channel": "PReLU", "one": "SinglePReLU", "element": "ElementPReLU"}[layer.slopes]
    module = call(kind, alpha_initializer=keras_initializer(weight, fans=""))
    return Lowered(CALLED, module, parameters=(NativeParameter("weight", "alpha"),))


def glu(layer: layers.Glu, context: Context) -> Lowered:
    """keras.activations.glu."""
    return _gated("glu", layer.axis, context)


def swiglu(layer: layers.Swiglu, context: Context) -> Lowered:
    """A helper."""
    return _gated(Name("swiglu"), layer.axis, context)


def _gated(activation: str | Name, given: int, context: Context) -> Lowered:
    # layers.Activation would say that the shape stays.
    axis = context.axis(given)
    settings = {"axis": -1 if axis == context.rank else axis}
    module = call("ActivationWith", ("activation", activation), ("settings", settings))
    return Lowered(CALLED, module)


ROWS: Rows = {layers.Prelu: prelu, layers.Glu: glu, layers.Swiglu: swiglu}
