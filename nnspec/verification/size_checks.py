"""Other batches and other sizes of dynamic axes than those that everything else is compared at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from nnspec.verification.blame import blamed
from nnspec.verification.engines import Engine
from nnspec.verification.evaluators import run_exact
from nnspec.verification.samples import of_rows, random_inputs
from nnspec.verification.settings import BATCH
from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.engines import Outputs
    from nnspec.verification.state import State

BATCHES = (5, 13)
"""Rows, of which one is more than those that everything else is compared at."""
ROWS = 3
"""Of the batches at other sizes."""


def compare_sizes(state: State) -> None:
    """Compare every engine on a batch of one row, and on other sizes of each dynamic axis."""
    state.progress("other batch and axis sizes")
    row = {name: array[:1] for name, array in state.inputs.items()}
    expected = {name: array[:1] for name, array in state.reference.outputs.items()}
    compare_at(state, "a batch of 1", row, expected)
    compare_batches(state)
    for where, inputs in other_sizes(state):
        compare_at(state, where, inputs)
    for name, size in state.axes.items():
        if not state.other_sizes[name]:
            reason = f"the axis {name} has no other size that fits than {size}"
            state.recorder.leave_out("dynamic_shape", (), reason)
    reason = "a batch of 0: every program of nnspec refuses inputs that have no rows"
    names = ", ".join(engine.name for engine in state.engines)
    state.recorder.leave_out("dynamic_shape", (names,), reason, by_call=True)


def compare_batches(state: State) -> None:
    """Compare every engine on batches of other sizes, made of the rows whose outputs are known."""
    if state.batch < BATCH:
        reason = f"batches of {' and '.join(map(str, BATCHES))}: at most {state.batch} are asked"
        state.recorder.leave_out("dynamic_shape", (), reason)
        return
    for rows in BATCHES:
        inputs, expected = (of_rows(each, rows) for each in (state.inputs, state.reference.outputs))
        errors, blames = {}, {}
        for engine in state.engines:
            outputs = state.recorder.attempt(
                partial(run_exact, state, engine, inputs, expected),
                kind="dynamic_shape",
                label=engine.name,
                when=f"at a batch of {rows}",
            )
            if outputs is not None:
                error = relative_error(outputs, expected)
                tolerance = state.tolerances.in_float64(
                    state.reference.engine, engine, error=error, inputs=inputs
                )
                errors[engine.name] = error, tolerance
                blames[engine.name] = blamed(state, state.reference.engine, engine)
        against = f"{state.reference.engine.name}, a batch of {rows}"
        state.recorder.add_errors("dynamic_shape", "float64", against, errors, blames=blames)


def other_sizes(state: State) -> Iterator[tuple[str, Mapping[str, Array]]]:
    """Yield the other size, as "time = 4", and inputs of that size."""
    for name, sizes in state.other_sizes.items():
        for size in sizes:
            axes = {**state.axes, name: size}
            yield (
                f"{name} = {size}",
                random_inputs(state.graph, 3, axes, state.settings.seed + size),
            )


def compare_at(
    state: State,
    where: str,
    inputs: Mapping[str, Array],
    expected: Outputs | None = None,
) -> None:
    """Compare every engine on these inputs.

    expected: what they should give; by default, what the first source gives that computes them.
    """
    reference: Engine = state.reference.engine
    for engine in [reference, *(each for each in state.engines if each is not reference)]:
        outputs = state.recorder.attempt(
            partial(run_exact, state, engine, inputs, expected),
            kind="dynamic_shape",
            label=engine.name,
            when=f"at {where}",
        )
        if outputs is None:
            continue
        if expected is None:
            expected, reference = outputs, engine
            continue
        error = relative_error(outputs, expected)
        state.recorder.add(
            "dynamic_shape",
            (f"{engine.name}, {where}", reference.name),
            "float64",
            error,
            state.tolerances.in_float64(reference, engine, error=error, inputs=inputs),
            blame=blamed(state, reference, engine),
        )
