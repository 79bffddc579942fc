"""The checks of a file beside its spec: its interface, its outputs and its gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend.foreign import HALVES, Foreign
from nnspec.errors import NnspecError, UnsupportedError
from nnspec.judge.beside import Beside
from nnspec.judge.causes import untrained_rows
from nnspec.judge.choices import kind_of
from nnspec.judge.fitting import some_of
from nnspec.judge.found import Walked
from nnspec.judge.unusual import unusual
from nnspec.layers import BatchNormalization
from nnspec.layers.shapes import show
from nnspec.support.causes import Told, cause_of
from nnspec.support.streams import derived_seed
from nnspec.verification.comparison import Tolerance
from nnspec.verification.tolerance import DOUBLE_ROUNDOFF, tensor_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

GRADIENT = 1e-8
"""Relative, in float64, to the largest gradient of a tensor."""
FLOOR = 1e-6
"""Of the largest gradient of all: what of a tensor's is smaller is compared with that."""

WHY_UNLEARNED = "no gradient is taken by what is held as a buffer or as not trainable"


def compare_interface(beside: Beside, walked: Walked) -> None:
    """See that a file has the outputs and the tensors of its spec; tell how they were found."""
    outputs = beside.facing.run(beside.inputs)
    expected = beside.ours.outputs(beside.inputs)
    found = [
        *(f"it has no output for {name}" for name in expected if name not in outputs),
        *(
            f"{name} is {show(outputs[name].shape)}, and {show(array.shape)} is expected"
            for name, array in expected.items()
            if name in outputs and outputs[name].shape != array.shape
        ),
        *_of_other_kinds(beside, outputs),
        *(f"it has no {name}{at}" for name, at in walked.absent.items()),
    ]
    for told in walked.missing.values():
        reason = f"no tensor of the file was found for {told}: say which by --map"
        beside.recorder.leave_out("interface", beside.pair, reason)
    if walked.unused:
        some = some_of([f"{each.name} {show(each.shape)}" for each in walked.unused])
        beside.recorder.note(f"the spec has no parameter for what the file holds as {some}")
    beside.recorder.add_findings("interface", "", beside.pair[0], {beside.pair[1]: found})
    if beside.facing.surplus:
        some = some_of([*beside.facing.surplus])
        beside.recorder.note(f"the spec has no output for what the file gives as {some}")
    for name, move in beside.facing.moves.items():
        beside.recorder.note(f"{name}: the file has the axes in the order {list(move)}")
    beside.recorder.note(
        f"{len(walked.proven)} of {len(walked.sources)} parameters were found, and proven by "
        f"the values that their layers give; {walked.met} of {walked.layers} layers are met in "
        "the run of the file"
    )
    unproven = [name for name in walked.sources if name not in walked.proven]
    if unproven:
        some = some_of([f"{name} ({walked.sources[name].told()})" for name in unproven])
        beside.recorder.note(f"taken by shape and order alone: {some}")
    for told in unusual(walked.sources):
        beside.recorder.note(told)
    is_told = _tell_folded(beside, walked)
    if not is_told and any(not source.tensor for source in walked.sources.values()):
        beside.recorder.note(
            "the file holds some layers folded into others: whether they were folded rightly "
            "its weights cannot tell"
        )


def _tell_folded(beside: Beside, walked: Walked) -> bool:
    """Say of each normalisation that a file does without that it may be forgotten; if there is one.

    A new one changes nothing as at inference, and one that was folded is in the weights before it.
    In a file that is never trained, as exporters write them, folding is what is meant.
    """
    folded = [
        beside.ours.path_of(node)
        for node in beside.ours.nodes
        if isinstance(node.layer, BatchNormalization)
        and (name := beside.ours.parameters(node).get("running_var")) in walked.sources
        and not walked.sources[name].tensor
    ]
    if not folded or not _may_train(beside):
        return False
    for path in folded:
        reason = (
            f'the file does without the normalisation "{path}": whether it was folded into the '
            "layer before it or forgotten cannot be told"
        )
        beside.recorder.leave_out("interface", beside.pair, reason)
        beside.recorder.leave_out("training", beside.pair, reason)
    many = f"{len(folded)} normalisations" if len(folded) > 1 else "a normalisation"
    beside.report.blank = f"verified but for {many} that the file lacks"
    return True


def _may_train(beside: Beside) -> bool:
    """Whether a file is a program that can be trained, and no export for inference alone."""
    try:
        beside.facing.in_training(beside.inputs)
    except UnsupportedError:
        return False
    except Exception:  # what else ends its training is told where that is compared
        return True
    return True


