"""Recurrent layers in Keras."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec import layers
from nnspec.emit.code import Call, call
from nnspec.emit.lowering import Context, Lowered, NativeParameter, Rows
from nnspec.emit.tree import MODULE, Expression, Input, Starred, X, apply
from nnspec.layers.initializers import GlorotUniform, Zeros
from nnspec.layers.rare_initializers import Orthogonal
from nnspec.layers.recurrent import Recurrent
from nnspec_keras.initial import keras_initializer, stacked

_CLASSES = {"simple_rnn": "layers.SimpleRNN", "lstm": "layers.LSTM", "gru": "layers.GRU"}
_MERGES = {"sum": "sum", "multiply": "mul", "average": "ave"}
_GRU_GATES = (1, 0, 2)
"""Keras has the update gate first, PyTorch the reset gate."""


def recurrent(layer: Recurrent, context: Context) -> Lowered:
    """layers.SimpleRNN, layers.LSTM or layers.GRU."""
    lengths = layer.lengths_index(tuple(type_.shape for type_ in context.inputs))
    is_masked = lengths is not None and layer.return_sequences
    module = _module(layer, context, is_masked=is_masked)
    forward = _forward(context, lengths)
    if layer.go_backwards and layer.return_sequences:
        # Keras leaves the steps in the order in which it read them.
        forward = _in_order(layer, forward)
    elif lengths is not None:
        forward = _unmasked(layer, forward)
    return Lowered(forward, module, parameters=tuple(_natives(layer, "", 0)))


def bidirectional(layer: layers.Bidirectional, context: Context) -> Lowered:
    """layers.Bidirectional, which gives 0 for masked steps by itself."""
    lengths = layer.lengths_index(tuple(type_.shape for type_ in context.inputs))
    keywords = {}
    if layer.merge_mode != "concat":
        keywords["merge_mode"] = _MERGES[layer.merge_mode]
    inner = _module(layer.cell, context, is_masked=False)
    module = call("layers.Bidirectional", ("layer", inner), **keywords)
    natives = (*_natives(layer.cell, "", 0), *_natives(layer.cell, "_reverse", 1))
    forward = _forward(context, lengths)
    if lengths is not None:
        forward = _unmasked(layer.cell, forward)
    return Lowered(forward, module, parameters=natives)


def _in_order(layer: Recurrent, forward: Expression) -> Expression:
    if layer.return_state:
        return apply("first_flipped", Starred(forward))
    return apply("ops.flip", forward, axis=1)


def _unmasked(layer: Recurrent, forward: Expression) -> Expression:
    if not layer.return_sequences:
        return forward
    return apply("without_mask", Starred(forward) if layer.return_state else forward)


def _forward(context: Context, lengths: int | None) -> Expression:
    states = [Input(i) for i in range(1, len(context.inputs)) if i != lengths]
    keywords: dict[str, object] = {}
    if lengths is not None:
        keywords["mask"] = apply("steps_before", X, Input(lengths))
    if states:
        keywords["initial_state"] = states
    return apply(MODULE, X, **keywords)


def _module(layer: Recurrent, context: Context, *, is_masked: bool) -> Call:
    kernel, recurrent_kernel, *biases = context.parameters(layer)
    keywords: dict[str, object] = {}
    if getattr(layer, "activation", "tanh") != "tanh":
        keywords["activation"] = getattr(layer, "activation", None)
    if not layer.use_bias:
        keywords["use_bias"] = False
    if not isinstance(layer.kernel_initializer, GlorotUniform):
        keywords["kernel_initializer"] = keras_initializer(kernel)
    if layer.recurrent_initializer != Orthogonal():
        keywords["recurrent_initializer"] = keras_initializer(recurrent_kernel)
    if layer.use_bias and not isinstance(layer.bias_initializer, Zeros):
        one = keras_initializer(biases[0], layer.bias_initializer, fans="")
        keywords["bias_initializer"] = stacked(*biases) if layer.has_two_biases else one
    if layer.use_bias and not getattr(layer, "unit_forget_bias", True):
        keywords["unit_forget_bias"] = False
    if not getattr(layer, "reset_after", True):
        keywords["reset_after"] = False
    if layer.recurrent_dropout:
        keywords["recurrent_dropout"] = float(layer.recurrent_dropout)
    for flag in ("return_sequences", "return_state", "go_backwards"):
        if getattr(layer, flag):
            keywords[flag] = True
    if is_masked:
        keywords["zero_output_for_mask"] = True
    return call(_CLASSES[layer.type], ("units", layer.units), **keywords)


def _natives(layer: Recurrent, suffix: str, occurrence: int) -> Iterator[NativeParameter]:
    blocks = _GRU_GATES if layer.type == "gru" else None
    yield NativeParameter(
        f"weight_ih_l0{suffix}", "kernel", (1, 0), blocks=blocks, occurrence=occurrence
    )
    yield NativeParameter(
        f"weight_hh_l0{suffix}", "recurrent_kernel", (1, 0), blocks=blocks, occurrence=occurrence
    )
    if not layer.use_bias:
        return
    if layer.has_two_biases:
        yield NativeParameter(
            f"bias_ih_l0{suffix}", "bias", blocks=blocks, row=0, occurrence=occurrence
        )
        yield NativeParameter(
            f"bias_hh_l0{suffix}", "bias", blocks=blocks, row=1, occurrence=occurrence
        )
    else:
        yield NativeParameter(f"bias_ih_l0{suffix}", "bias", blocks=blocks, occurrence=occurrence)


ROWS: Rows = {
    layers.SimpleRNN: recurrent,
    layers.LSTM: recurrent,
    layers.GRU: recurrent,
    layers.Bidirectional: bidirectional,
}
