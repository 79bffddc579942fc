"""Recurrent layers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec import layers
from nnspec.layers import Bidirectional
from nnspec.layers.recurrent import MergeMode, Recurrent
from nnspec_onnx.context import Context, Values
from nnspec_onnx.rows import Rows

if TYPE_CHECKING:
    from nnspec.backend import Array

_OPERATORS = {"simple_rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}
_GATES = {"simple_rnn": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""ONNX's order, i o f c and z r h, of PyTorch's gates, i f g o and r z n."""
_REDUCTIONS = {"sum": "ReduceSum", "multiply": "ReduceProd", "average": "ReduceMean"}


def recurrent(layer: Recurrent, context: Context) -> Values:
    """RNN, LSTM or GRU in one direction."""
    direction = "reverse" if layer.go_backwards else "forward"
    lengths = layer.lengths_index(tuple(type_.shape for type_ in context.input_types))
    return _lowered(layer, context, direction, None, lengths)


def bidirectional(layer: Bidirectional, context: Context) -> Values:
    """RNN, LSTM or GRU in both directions."""
    lengths = layer.lengths_index(tuple(type_.shape for type_ in context.input_types))
    return _lowered(layer.cell, context, "bidirectional", layer.merge_mode, lengths)


def _lowered(
    cell: Recurrent, context: Context, direction: str, merge: MergeMode | None, lengths: int | None
) -> Values:
    suffixes = ("", "_reverse") if merge is not None else ("",)
    # ONNX Runtime does not implement the layout with the batch first.
    x = context.node("Transpose", context.inputs[0], part="time_first", perm=(1, 0, 2))
    count = 0
    if lengths is not None:
        count = context.input_types[lengths].dtype != "int32"
    given = [
        x,
        _weight(cell, context, "weight_ih_l0", suffixes),
        _weight(cell, context, "weight_hh_l0", suffixes),
        _bias(cell, context, suffixes) if cell.use_bias else "",
    ]
    if lengths is None:
        given.append("")
    elif count:
        given.append(context.node("Cast", context.inputs[lengths], part="lengths", to=6))  # int32
    else:
        given.append(context.inputs[lengths])
    given += _initial(
        cell, context, [i for i in range(1, len(context.inputs)) if i != lengths], suffixes
    )
    while given[-1] == "":
        given.pop()
    attributes: dict[str, int | str | tuple[str, ...]] = {"hidden_size": cell.units}
    if direction != "forward":
        attributes["direction"] = direction
    if getattr(cell, "activation", "tanh") == "relu":
        attributes["activations"] = ("Relu",) * len(suffixes)
    if getattr(cell, "reset_after", False):
        attributes["linear_before_reset"] = 1
    names = ["steps", "state", "cell_state"][: len(cell.state_names) + 1]
    used = [
        cell.return_sequences,
        cell.return_state or not cell.return_sequences,
        cell.return_state,
    ]
    # An output that nothing takes has a name too, where another follows: onnx's reference evaluator
    # keeps a nameless one, and gives it to the next operator that leaves an input out.
    last = max(i for i, is_used in enumerate(used) if is_used)
    outputs = [f"{context.path}.{name}" for name in names[: last + 1]]
    context.operator(_OPERATORS[cell.type], given, outputs, **attributes)
    first = _steps(cell, context, merge) if cell.return_sequences else _last(cell, context, merge)
    if not cell.return_state:
        return (first,)
    if merge is None:
        return (first, *_only_states(cell, context, first, outputs[1:]))
    return (first, *_states(context, outputs[1:], len(suffixes)))


def _weight(cell: Recurrent, context: Context, name: str, suffixes: tuple[str, ...]) -> str:
    names = tuple(f"{name}{suffix}" for suffix in suffixes)
    shape = (len(names), *context.parameters[name].shape)
    part = name.removesuffix("_l0")
    return context.joined(names, part=part, shape=shape, pieces=partial(_reordered, cell))


