"""Every engine on inputs of all sizes, with ties and zeros."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnspec.verification.blame import blamed_on
from nnspec.verification.evaluators import Evaluated
from nnspec.verification.recorder import told_of
from nnspec.verification.settings import BATCH
from nnspec.verification.tolerance import DOUBLE_ROUNDOFF, SAFETY, as_reals
from nnspec.verification.unusual import TIED, unusual_inputs

if TYPE_CHECKING:
    from nnspec.backend import Array, Program
    from nnspec.verification.engines import Engine, Outputs
    from nnspec.verification.recorder import Blame
    from nnspec.verification.state import State

WHY_UNLIKE = (
    "there an output is one of -inf, inf and NaN, and on the other side another: only that neither "
    "is finite is compared"
)


def compare_ranges(state: State) -> None:
    """Compare every engine with the first source on rows of unusual inputs."""
    state.progress("unusual inputs")
    rows = Rows(*unusual_inputs(state.graph, state.inputs, state.axes, state.settings.seed))
    reference = state.reference.engine
    calls = state.begun(
        {
            engine.name: partial(in_batches, state.programs[engine.name], rows.inputs, state.batch)
            for engine in state.engines
        },
        at_once=2,
    )
    expected = _answered(state, reference, calls)
    if expected is None:
        return
    own = {name: array[:1] for name, array in state.reference.outputs.items()}
    alone = {name: array[:1] for name, array in expected.items()}
    error = float(row_errors(alone, own)[0])
    errors = {reference.name: (error, state.tolerances.in_float64(reference, error=error))}
    blames: dict[str, Blame] = {
        reference.name: lambda: (None, "A row depends on its neighbours."),
    }
    for engine in state.engines:
        if engine is reference:
            continue
        outputs = _answered(state, engine, calls)
        worst = _worst_row(state, engine, rows, outputs, expected) if outputs is not None else None
        if worst is None:
            continue
        row, error, tolerance = worst
        errors[engine.name] = error, tolerance
        blames[engine.name] = blamed_on(
            state, reference, engine, rows.alone(row), f"A row of inputs {rows.kinds[row]}."
        )
    state.recorder.add_errors("range", "float64", reference.name, errors, blames=blames)


class Rows(NamedTuple):
    """Unusual inputs, and the kind of each row."""

    kinds: Sequence[str]
    inputs: Mapping[str, Array]

    def alone(self, row: int) -> dict[str, Array]:
        """Return a batch of one row, twice."""
        return {name: array[[row, row]] for name, array in self.inputs.items()}


def _worst_row(
    state: State, engine: Engine, rows: Rows, outputs: Outputs, expected: Outputs
) -> tuple[int, float, float] | None:
    """Return the row that uses up most of its tolerance, its error and tolerance.

    None where no row can be measured, which is then said.
    """
    reference = state.reference.engine
    found = row_errors(outputs, expected)
    if unlike := unlike_rows(outputs, expected):
        shown = dict.fromkeys(rows.kinds[row] for row in unlike)
        reason = f"a row of inputs {', '.join(shown)}: {WHY_UNLIKE}"
        state.recorder.leave_out("range", (engine.name, reference.name), reason)
    tolerance = _row_tolerances(state, engine, rows, outputs, expected, found)
    if tolerance is None:
        return None
    measurable = np.isfinite(tolerance) & ((tolerance < 1) | (found > tolerance))
    if not measurable.all():
        unknown = (kind for kind, can in zip(rows.kinds, measurable, strict=True) if not can)
        reason = f"a row of inputs {', '.join(unknown)}: {told_of(np.inf)}"
        state.recorder.leave_out("range", (engine.name, reference.name), reason)
        if not measurable.any():
            return None
    share = np.divide(found, tolerance, np.zeros(len(found)), where=measurable)
    worst = int(np.argmax(share))
    return worst, float(found[worst]), float(tolerance[worst])


def _row_tolerances(
    state: State, engine: Engine, rows: Rows, outputs: Outputs, expected: Outputs, found: Array
) -> Array | None:
    """Return the tolerance of each row, measured where an error exceeds the least.

    None where the evaluator is wrong, which is then said.
    """
    reference, inputs = state.reference.engine, rows.inputs
    tolerance = np.full(len(found), state.tolerances.in_float64(reference, engine))
    if not (found > tolerance).any():
        return tolerance
    tolerance += SAFETY * moved_rows(state, inputs, expected, (reference, engine))
    if (found > tolerance).any():
        tolerance[undecided(state, rows.kinds, inputs)] = np.inf
    program = state.programs[engine.name]
    if (found > tolerance).any() and isinstance(program, Evaluated):
        if wrong := program.disagreements(inputs):
            reason = (
                f"onnx's reference evaluator computes {', '.join(wrong)} otherwise than "
                "ONNX Runtime, on unusual inputs"
            )
            state.recorder.leave_out("range", (engine.name,), reason)
            return None
        tolerance += SAFETY * moved_by_float32(state, program, inputs, outputs)
    return tolerance


def _answered(
    state: State, engine: Engine, calls: Mapping[str, Callable[[], Outputs]]
) -> Outputs | None:
    """Return the outputs of an engine in float64; a failure is a failed check."""
    return state.recorder.attempt(
        calls[engine.name], kind="range", label=engine.name, when="on unusual inputs"
    )


def in_batches(program: Program, inputs: Mapping[str, Array], batch: int) -> Outputs:
    """Return the outputs of a program for rows, given no more at once than was asked for.

    By default all at once.
    """
    rows = len(next(iter(inputs.values())))
    size = batch if batch < BATCH else rows
    parts = []
    with np.errstate(all="ignore"):
        for start in range(0, rows, size):
            taken = np.minimum(np.arange(start, start + size), rows - 1)
            outputs = program.forward({name: array[taken] for name, array in inputs.items()})
            parts.append({name: array[: rows - start] for name, array in outputs.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def moved_rows(
    state: State,
    inputs: Mapping[str, Array],
    expected: Outputs,
    engines: tuple[Engine, ...],
) -> Array:
    """Return by row how far rounding in double precision, and constants in float32, move outputs.

    All elements of a row are changed by one factor, so that equal ones stay equal.
    """
    amplification = state.tolerances.amplification
    constants = sum(engine.rounding(state.graph) for engine in engines)
    unit = constants or DOUBLE_ROUNDOFF
    root = 1.0 if constants else amplification.longest**0.5
    moved = np.zeros(len(next(iter(inputs.values()))))
    try:
        for draw in amplification.draws():
            weights = amplification.changed(unit, draw, by_length=not constants)
            state.reference.program.load_weights(weights)
            moved_inputs = {
                name: _scaled(array, 1 + draw.choice([-1, 1], len(array)) * unit * root)
                for name, array in inputs.items()
            }
            outputs = in_batches(state.reference.program, moved_inputs, state.batch)
            np.maximum(moved, row_errors(outputs, expected), out=moved)
    finally:
        state.reference.program.load_weights(state.weights)
    return np.maximum(moved, moved_within(state, inputs))


def undecided(
    state: State,
    kinds: Sequence[str],
    inputs: Mapping[str, Array],
    unit: float = DOUBLE_ROUNDOFF,
) -> Array:
    """Return the rows in which rounding by this unit decides a truth or a choice.

    Where ties are, equal elements stay equal, and all are to choose alike among them.
    """
    found = state.tolerances.conditioning()
    with np.errstate(all="ignore"):
        draws = state.tolerances.amplification.draws()
        truths, choices = found.undecided(inputs, unit, draws)
    return truths | (choices & ~np.isin(kinds, TIED))


def moved_by_float32(
    state: State, program: Evaluated, inputs: Mapping[str, Array], outputs: Outputs
) -> Array:
    """Return by row how far the numbers that a model has in float32 move the outputs."""
    moved = np.zeros(len(next(iter(inputs.values()))))
    with np.errstate(all="ignore"):
        for seed in state.tolerances.amplification.seeds():
            other = program.moved_by_float32(inputs, seed)
            np.maximum(moved, row_errors(other, outputs), out=moved)
    return moved


def moved_within(state: State, inputs: Mapping[str, Array]) -> Array:
    """Return by row how far rounding within layers in double precision moves the outputs."""
    moved = np.zeros(len(next(iter(inputs.values()))))
    found = state.tolerances.conditioning()
    if not found.loses:
        return moved
    draws = state.tolerances.amplification.draws()
    floats = [name for name, array in state.reference.outputs.items() if array.dtype.kind == "f"]
    if not floats:
        return moved
    try:
        with np.errstate(all="ignore"):
            for expected, actual in found.moved(inputs, DOUBLE_ROUNDOFF, draws, by_row=True):
                # A whole number that flips, or what overflows, says nothing of how far.
                same = np.ones(len(moved), bool)
                for name in floats:
                    alike = np.isfinite(actual[name]) == np.isfinite(expected[name])
                    same &= alike.reshape(len(moved), -1).all(axis=1)
                errors = row_errors(
                    {name: actual[name] for name in floats},
                    {name: expected[name] for name in floats},
                )
                np.maximum(moved, np.where(same, errors, 0.0), out=moved)
    except RuntimeError:
        pass  # the outputs are random: that is no rounding
    return moved


def _scaled(array: Array, factors: Array) -> Array:
    if array.dtype.kind != "f":
        return array
    return array * factors.reshape(-1, *(1,) * (array.ndim - 1))


def row_errors(actual: Outputs, expected: Outputs) -> Array:
    """Return for each row the largest difference, relative to the row's largest expected value.

    The first row is an ordinary one: what is smaller than its rounding is measured against that,
    since nothing but cancellation is left of it. What is finite on one side alone counts as
    infinitely wrong; what is so on neither is not compared.
    """
    count = len(next(iter(expected.values())))
    worst = np.zeros(count)
    for name, array in expected.items():
        if actual[name].shape != array.shape:
            return np.full(count, np.inf)
        np.maximum(worst, _row_errors(actual[name], array), out=worst)
    return worst


def unlike_rows(actual: Outputs, expected: Outputs) -> list[int]:
    """Return the rows with an element that is finite on neither side, and not the same."""
    found: set[int] = set()
    for name, array in expected.items():
        given = actual[name]
        if given.shape != array.shape or "f" not in (given.dtype.kind, array.dtype.kind):
            continue
        first, second = (each.reshape(len(each), -1) for each in (given, array))
        is_neither = ~(np.isfinite(first) | np.isfinite(second))
        is_alike = (first == second) | (np.isnan(first) & np.isnan(second))
        found.update(map(int, np.flatnonzero((is_neither & ~is_alike).any(axis=1))))
    return sorted(found)


def row_scales(expected: Outputs) -> Array:
    """Return for each row the largest number of the output in which that is smallest."""
    scales = [
        np.max(np.abs(array.reshape(len(array), -1)), axis=1, initial=0.0)
        for array in expected.values()
        if array.dtype.kind == "f"
    ]
    rows = len(next(iter(expected.values())))
    return np.asarray(np.min(scales, axis=0)) if scales else np.ones(rows)


def _row_errors(actual: Array, expected: Array) -> Array:
    if "c" in (actual.dtype.kind, expected.dtype.kind):
        actual, expected = as_reals(actual), as_reals(expected)
    first = actual.reshape(len(actual), -1)
    second = expected.reshape(len(expected), -1)
    if first.dtype.kind in "iub" and second.dtype.kind in "iub":
        return np.where((first == second).all(axis=1), 0.0, np.inf)
    first, second = (values.astype(np.float64, copy=False) for values in (first, second))
    same = (first == second) | ~(np.isfinite(first) | np.isfinite(second))
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.where(same, 0.0, np.abs(first - second))
    difference[~np.isfinite(difference)] = np.inf
    largest = difference.max(axis=1, initial=0.0)
    scale = np.max(np.abs(second), axis=1, initial=0.0, where=np.isfinite(second))
    np.maximum(scale, DOUBLE_ROUNDOFF * scale[0], out=scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(largest > 0, largest / scale, 0.0)
