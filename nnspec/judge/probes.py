"""Properties of a file beside those of a spec, which no largest difference of outputs shows.

A probe changes what must not matter, and sees whether it matters in the spec and in the file. What
must not matter is measured on the spec's side, so that a file owes no more than its spec.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import Inspectable
from nnspec.errors import DataError
from nnspec.judge.beside import Beside
from nnspec.judge.choices import is_whole
from nnspec.layers import BatchNormalization
from nnspec.network.domains import domain_of
from nnspec.support.causes import cause_of
from nnspec.support.streams import derived_seed
from nnspec.verification.recorder import told_of
from nnspec.verification.tolerance import EXACT, LOOSE, TRAINED, relative_error, tensor_error

if TYPE_CHECKING:
    from nnspec.backend import Array

Outputs = Mapping[str, "Array"]

CALLS = 24
"""Of a file with the same row, which all answer alike."""
SECONDS = 2.0
"""After which no more of them are made."""
LARGE = 1e3
"""Deviation of the numbers in the place of those that must not matter."""
STILL = 1e-12
"""Relative: what moves the spec's outputs by less does not move them."""
SINGLE = 1e-6
"""Relative, in float32: of outputs that are computed of the same numbers."""


def compare_properties(beside: Beside) -> None:
    """Hold a file to what must not matter in its spec; each property is a check."""
    for told, probe in PROBES.items():
        against = f"{beside.pair[0]}, {told}"
        try:
            found = probe(beside)
        except Exception as error:
            beside.recorder.leave_out("meaning", beside.pair, f"{told}: {cause_of(error)}")
            continue
        if isinstance(found, str):
            beside.recorder.leave_out("meaning", beside.pair, f"{told}: {found}")
        elif found is not None:
            dtype = beside.facing.dtype
            beside.recorder.add_findings("meaning", dtype, against, {beside.pair[1]: found})


def _called_again(beside: Beside) -> list[str]:
    """See that a file answers alike, again and again, and that answering moves nothing in it."""
    foreign = beside.facing.foreign
    before = foreign.weights()
    row = {name: array[:1] for name, array in beside.inputs.items()}
    first = beside.theirs(row)
    found = []
    until = time.monotonic() + SECONDS
    for call in range(2, CALLS + 1):
        error = relative_error(beside.theirs(row), first)
        if not error <= _still(beside):
            found.append(f"call {call} with the same inputs answers otherwise, by {error:.1e}")
            break
        if time.monotonic() > until:
            break
    after = foreign.weights()
    moved = [name for name, array in before.items() if not np.array_equal(after[name], array)]
    if moved:
        found.append(f"inference moves {', '.join(moved[:3])}")
    return found


def _other_rows(beside: Beside) -> list[str] | str:
    """See that a row answers as among other rows."""
    if beside.batch < 2:
        return "the file takes one row at once"
    changed = {}
    for name, array in beside.inputs.items():
        changed[name] = array.copy()
        changed[name][1:] = _other(array)[1:]
    changed = _admitted(beside, changed)
    mine, other = (_first(beside.ours.outputs(each)) for each in (beside.inputs, changed))
    theirs, moved = (_first(beside.theirs(each)) for each in (beside.inputs, changed))
    if relative_error(other, mine) > STILL:
        return "they matter in the spec"
    error = relative_error(moved, theirs)
    return [f"other rows move a row by {error:.1e}"] if error > _still(beside) else []


def _later_steps(beside: Beside) -> list[str] | None:
    """See that later steps move no earlier output where they move none of the spec's."""
    found: list[str] = []
    is_met = False
    mine = beside.ours.outputs(beside.inputs)
    for name, axis, changed in _with_other_steps(beside):
        size = beside.inputs[name].shape[axis]
        other = beside.ours.outputs(changed)
        early = {
            output: place
            for output, array in mine.items()
            for place in range(1, array.ndim)
            if array.shape[place] == size
            and _earlier_error(other[output], array, place) <= STILL
            and tensor_error(other[output], array) > STILL
        }
        if not early:
            continue
        is_met = True
        theirs, moved = beside.theirs(beside.inputs), beside.theirs(changed)
        for output, place in early.items():
            error = _earlier_error(moved[output], theirs[output], place)
            if error > _still(beside):
                found.append(f'later steps of "{name}" move earlier ones of "{output}"')
                found[-1] += f", by {error:.1e}"
    return found if is_met else None


def _with_other_steps(beside: Beside) -> Iterator[tuple[str, int, dict[str, Array]]]:
    for name, array in beside.inputs.items():
        for axis in range(1, array.ndim):
            half = array.shape[axis] // 2
            if half:
                other = array.copy()
                taken = _along(other, axis, slice(half, None))
                other[taken] = _other(array)[taken]
                changed = _admitted(beside, {**beside.inputs, name: other})
                if not np.array_equal(changed[name], array):
                    yield name, axis, changed


def _hidden_steps(beside: Beside) -> list[str] | None:
    """See that steps which a mask or a length hides move nothing where they do not in the spec."""
    found: list[str] = []
    is_met = False
    for mask, name, hidden in _hiding(beside):
        array = beside.inputs[name].copy()
        array[hidden] = _other(array)[hidden]
        changed = _admitted(beside, {**beside.inputs, name: array})
        if np.array_equal(changed[name], beside.inputs[name]):
            continue
        mine, other = beside.ours.outputs(beside.inputs), beside.ours.outputs(changed)
        shown = {output: _shown(given, hidden) for output, given in mine.items()}
        still = [
            output
            for output, given in mine.items()
            if tensor_error(other[output][shown[output]], given[shown[output]]) <= STILL
        ]
        if not still:
            continue
        is_met = True
        theirs, moved = beside.theirs(beside.inputs), beside.theirs(changed)
        for output in still:
            place = shown[output]
            error = tensor_error(moved[output][place], theirs[output][place])
            if error > _still(beside):
                found.append(f'steps of "{name}" that "{mask}" hides move "{output}"')
                found[-1] += f", by {error:.1e}"
    return found if is_met else None


