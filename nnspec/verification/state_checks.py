"""What must not matter at inference: how often, and in which way, the network is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Inspectable, Trainable
from nnspec.verification.tolerance import EXACT, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Program
    from nnspec.verification.engines import Engine
    from nnspec.verification.verifier import Outputs, Verifier

CALLS = 48
"""Of each program, on one row: enough for what begins at the fortieth."""
SECONDS = 0.5
"""After which no more calls are made of one program."""


def compare_calls(verifier: Verifier) -> None:
    """Compare the answers of many calls, and of every way to call; see that nothing moves."""
    verifier.progress("many calls")
    findings: dict[str, list[str]] = {}
    for engine in verifier.engines:
        found = verifier.attempt(
            partial(_moved, verifier, engine),
            kind="meaning",
            label=engine.name,
            when="when it is called again",
        )
        if found is not None:
            findings[engine.name] = found
    verifier.add_findings("meaning", "float64", "the same, called again", findings)


def _moved(verifier: Verifier, engine: Engine) -> list[str]:
    """Return what changes with the calls of a program, a sentence each."""
    program = verifier.exact[engine.name]
    rows = {name: array[:1] for name, array in verifier.inputs.items()}
    first = program.forward(rows)
    found = []
    number, error = repeated(program, rows, first, EXACT)
    if error > EXACT:
        found.append(f"call {number} of the same rows answers otherwise, by {error:.1e}")
    if isinstance(program, Inspectable):
        for way, outputs in program.answers(rows).items():
            error = relative_error(outputs, first)
            if error > verifier.exact_tolerance(engine, error=error, inputs=rows):
                found.append(f"{way} answers otherwise than at inference, by {error:.1e}")
    if isinstance(program, Trainable):
        weights = program.weights()
        moved = [
            name
            for name, array in verifier.weights.items()
            if not np.array_equal(weights[name], array)
        ]
        if moved:
            found.append(f"inference moves {', '.join(moved)}")
    return found


def repeated(
    program: Program,
    inputs: Mapping[str, Array],
    expected: Outputs,
    tolerance: float,
    whole: Outputs | None = None,
) -> tuple[int, float]:
    """Return the first of many calls that answers otherwise, or the last, and its error.

    whole: that of which `expected` is a part, to which errors are relative.
    """
    start = time.perf_counter()
    worst = 0.0
    number = 1
    while number < CALLS and worst <= tolerance and time.perf_counter() - start < SECONDS:
        number += 1
        worst = max(worst, relative_error(program.forward(inputs), expected, whole))
    return number, worst
