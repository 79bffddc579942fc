"""Embeddings, positions and tensors that every row gets, in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import Call, call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, MODULE, Expression, Name, Owner, X, apply
from nnspec_torch.parametrized import normalized

_BASE = 10000.0


def embedding(layer: layers.Embedding, context: Context) -> Lowered:
    """nn.Embedding."""
    sizes = (("num_embeddings", layer.input_dim), ("embedding_dim", layer.output_dim))
    padding = {} if layer.padding_index is None else {"padding_idx": layer.padding_index}
    return Lowered(CALLED, call("nn.Embedding", *sizes, **padding))


def tied_dense(layer: layers.TiedDense, context: Context) -> Lowered:
    """F.linear with the matrix of the embedding."""
    product = apply("F.linear", X, Owner().attribute("weight"))
    if not layer.use_bias:
        return Lowered(product)
    module = call("Bias", ("size", context.outputs[0].shape[-1]))
    return Lowered(apply(MODULE, product), module)


def shared(layer: layers.Shared, context: Context) -> Lowered:
    """Not called: the graph holds the layer that it names."""
    raise AssertionError(layer.layer)


def position_embedding(layer: layers.PositionEmbedding, context: Context) -> Lowered:
    """The rows of an nn.Embedding, as many as there are positions."""
    time, features = context.inputs[0].shape
    sizes = (("num_embeddings", layer.max_length), ("embedding_dim", features))
    weight = MODULE.attribute("weight")
    rows: Expression = weight
    if isinstance(time, str):
        rows = weight[: X.attribute("shape")[1]]
    elif time < layer.max_length:
        rows = weight[:time]
    return Lowered(X + rows, call("nn.Embedding", *sizes))


def sinusoidal_position(layer: layers.SinusoidalPosition, context: Context) -> Lowered:
    """A module with a table: PyTorch has none."""
    return Lowered(CALLED, _table("SinusoidalPosition", layer, context))


def rotary_position(layer: layers.RotaryPosition, context: Context) -> Lowered:
    """A module with a table: PyTorch has none."""
    return Lowered(CALLED, _table("RotaryPosition", layer, context))


def _table(
    name: str, layer: layers.SinusoidalPosition | layers.RotaryPosition, context: Context
) -> Call:
    time, features = context.inputs[0].shape[-2:]
    assert isinstance(features, int)
    length = layer.max_length if isinstance(time, str) else time
    assert length is not None
    return positions(name, features, length, layer.base)


def positions(name: str, features: int, max_length: int, base: float) -> Call:
    """Return the construction of a module that has a table of positions."""
    sizes = ("features", features), ("max_length", max_length)
    return call(name, *sizes, **({} if base == _BASE else {"base": float(base)}))


def parameter(layer: layers.LearnedTensor, context: Context) -> Lowered:
    """A module, so that its tensor is called as in the weights file."""
    sizes = [(f"size_{i}", size) for i, size in enumerate(layer.shape)]
    return Lowered(CALLED, call("LearnedTensor", *sizes))


def constant(layer: layers.ConstantTensor, context: Context) -> Lowered:
    """A module that gives the numbers in the dtype of its input, else torch.tensor."""
    if (layer.dtype, context.inputs[0].dtype) != ("float32", "float32"):
        is_float = layer.dtype == "float32"
        dtype = apply("torch.get_default_dtype") if is_float else Name(f"torch.{layer.dtype}")
        (shape,) = layer.infer_shape((), "channels_first")
        numbers = layer.numbers()
        value = apply("torch.tensor", numbers, dtype=dtype, device=X.attribute("device"))
        return Lowered(value.method("expand", X.attribute("shape")[0], *shape))
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
