"""Repeated and other calls at inference, which must not matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nnspec.backend import Inspectable, Trainable
from nnspec.remote.calls import Repeating, Watched, asked_again, differing
from nnspec.verification.tolerance import EXACT, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Program, Weights
    from nnspec.remote.calls import Answers
    from nnspec.verification.engines import Engine, Outputs
    from nnspec.verification.state import State

CALLS = 48
"""Of each program, on one row: enough for what begins at the fortieth."""
SECONDS = 0.8
"""Of a processor, after which no more calls are made of one program."""


@dataclass(frozen=True)
class _Called:
    """Answers of a program to one row: first, then again, then by other ways to call it.

    moved: the weights that are others afterwards than it was given.
    """

    first: Outputs
    again: Answers
    ways: Mapping[str, Outputs]
    moved: list[str]


def compare_calls(state: State) -> None:
    """Compare the answers of many calls, and of every way to call; see that nothing moves."""
    state.progress("many calls")
    rows = {name: array[:1] for name, array in state.inputs.items()}
    calls = state.begun(
        {
            engine.name: partial(_called, state.programs[engine.name], rows, state.weights)
            for engine in state.engines
        },
        at_once=2,
    )
    answered: dict[str, _Called] = {}
    for engine in state.engines:
        called = state.recorder.attempt(
            calls[engine.name],
            kind="meaning",
            label=engine.name,
            when="when it is called again",
        )
        if called is not None:
            answered[engine.name] = called
    findings: dict[str, list[str]] = {}
    # All have answered: to measure a tolerance moves the weights of the reference.
    for engine in state.engines:
        if engine.name in answered:
            findings[engine.name] = _moved(state, engine, answered[engine.name], rows)
    state.recorder.add_findings("meaning", "float64", "the same, called again", findings)


def _called(program: Program, rows: Mapping[str, Array], weights: Weights) -> _Called:
    """Call a program of these weights in all ways."""
    return _Called(
        program.forward(rows),
        called_again(program, rows),
        program.answers(rows) if isinstance(program, Inspectable) else {},
        _other_weights(program, weights) if isinstance(program, Trainable) else [],
    )


def _other_weights(program: Trainable, weights: Weights) -> list[str]:
    if isinstance(program, Watched):
        return program.differing(weights)
    return differing(program.weights(), weights)


def _moved(state: State, engine: Engine, called: _Called, rows: Mapping[str, Array]) -> list[str]:
    """Return the changes that come with calls of a program, a sentence each."""
    found = []
    number, error = first_other(called.again, called.first, EXACT)
    if error > EXACT:
        found.append(f"call {number} of the same row answers otherwise, by {error:.1e}")
    for way, outputs in called.ways.items():
        error = relative_error(outputs, called.first)
        if error > state.tolerances.in_float64(engine, error=error, inputs=rows):
            found.append(f"{way} answers otherwise than at inference, by {error:.1e}")
    if called.moved:
        found.append(f"inference moves {', '.join(called.moved)}")
    return found


def called_again(program: Program, inputs: Mapping[str, Array]) -> Answers:
    """Return the answers of a program to further calls."""
    if isinstance(program, Repeating):
        return program.asked_again(inputs, CALLS - 1, SECONDS)
    return asked_again(program.forward, inputs, CALLS - 1, SECONDS)


def first_other(
    answers: Answers, expected: Outputs, tolerance: float, whole: Outputs | None = None
) -> tuple[int, float]:
    """Return the first of many calls that answers otherwise, or the last, and its error.

    answers: after a first call. whole: that of which `expected` is a part, to which errors are
    relative.
    """
    number, worst = 1, 0.0
    for after, outputs in answers:
        number = after + 1
        worst = max(worst, relative_error(outputs, expected, whole))
        if worst > tolerance:
            break
    return number, worst