def _of_other_kinds(beside: Beside, outputs: Mapping[str, Array]) -> Iterator[str]:
    """Yield the outputs that hold numbers of another kind; of another width, as int32, note that.

    A file in float32 is run in float64, so that a width of floats is known of halves alone.
    """
    for name, array in outputs.items():
        wanted, given = np.dtype(beside.spec.graph.types[name].dtype), array.dtype
        if kind_of(given) != kind_of(wanted):
            yield f"{name} holds {kind_of(given)}, and {kind_of(wanted)} are expected"
        elif kind_of(wanted) == "whole numbers" and given != wanted:
            beside.recorder.note(f"{name} is {given} in the file, and {wanted} in the spec")
        elif str(given) in HALVES:
            beside.recorder.note(f"{name} is {given} in the file, whose rounding is a difference")


def compare_outputs(beside: Beside, when: str) -> None:
    """Compare the outputs for the inputs. when: what is said of them."""
    beside.compare("forward", when, beside.inputs, beside.facing.run(beside.inputs))


def compare_gradients(beside: Beside) -> None:
    """Compare the gradients of a random sum of the outputs by every parameter."""
    draw = np.random.default_rng(derived_seed("towards", beside.seed))
    towards = {
        name: draw.normal(size=array.shape)
        for name, array in beside.ours.outputs(beside.inputs).items()
        if array.dtype.kind == "f"
    }
    reason = ""
    if not towards:
        reason = "no output has a gradient"
    elif beside.facing.dtype != "float64":
        reason = "the file was run in float32, and gradients are compared in float64 alone"
    elif not all(check.passed for check in beside.report.checks if check.kind == "interface"):
        reason = "the interface differs"
    whole = [name for name, each in beside.report.sources.items() if each.length_of]
    if not reason and whole:
        reason = f"the file holds {whole[0]} and its direction as one weight"
    reason = reason or beside.unsure()
    if reason:
        beside.recorder.leave_out("gradient", beside.pair, reason)
        return
    try:
        found = beside.facing.gradients(beside.inputs, towards)
    except (NnspecError, Told) as error:
        beside.recorder.leave_out("gradient", beside.pair, cause_of(error))
        return
    program: Any = beside.ours.program()
    mine = beside.ours.engine.backend.open_program(program)
    with program.precision():  # of what its code makes itself
        inner = dict(zip(beside.spec.graph.outputs, mine.run(beside.inputs), strict=True))
        of_outputs = {inner[name]: towards[name] for name in towards}
        expected, _ = mine.gradients(beside.inputs, of_outputs)
    floor = FLOOR * max((float(np.max(np.abs(each))) for each in expected.values()), default=0.0)
    errors = {
        name: tensor_error(source.taken(found[source.tensor]), expected[name], floor)
        for name, source in beside.report.sources.items()
        if name in expected and source.tensor in found
    }
    learned = {n for n, each in beside.spec.graph.parameters() if each.learns and not each.is_fixed}
    unlearned = [
        f"{name} ({source.tensor})"
        for name, source in beside.report.sources.items()
        if name in learned & expected.keys() and source.tensor and source.tensor not in found
    ]
    if unlearned:
        beside.recorder.leave_out(
            "gradient", beside.pair, f"{', '.join(unlearned)}: {WHY_UNLEARNED}"
        )
    if not errors and not unlearned:
        reason = "the spec has no parameter that the file holds too"
        beside.recorder.leave_out("gradient", beside.pair, reason)
    if not errors:
        return
    tolerance = Tolerance(GRADIENT + beside.of_constants)
    if tolerance.exceeded(errors):
        with program.precision():
            tolerance = tolerance.widened(_moved(beside, mine, of_outputs, expected, floor))
    beside.recorder.leave_free("gradient", beside.pair, errors, tolerance.of)
    if not errors:
        return
    shown = {name: errors[name] for name in tolerance.exceeded(errors)} or errors
    worst = max(shown, key=lambda name: shown[name] / tolerance.of(name))
    source = beside.report.sources[worst]
    sentence = f"Most of all that of {worst}."
    sentence += untrained_rows(worst, source.taken(found[source.tensor]), expected[worst])
    beside.recorder.add(
        "gradient", beside.pair, "float64", shown[worst], tolerance.of(worst),
        blame=beside.blame(sentence),
    )  # fmt: skip


def _moved(
    beside: Beside, mine: Foreign, towards: Mapping[str, Array], expected: Weights, floor: float
) -> dict[str, float]:
    """Return how far rounding moves the gradients of the spec's own program, by parameter.

    Where all that is left of a gradient is rounding, as behind a norm of one number, each source
    has another.
    """
    weights, moved = mine.weights(), dict.fromkeys(expected, 0.0)
    try:
        for noisy in beside.perturbations(mine.load, DOUBLE_ROUNDOFF, beside.inputs):
            found, _ = mine.gradients(noisy, towards)
            for name, each in expected.items():
                moved[name] = max(moved[name], tensor_error(found[name], each, floor))
    finally:
        mine.load(weights)
    return moved
