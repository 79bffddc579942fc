"""RNN, LSTM and GRU for onnx's reference evaluator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from nnspec.backend import Array

State = tuple["Array", ...]
Step = Callable[["Array", "Array", "Array", State], State]
"""(input's part of the gates, state's weight and bias, the state) -> the next state."""


def _sigmoid(x: Array) -> Array:
    # Of the exponential that does not overflow.
    small = np.exp(-np.abs(x))
    part: Array = np.where(x < 0, small, 1.0) / (1 + small)
    return part


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def recurrent_ops(operator: Any) -> list[Any]:
    """Return operators, of the class OpRun, in place of the evaluator's own.

    Those ignore `sequence_lens`, and its RNN knows no Relu. In these the layout is 0, and nothing
    is clipped.
    """

    class RNN(operator):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(
            self, x: Array, w: Array, r: Array, b: Any = None, lengths: Any = None, h: Any = None,
            activations: Any = None, direction: str = "forward", **_: Any,
        ) -> tuple[Array, ...]:  # fmt: skip
            function = _relu if activations and activations[0] == "Relu" else np.tanh

            def step(given: Array, r: Array, bias: Array, state: State) -> State:
                return (function(given + state[0] @ r.T + bias),)

            return _run(step, x, w, r, b, lengths, (h,), direction)

    class LSTM(operator):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(
            self, x: Array, w: Array, r: Array, b: Any = None, lengths: Any = None, h: Any = None,
            c: Any = None, direction: str = "forward", **_: Any,
        ) -> tuple[Array, ...]:  # fmt: skip
            def step(given: Array, r: Array, bias: Array, state: State) -> State:
                i, o, f, g = np.split(given + state[0] @ r.T + bias, 4, axis=-1)
                cell = _sigmoid(f) * state[1] + _sigmoid(i) * np.tanh(g)
                return _sigmoid(o) * np.tanh(cell), cell

            return _run(step, x, w, r, b, lengths, (h, c), direction)

    class GRU(operator):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(
            self, x: Array, w: Array, r: Array, b: Any = None, lengths: Any = None, h: Any = None,
            direction: str = "forward", linear_before_reset: int = 0, **_: Any,
        ) -> tuple[Array, ...]:  # fmt: skip
            def step(given: Array, r: Array, bias: Array, state: State) -> State:
                zi, ri, hi = np.split(given, 3, axis=-1)
                rz, rr, rh = np.split(r, 3)
                bz, br, bh = np.split(bias, 3)
                before = state[0]
                z = _sigmoid(zi + before @ rz.T + bz)
                reset = _sigmoid(ri + before @ rr.T + br)
                if linear_before_reset:
                    new = np.tanh(hi + reset * (before @ rh.T + bh))
                else:
                    new = np.tanh(hi + (reset * before) @ rh.T + bh)
                return ((1 - z) * new + z * before,)

            return _run(step, x, w, r, b, lengths, (h,), direction)

    return [RNN, LSTM, GRU]


def _run(
    step: Step,
    x: Array,
    w: Array,
    r: Array,
    b: Array | None,
    lengths: Array | None,
    initial: Sequence[Array | None],
    direction: str,
) -> tuple[Array, ...]:
    """Return Y (time, directions, batch, units), and each last state (directions, batch, units)."""
    time, batch, _ = x.shape
    units = r.shape[-1]
    if lengths is None:
        lengths = np.full(batch, time)
    steps = np.zeros((time, len(w), batch, units), x.dtype)
    last = [np.zeros((len(w), batch, units), x.dtype) for _ in initial]
    for d in range(len(w)):
        first, second = np.split(b[d], 2) if b is not None else (0.0, np.zeros(len(w[d]), x.dtype))
        given = x @ w[d].T + first
        state = tuple(
            last[k][d] if value is None else np.asarray(value)[d] for k, value in enumerate(initial)
        )
        is_backward = direction == "reverse" or d == 1
        for t in reversed(range(time)) if is_backward else range(time):
            valid = (t < lengths)[:, None]
            following = step(given[t], r[d], second, state)
            state = tuple(
                np.where(valid, new, old) for new, old in zip(following, state, strict=True)
            )
            steps[t, d] = np.where(valid, state[0], 0)
        for k, value in enumerate(state):
            last[k][d] = value
    return (steps, *last)
