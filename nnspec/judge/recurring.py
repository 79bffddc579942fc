"""Recurrent layers as files compute them, rightly or not: each way with the cause that it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.layers.recurrent import GRU, Bidirectional, Recurrent, SimpleRNN

if TYPE_CHECKING:
    from nnspec.backend import Array

Bend = Callable[["Array"], "Array"]


def _sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-x)))


def _relu(x: Array) -> Array:
    return np.maximum(x, 0.0)


BENDS: dict[str, Bend] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": _relu,
    "no activation": np.asarray,
    "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0.0, 1.0),
    "the hard sigmoid of Keras 2": lambda x: np.clip(0.2 * x + 0.5, 0.0, 1.0),
    "softsign": lambda x: x / (1 + np.abs(x)),
}
MERGED = ("concat", "sum", "multiply", "average")


@dataclass(frozen=True)
class How:
    """A way to compute a recurrent layer, and what is given of it.

    bend: of the candidate, and of the cell of an LSTM. gate: of the gates. turns: of each
    direction, whether it reads backwards. stays: whether what is read backwards is given in the
    order of reading. bias: of the biases of the input and of the state, how often each is added.
    given: of several steps, "last", "first", "mean", "sum", "most" or "cell"; where rows are read
    as time, "end" for every row of the last step. told: what a file
    does that computes so; "" of the right way. is_without: whether it leaves weights out.
    """

    resets_after: bool
    bend: str
    gate: str
    turns: tuple[bool, ...]
    merge: str
    stays: bool = False
    bias: tuple[float, float] = (1.0, 1.0)
    given: str = "last"
    begins: bool = True
    lengths: bool = True
    is_other_axis: bool = False
    is_swapped: bool = False
    told: str = ""
    is_without: bool = False


def right_way(layer: Recurrent | Bidirectional) -> How:
    """Return how a layer of the language is computed."""
    cell = layer.cell
    return How(
        resets_after=not isinstance(cell, GRU) or cell.reset_after,
        bend=cell.activation if isinstance(cell, SimpleRNN) else "tanh",
        gate="sigmoid",
        turns=(False, True) if isinstance(layer, Bidirectional) else (cell.go_backwards,),
        merge=layer.merge_mode if isinstance(layer, Bidirectional) else "concat",
    )


def ways(layer: Recurrent | Bidirectional, taken: Sequence[Array]) -> Iterator[How]:
    """Yield how files compute a layer that was ported wrongly, the right way aside."""
    right, cell = right_way(layer), layer.cell
    if isinstance(cell, GRU):
        when = ("after", "before") if cell.reset_after else ("before", "after")
        told = f"its reset gate multiplies {when[1]} the product, and not {when[0]} it"
        yield replace(right, resets_after=not right.resets_after, told=told)
    for name in BENDS:
        if name != right.bend:
            told = f"it computes with activation {name}, and not {right.bend}"
            yield replace(right, bend=name, told=told)
        if name != right.gate and not isinstance(cell, SimpleRNN):
            told = f"it computes its gates by {name}, and not {right.gate}"
            yield replace(right, gate=name, told=told)
    if cell.use_bias:
        yield replace(right, bias=(0.0, 0.0), told="it adds no bias", is_without=True)
        yield replace(right, bias=(2.0, 2.0), told="it adds the bias twice")
    if cell.use_bias and cell.has_two_biases:
        for times, which in (((1.0, 0.0), "state"), ((0.0, 1.0), "input")):
            told = f"it adds no bias to the product of the {which}"
            yield replace(right, bias=times, told=told, is_without=True)
    if len(right.turns) == 1:
        turned = (not right.turns[0],)
        told = f"it reads {'forwards' if right.turns[0] else 'backwards'}"
        yield replace(right, turns=turned, told=f"{told}, as with go_backwards {turned[0]}")
        if cell.return_sequences:
            told = "it reads backwards, and gives the steps in the order of reading"
            yield replace(right, turns=(True,), stays=True, told=told)
    else:
        if cell.return_sequences:
            told = "the states of its second direction stay in the order of reading"
            yield replace(right, stays=True, told=told)
        yield replace(right, is_swapped=True, told="its two directions stand the other way round")
        yield replace(right, turns=(False, False), told="both of its directions read forwards")
        if not cell.return_sequences:
            told = "of its second direction it gives the state of the step that it reads first"
            yield replace(right, given="step", told=told)
        for merge in MERGED:
            if merge != right.merge:
                told = f"it computes as with merge_mode {merge}, and not {right.merge}"
                yield replace(right, merge=merge, told=told)
    if not cell.return_sequences:
        for given, told in (
            ("first", "it gives the state of the first step, and not of the last"),
            ("mean", "it gives the mean of the states, and not the last one"),
            ("sum", "it gives the sum of the states, and not the last one"),
            ("most", "it gives the largest of the states, and not the last one"),
        ):
            yield replace(right, given=given, told=told)
    if len(cell.state_names) == 2:
        yield replace(right, given="cell", told="it gives the cell, and not the state")
    lengths = layer.lengths_index(tuple(each.shape[1:] for each in taken)) is not None
    if len(taken) > 1 + lengths:
        yield replace(right, begins=False, told="it begins at 0, and not at the state it is given")
    if lengths:
        yield replace(right, lengths=False, told="it reads the padding too")
    told = "it reads the rows of the batch as time"
    yield replace(right, is_other_axis=True, told=told)
    if not cell.return_sequences:
        told += ", and gives each row of the last step"
        yield replace(right, is_other_axis=True, given="end", told=told)


def outputs_of(
    layer: Recurrent | Bidirectional, how: How, taken: Sequence[Array],
    weights: Mapping[str, Array],
) -> list[Array]:  # fmt: skip
    """Return what a layer gives that is computed so: the formulas are those of the layers."""
    x, *others = taken
    cell = layer.cell
    lengths = None
    if layer.lengths_index(tuple(each.shape[1:] for each in taken)) is not None:
        *others, lengths = others
    if how.is_other_axis:
        x = np.swapaxes(x, 0, 1)
    if lengths is None or not how.lengths or how.is_other_axis:
        lengths = np.full(len(x), x.shape[1])
    count = len(cell.state_names)
    starts = others if how.begins and not how.is_other_axis else []
    first: list[Array] = []
    ends: list[Array] = []
    for i, turns in enumerate(how.turns):
        own = {name.removesuffix("_reverse"): each for name, each in weights.items()
               if name.endswith("_reverse") == (i == 1)}  # fmt: skip
        begin = starts[i * count : (i + 1) * count]
        states, cells, last = _read(cell, how, x, own, begin, lengths, turns=turns)
        if how.stays and turns:
            states = states[:, ::-1]
        first.append(_given(layer, how, states, cells, last, lengths))
        ends += last
    merged = _merged(how, first)
    return [merged, *ends] if cell.return_state else [merged]


def _merged(how: How, first: list[Array]) -> Array:
    if how.is_other_axis and first[0].ndim == 3:
        first = [np.swapaxes(each, 0, 1) for each in first]
    if how.is_swapped:
        first = first[::-1]
    if how.merge == "concat":
        return np.concatenate(first, axis=-1)
    if how.merge == "multiply":
        return np.asarray(np.prod(first, axis=0))
    total = np.sum(first, axis=0)
    return np.asarray(total / len(first) if how.merge == "average" else total)


def _given(
    layer: Any, how: How, states: Array, cells: Array, last: list[Array], lengths: Array
) -> Array:
    if layer.cell.return_sequences:
        return cells if how.given == "cell" else states
    if how.given == "step":
        return np.asarray(states[np.arange(len(states)), lengths - 1])
    if how.given == "mean":
        return np.asarray(states.mean(axis=1))
    if how.given == "sum":
        return np.asarray(states.sum(axis=1))
    if how.given == "most":
        return np.asarray(states.max(axis=1))
    if how.given == "end":
        return np.asarray(states[-1])
    if how.given == "first":
        return np.asarray(states[:, 0])
    return last[-1] if how.given == "cell" else last[0]


def _read(
    cell: Recurrent, how: How, x: Array, weights: Mapping[str, Array], begin: Sequence[Array],
    lengths: Array, *, turns: bool,
) -> tuple[Array, Array, list[Array]]:  # fmt: skip
    """Return the states and the cells of every step, and the last ones."""
    into, back = weights["weight_ih_l0"].T, weights["weight_hh_l0"].T
    none = np.zeros(into.shape[1])
    b = how.bias[0] * weights.get("bias_ih_l0", none)
    d = how.bias[1] * weights.get("bias_hh_l0", none)
    bend, gate = BENDS[how.bend], BENDS[how.gate]
    rows, time, _ = x.shape
    zero = np.zeros((rows, cell.units))
    h, c = [*begin, zero, zero][:2] if begin else (zero, zero)
    states, cells = (np.zeros((rows, time, cell.units)) for _ in range(2))
    for t in reversed(range(time)) if turns else range(time):
        with np.errstate(over="ignore", invalid="ignore"):
            new, inner = _step(cell, how, x[:, t] @ into + b, h, c, back, d, bend, gate)
        is_in = (t < lengths)[:, None]
        states[:, t], cells[:, t] = np.where(is_in, new, 0.0), np.where(is_in, inner, 0.0)
        h, c = np.where(is_in, new, h), np.where(is_in, inner, c)
    return states, cells, [h, c][: len(cell.state_names)]


def _step(
    cell: Recurrent, how: How, given: Array, h: Array, c: Array, back: Array, d: Array,
    bend: Bend, gate: Bend,
) -> tuple[Array, Array]:  # fmt: skip
    if isinstance(cell, SimpleRNN):
        return bend(given + h @ back + d), c
    if not isinstance(cell, GRU):
        i, f, g, o = np.split(given + h @ back + d, 4, axis=-1)
        c = gate(f) * c + gate(i) * bend(g)
        return gate(o) * bend(c), c
    r, z, n = np.split(given, 3, axis=-1)
    s, y, m = np.split(h @ back + d, 3, axis=-1)
    r, z = gate(r + s), gate(z + y)
    if how.resets_after:
        n = bend(n + r * m)
    else:
        last = 2 * cell.units
        n = bend(n + (r * h) @ back[:, last:] + d[last:])
    return (1 - z) * n + z * h, c
