"""The outputs of every engine for the user's own rows, all of them and not of one batch alone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec.verification.blame import blamed
from nnspec.verification.evaluators import run_exact
from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.engines import Engine, Outputs
    from nnspec.verification.state import State

AT_ONCE = 256
"""Rows that are in a network at once, where all are compared."""
MOST = 4096
"""Rows of which the outputs are compared; of a larger file, as many drawn by the seed."""


def compare_rows(state: State) -> None:
    """Compare what every engine makes of all rows, not of one batch alone."""
    rows = state.rows
    if rows is None:
        return
    state.progress(f"all rows of {rows.file}")
    state.recorder.report.notes.append(
        f"inputs and targets are rows of {rows.file}"
        if rows.target is not None
        else f"inputs are rows of {rows.file}; targets are drawn"
    )
    count = min(len(rows), MOST)
    inputs, _ = rows.drawn(count, state.settings.seed)
    compared = f"{count:,} rows" if count == len(rows) else f"{count:,} of {len(rows):,} rows"
    reference = state.reference.engine
    expected: Outputs | None = None
    for engine in [reference, *(each for each in state.engines if each is not reference)]:
        outputs = state.recorder.attempt(
            partial(_outputs, state, engine, inputs, expected),
            kind="forward",
            label=engine.name,
            when=f"on {compared} of {rows.file}",
        )
        if engine is reference:
            expected = outputs
        elif outputs is not None and expected is not None:
            error = relative_error(outputs, expected)
            state.recorder.add(
                "forward",
                (f"{engine.name}, {compared}", reference.name),
                "float64",
                error,
                state.tolerances.in_float64(reference, engine, error=error, inputs=inputs),
                blame=blamed(state, reference, engine),
            )


def _outputs(
    state: State, engine: Engine, inputs: Mapping[str, Array], expected: Outputs | None
) -> dict[str, Array]:
    """Return the outputs, by an evaluator that is right. expected: what they should be."""
    rows = len(next(iter(inputs.values())))
    parts = []
    for start in range(0, rows, AT_ONCE):
        taken = slice(start, start + AT_ONCE)
        given = {name: array[taken] for name, array in inputs.items()}
        right = {name: array[taken] for name, array in expected.items()} if expected else None
        parts.append(run_exact(state, engine, given, right))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