def _bias(cell: Recurrent, context: Context, suffixes: tuple[str, ...]) -> str:
    names = tuple(f"{name}{s}" for s in suffixes for name in ("bias_ih_l0", "bias_hh_l0"))
    shape = (len(suffixes), 2 * context.parameters["bias_ih_l0"].shape[0])
    return context.joined(names, part="bias", shape=shape, pieces=partial(_reordered, cell))


def _reordered(cell: Recurrent, *arrays: Array) -> list[Array]:
    """Return the gates of all arrays, those of each in ONNX's order."""
    order = _GATES[cell.type]
    units = cell.units
    return [array[i * units : (i + 1) * units] for array in arrays for i in order]


def _initial(
    cell: Recurrent, context: Context, indices: list[int], suffixes: tuple[str, ...]
) -> list[str]:
    """Return the first state, and the first cell state, of all directions."""
    if not indices:
        return []
    axes = context.constant("state_axis", np.array([0]))
    kinds = len(cell.state_names)
    given = []
    for kind, name in enumerate(("state", "cell_state")[:kinds]):
        parts = [
            context.node(
                "Unsqueeze",
                context.inputs[index],
                axes,
                part=f"initial_{name}{suffix}" if len(suffixes) > 1 else f"initial_{name}",
            )
            for index, suffix in zip(indices[kind::kinds], ("_forward", "_backward"), strict=False)
        ]
        if len(parts) > 1:
            parts = [context.node("Concat", *parts, part=f"initial_{name}", axis=0)]
        given += parts
    return given


def _steps(cell: Recurrent, context: Context, merge: MergeMode | None) -> str:
    """Return (batch, time, n) of the operator's (time, directions, batch, units)."""
    steps = f"{context.path}.steps"
    if merge == "concat":
        first = context.node("Transpose", steps, part="batch_first", perm=(2, 0, 1, 3))
        # A 0 takes the input's own size: batch and time.
        shape = context.constant("shape", np.array([0, 0, 2 * cell.units]))
        return context.node("Reshape", first, shape)
    if merge is None:
        axes = context.constant("direction_axis", np.array([1]))
        one = context.node("Squeeze", steps, axes, part="direction")
    else:
        one = _reduced(context, steps, merge, 1)
    # Last, so that it cancels against the Transpose of a recurrent layer that follows.
    return context.node("Transpose", one, perm=(1, 0, 2))


def _last(cell: Recurrent, context: Context, merge: MergeMode | None) -> str:
    """Return (batch, n) of the operator's (directions, batch, units)."""
    state = f"{context.path}.state"
    if merge is None:
        return context.node("Squeeze", state, context.constant("direction_axis", np.array([0])))
    if merge == "concat":
        first = context.node("Transpose", state, part="batch_first", perm=(1, 0, 2))
        shape = context.constant("shape", np.array([0, 2 * cell.units]))
        return context.node("Reshape", first, shape)
    return _reduced(context, state, merge, 0, part=None)


def _reduced(
    context: Context, value: str, merge: str, axis: int, part: str | None = "merged"
) -> str:
    axes = context.constant("direction_axis", np.array([axis]))
    return context.node(_REDUCTIONS[merge], value, axes, part=part, keepdims=0)


def _only_states(cell: Recurrent, context: Context, first: str, values: list[str]) -> Values:
    """Return (batch, units) of the states of one direction; the last output is one of them."""
    known = [] if cell.return_sequences else [first]
    rest = values[len(known) :]
    axes = context.constant("states_axis", np.array([0])) if rest else ""
    return (
        *known,
        *(
            context.node("Squeeze", v, axes, output=i)
            for i, v in enumerate(rest, start=1 + len(known))
        ),
    )


def _states(context: Context, values: list[str], directions: int) -> Values:
    """Return (batch, units) of each direction's states."""
    numbers = [context.constant(f"direction_{i}", np.array(i)) for i in range(directions)]
    pairs = [(number, value) for number in numbers for value in values]
    return tuple(
        context.node("Gather", value, number, output=i, axis=0)
        for i, (number, value) in enumerate(pairs, start=1)
    )


ROWS: Rows = {
    layers.SimpleRNN: recurrent,
    layers.LSTM: recurrent,
    layers.GRU: recurrent,
    layers.Bidirectional: bidirectional,
}
