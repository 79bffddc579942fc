"""Embeddings, positions and tensors that every row gets, in Keras."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, NativeParameter, Rows
from nnspec.emit.tree import CALLED, MODULE, Owner, X, apply
from nnspec_keras.initial import keras_initializer
from nnspec_keras.normalized import normalized

_BASE = 10000.0
_TABLE = (NativeParameter("weight", "embeddings"),)


def embedding(layer: layers.Embedding, context: Context) -> Lowered:
    """layers.Embedding, or a class that can be reversed, or one with a row for padding too."""
    (weight,) = context.parameters(layer)
    initializer = keras_initializer(weight)
    sizes = (("input_dim", layer.input_dim), ("output_dim", layer.output_dim))
    row = {} if layer.padding_index is None else {"padding_index": layer.padding_index}
    tied = "ReversibleEmbedding" if context.is_tied else "layers.Embedding"
    name = "Embedding" if row else tied
    module = call(name, *sizes, **row, embeddings_initializer=initializer)
    return Lowered(CALLED, module, parameters=_TABLE)


def tied_dense(layer: layers.TiedDense, context: Context) -> Lowered:
    """The embedding's own class, called the other way round."""
    product = apply(Owner(), X, reverse=True)
    if not layer.use_bias:
        return Lowered(product)
    bias = (NativeParameter("bias", "bias"),)
    return Lowered(apply(MODULE, product), call("Bias"), parameters=bias)


def shared(layer: layers.Shared, context: Context) -> Lowered:
    """Not called: the graph holds the layer that it names."""
    raise AssertionError(layer.layer)


def position_embedding(layer: layers.PositionEmbedding, context: Context) -> Lowered:
    """A class: Keras has none."""
    (weight,) = context.parameters(layer)
    initializer = keras_initializer(weight)
    module = call(
        "PositionEmbedding", ("max_length", layer.max_length), embeddings_initializer=initializer
    )
    return Lowered(CALLED, module, parameters=_TABLE)


def sinusoidal_position(layer: layers.SinusoidalPosition, context: Context) -> Lowered:
    """A class: Keras has none."""
    module = call("SinusoidalPosition", **_base(layer.base))
    return Lowered(CALLED, module)


def rotary_position(layer: layers.RotaryPosition, context: Context) -> Lowered:
    """A class: Keras has none."""
    return Lowered(CALLED, call("RotaryPosition", **_base(layer.base)))


def _base(base: float) -> dict[str, object]:
    return {} if base == _BASE else {"base": float(base)}


def parameter(layer: layers.LearnedTensor, context: Context) -> Lowered:
    """A class: Keras has none."""
    fans = "in out" if len(layer.shape) <= 2 else ""
    (weight,) = context.parameters(layer)
    initializer = keras_initializer(weight, fans=fans)
    module = call("LearnedTensor", ("shape", layer.shape), initializer=initializer)
    return Lowered(CALLED, module, parameters=(NativeParameter("weight", "weight"),))


def constant(layer: layers.ConstantTensor, context: Context) -> Lowered:
    """A class: Keras has none that knows the size of the batch."""
    if layer.dtype != "float32":
        return Lowered(CALLED, call("WholeNumbers", ("value", layer.numbers()), kind=layer.dtype))
    if context.inputs[0].dtype != "float32":
        floats = apply("ops.cast", X, apply("keras.config.floatx"))
        return Lowered(
            CALLED, call("ConstantTensor", ("value", layer.value)), before=Lowered(floats)
        )
    return Lowered(CALLED, call("ConstantTensor", ("value", layer.value)))


ROWS: Rows = {
    layers.Embedding: normalized(embedding),
    layers.Shared: shared,
    layers.TiedDense: tied_dense,
    layers.PositionEmbedding: position_embedding,
    layers.SinusoidalPosition: sinusoidal_position,
    layers.RotaryPosition: rotary_position,
    layers.LearnedTensor: parameter,
    layers.ConstantTensor: constant,
}
