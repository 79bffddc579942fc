"""Recurrent layers in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, MODULE, Expression, Field, Input, Name, apply
from nnspec.layers.recurrent import MergeMode, Recurrent

_CLASSES = {"simple_rnn": "nn.RNN", "lstm": "nn.LSTM", "gru": "nn.GRU"}


def recurrent(layer: Recurrent, context: Context) -> Lowered:
    """nn.RNN, nn.LSTM or nn.GRU."""
    return _lowered(layer, context, None, layer.lengths_index(_shapes(context)))


def bidirectional(layer: layers.Bidirectional, context: Context) -> Lowered:
    """The same with `bidirectional=True`."""
    return _lowered(layer.cell, context, layer.merge_mode, layer.lengths_index(_shapes(context)))


def _shapes(context: Context) -> tuple[tuple[int | str, ...], ...]:
    return tuple(type_.shape for type_ in context.inputs)


def _lowered(
    cell: Recurrent, context: Context, merge_mode: MergeMode | None, lengths: int | None
) -> Lowered:
    keywords: dict[str, object] = {}
    if getattr(cell, "activation", "tanh") != "tanh":
        keywords["nonlinearity"] = getattr(cell, "activation", None)
    if not cell.use_bias:
        keywords["bias"] = False
    function = _CLASSES[cell.type]
    if getattr(cell, "reset_after", True):
        keywords["batch_first"] = True
    else:
        function = "GRUResetBefore"
    if merge_mode is not None:
        keywords["bidirectional"] = True
    sizes = ("input_size", context.inputs[0].shape[1]), ("hidden_size", cell.units)
    module = call(function, *sizes, **keywords)
    setup: tuple[Expression, ...] = ()
    if cell.use_bias and not cell.has_two_biases:
        # Two biases that are only ever added would learn twice as fast as one.
        suffixes = ("",) if merge_mode is None else ("", "_reverse")
        setup = tuple(
            MODULE.method("get_parameter", f"bias_hh_l0{suffix}").method("requires_grad_", False)
            for suffix in suffixes
        )
    is_plain = len(context.inputs) == 1 and not cell.go_backwards and not cell.return_state
    is_plain = is_plain and not cell.recurrent_dropout
    if is_plain and cell.return_sequences and merge_mode in (None, "concat"):
        return Lowered(CALLED[0], module, setup=setup)
    if is_plain and not cell.return_sequences and merge_mode is None:
        last = CALLED[1][0][0] if cell.type == "lstm" else CALLED[1][0]
        return Lowered(last, module, setup=setup)
    given = [Input(i) for i in range(len(context.inputs)) if i != lengths]
    settings: dict[str, object] = {}
    if lengths is not None:
        settings["lengths"] = Input(lengths)
    if merge_mode not in (None, "concat"):
        settings["merge_mode"] = merge_mode
    if cell.return_sequences:
        settings["return_sequences"] = True
    values: tuple[tuple[str, str, object], ...] = ()
    if cell.recurrent_dropout:
        function = "run_dropping_backwards" if cell.go_backwards else "run_dropping"
        # It may differ between the uses of a block.
        values = (("rate", "recurrent_dropout", cell.recurrent_dropout),)
        forward = apply(function, MODULE, Name(_step(cell)), Field("rate"), *given, **settings)
    else:
        function = "run_backwards" if cell.go_backwards else "run_recurrent"
        forward = apply(function, MODULE, *given, **settings)
    result = forward if cell.return_state else forward[0]
    return Lowered(result, module, setup=setup, values=values)


def _step(cell: Recurrent) -> str:
    """Return the helper that makes one step of a cell whose state is dropped."""
    if isinstance(cell, layers.GRU):
        return "gru_step" if cell.reset_after else "reset_before_step"
    return f"{cell.activation}_step" if isinstance(cell, layers.SimpleRNN) else "lstm_step"


ROWS: Rows = {
    layers.SimpleRNN: recurrent,
    layers.LSTM: recurrent,
    layers.GRU: recurrent,
    layers.Bidirectional: bidirectional,
}