def _hiding(beside: Beside) -> Iterator[tuple[str, str, Array]]:
    """Yield an input that may hide steps of another, that one, and where: (rows, steps)."""
    kinds = beside.spec.graph.inputs
    for mask, values in beside.inputs.items():
        for name, array in beside.inputs.items():
            if name == mask or array.ndim < 2 or not kinds[name].shape:
                continue
            steps = array.shape[1]
            if values.dtype.kind == "b" and values.shape == array.shape[:2]:
                for hidden in (values, ~values):
                    if hidden.any() and not hidden.all():
                        yield mask, name, hidden
            elif values.dtype.kind in "iu" and values.size == len(array):
                hidden = np.arange(steps) >= values.reshape(-1, 1)
                if hidden.any() and not hidden.all():
                    yield mask, name, hidden


def _shown(output: Array, hidden: Array) -> Any:
    """Return the part of an output that hidden steps are not of."""
    return ~hidden if output.shape[:2] == hidden.shape else slice(None)


def _in_training(beside: Beside) -> list[str] | str:
    """See that training changes what it changes in the spec: dropout, and the statistics used."""
    layers = [at.node.layer for at in beside.spec.graph.walk()]
    if any(isinstance(each, BatchNormalization) and not each.trainable for each in layers):
        return "a normalisation of the spec is frozen, which a file may leave to who trains it"
    if any(not each.tensor and each.constant for each in beside.report.sources.values()):
        return "the file does without a normalisation, of which it has nothing to train"
    theirs = beside.theirs(beside.inputs)
    first, second = (beside.facing.in_training(beside.inputs) for _ in range(2))
    is_drawn = relative_error(second, first) > _still(beside)
    if beside.spec.graph.is_random:
        if is_drawn:
            return "the spec and the file both draw random numbers in training"
        return "the spec draws random numbers in training, as by dropout, and the file draws none"
    if is_drawn:
        return "the file draws random numbers in training, as by dropout, and the spec draws none"
    if not beside.agrees(beside.facing.foreign_outputs(beside.inputs)):
        return "the outputs for ordinary inputs differ already"
    program: Any = beside.ours.program()
    if not isinstance(program, Inspectable):
        return "the source that nnspec writes does not show what it computes in training"
    mine = beside.ours.outputs(beside.inputs)
    if any(is_whole(array) and not np.array_equal(theirs[n], array) for n, array in mine.items()):
        return "rounding decides some of the whole numbers that it gives"
    expected = program.training_outputs(beside.inputs)
    error = relative_error(first, expected)
    if error <= (TRAINED if beside.is_exact else SINGLE):
        return []
    is_still = relative_error(first, theirs) <= _still(beside)
    if is_still and relative_error(expected, mine) <= STILL:
        return []  # neither is changed by training, and at inference the two agree
    allowed = beside.training_tolerance(program, expected)
    if not allowed < LOOSE:
        return told_of(allowed)
    if error <= allowed:
        return []
    if is_still:
        return [f"in training it computes as at inference, and is off by {error:.1e}"]
    if relative_error(expected, mine) <= STILL:
        return [f"in training it computes otherwise than at inference, by {error:.1e}"]
    return [f"in training it computes otherwise than the spec, by {error:.1e}"]


PROBES: Mapping[str, Callable[[Beside], list[str] | str | None]] = {
    "called again": _called_again,
    "other rows changed": _other_rows,
    "later steps changed": _later_steps,
    "hidden steps changed": _hidden_steps,
    "as in training": _in_training,
}
"""Change -> the function that sees whether it matters: it returns sentences, or as one text why
that is not known, or None where the spec has no such property."""


def _still(beside: Beside) -> float:
    return EXACT if beside.is_exact else SINGLE


def _other(array: Array) -> Array:
    """Return numbers for the same places: large floats, and whole numbers of other rows."""
    if array.dtype.kind != "f":
        return np.roll(array, 1, axis=0)
    draw = np.random.default_rng(derived_seed("other", *array.shape))
    return draw.normal(0, LARGE, array.shape)


def _admitted(beside: Beside, changed: dict[str, Array]) -> dict[str, Array]:
    """Return inputs that the domain allows: these, or numbers of other rows in their place."""
    domain = domain_of(beside.spec.graph)
    try:
        domain.admit(changed)
        return changed
    except DataError:
        pass
    rolled = {
        name: np.where(array != beside.inputs[name], np.roll(beside.inputs[name], 1, 0), array)
        for name, array in changed.items()
    }
    try:
        domain.admit(rolled)
    except DataError:
        return dict(beside.inputs)
    return rolled


def _first(outputs: Outputs) -> dict[str, Array]:
    return {name: array[:1] for name, array in outputs.items()}


def _along(array: Array, axis: int, taken: slice) -> tuple[slice, ...]:
    return tuple(taken if i == axis else slice(None) for i in range(array.ndim))


def _earlier_error(other: Array, array: Array, axis: int) -> float:
    taken = _along(array, axis, slice(0, array.shape[axis] // 2))
    return tensor_error(other[taken], array[taken])
