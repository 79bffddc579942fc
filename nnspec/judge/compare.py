"""Compares two files of others: the map of their tensors, the checks, and where they part."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import versions
from nnspec.backend.foreign import Foreign
from nnspec.errors import NnspecError
from nnspec.judge.against import SAME
from nnspec.judge.attempts import Attempt, Attempts
from nnspec.judge.blank import alike_ones, blank_of
from nnspec.judge.checks import GRADIENT, WHY_UNLEARNED
from nnspec.judge.choices import floats_of, kind_of
from nnspec.judge.comparison import Comparison
from nnspec.judge.fitting import some_of
from nnspec.judge.folded import folded_in, folded_otherwise, is_scaled
from nnspec.judge.meeting import Asked, Meeting, meet
from nnspec.judge.other_weights import reweighed
from nnspec.judge.parting import Parting
from nnspec.judge.places import whole_part
from nnspec.judge.ported import differing
from nnspec.judge.reproducing import Place
from nnspec.judge.stages import Progress, silent
from nnspec.judge.telling import tell_map
from nnspec.judge.units import viewed
from nnspec.layers.shapes import show
from nnspec.support.causes import Told, cause_of
from nnspec.support.streams import derived_seed
from nnspec.verification.checks import Kind
from nnspec.verification.recorder import Blame, Recorder
from nnspec.verification.tolerance import relative_error, tensor_error

if TYPE_CHECKING:
    from nnspec.backend import Array

REGIMES = {"inputs of 30 times": 30.0, "inputs of a thousandth": 1e-3, "inputs of 0": 0.0}
"""Beside ordinary inputs: what float inputs are multiplied by."""
LATER: dict[Kind, str] = {
    "training": "training steps of two files are not yet compared",
    "dynamic_shape": "other sizes of axes than those of two files are not yet compared, but for a "
    "batch of one row",
    "meaning": "causality and padding of two files are not yet compared",
}
"""Checks that a comparison of two files leaves out, and why."""


def compare_files(
    labels: tuple[str, str],
    files: tuple[Foreign, Foreign],
    *,
    asked: Mapping[str, Asked],
    batch: int,
    seed: int,
    known: Mapping[str, Any] | None = None,
    show: Progress = silent,
) -> Comparison:
    """Compare what two files compute; raises nothing for a difference.

    known: a map that was saved. show: is told each stage. Raises UsageError for files that no input
    brings together.
    """
    start = time.perf_counter()
    show("which inputs are which")
    meeting = meet(labels, files, asked, batch=batch, seed=seed)
    first, second = meeting.sides
    report = Comparison(
        f"{labels[0]} and {labels[1]}", "", versions(), 0, a=labels[0], b=labels[1],
        frameworks=(first.described.framework, second.described.framework),
    )  # fmt: skip
    _Case(meeting, report, seed, known or {}).run(show)
    report.seconds = time.perf_counter() - start
    return report


class _Case:
    def __init__(
        self, meeting: Meeting, report: Comparison, seed: int, known: Mapping[str, Any]
    ) -> None:
        self.meeting = meeting
        self.report = report
        self.recorder = Recorder(report)
        self.pair = (report.a, report.b)
        self.inputs = meeting.inputs
        self.seed = seed
        self.attempts = Attempts(meeting, seed, known)
        self.are_ported = False
        self.telling = set[str]()
        """Outputs in which the files agree, and which tell rows apart there."""

    def run(self, show: Progress) -> None:
        if not self._interface():
            self.recorder.leave_out("forward", self.pair, "the interface differs")
            return
        if told := self._drawn():
            self.recorder.leave_out("forward", self.pair, told)
            return
        show("which tensor is which")
        best = self.attempts.best()
        for note in self.attempts.notes:
            self.recorder.note(note)
        self.report.filled = best.mine.label
        self.report.sources = best.walk.sources
        show("outputs")
        self._as_they_are(best)
        best.theirs.foreign.load(best.taken())
        best.units.load(best.loaded())
        tell_map(best, self.recorder, self.pair, are_ported=self.are_ported)
        for told, inputs in self._regimes():
            self._compare(best, inputs, told)
        self._try_others(best)
        show("gradients")
        self._gradients(best)
        for kind, reason in LATER.items():
            self.recorder.leave_out(kind, self.pair, reason)
        for side, left in zip(self.meeting.sides, self.meeting.left, strict=True):
            if left:
                reason = f"{some_of(left)}: left at the default in {side.label}; --input feeds it"
                self.recorder.leave_out("range", self.pair, reason)

    def _drawn(self) -> str:
        """Return that a file answers otherwise when it is called again: nothing is said of it."""
        for side in self.meeting.sides:
            first, second = (side.facing.run(self.inputs) for _ in range(2))
            error = relative_error(floats_of(second), floats_of(first))
            is_whole = all(
                np.array_equal(second[name], array)
                for name, array in first.items()
                if name not in floats_of(first)
            )
            if not error <= SAME[self.meeting.dtype] or not is_whole:
                return (
                    f"{side.label} answers otherwise when it is called again with the same inputs, "
                    f"by {error:.1e}: it draws numbers as at inference too, or remembers calls"
                )
        return ""

    # The interface

    def _interface(self) -> bool:
        first, second = (each.facing.run(self.inputs) for each in self.meeting.sides)
        found = [
            *(f"{self.pair[1]} has no output for {name}" for name in first if name not in second),
            *(f"{self.pair[0]} has no output for {name}" for name in second if name not in first),
            *(
                f"{name} is {show(second[name].shape)} in {self.pair[1]}, and {show(array.shape)} "
                f"in {self.pair[0]}"
                for name, array in first.items()
                if name in second and second[name].shape != array.shape
            ),
            *(
                f"{name} holds {kind_of(second[name].dtype)} in {self.pair[1]}, and "
                f"{kind_of(array.dtype)} in {self.pair[0]}"
                for name, array in first.items()
                if name in second and kind_of(second[name].dtype) != kind_of(array.dtype)
            ),
        ]
        counts = [each.facing.count for each in self.meeting.sides]
        if counts[0] != counts[1] and not found:
            found = [f"it has {counts[1]} outputs, and {self.pair[0]} has {counts[0]}"]
        for side in self.meeting.sides:
            for name, move in side.facing.moves.items():
                self.recorder.note(f"{name}: {side.label} has the axes in the order {list(move)}")
            for note in side.facing.notes:
                self.recorder.note(note)
        self.recorder.add_findings("interface", "", self.pair[0], {self.pair[1]: found})
        return not found

    # The checks

    def _as_they_are(self, best: Attempt) -> None:
        """Compare two files whose weights are the same, or say that they are not."""
        own = best.before or best
        best.theirs.foreign.load(own.walk.theirs)
        folds = folded_in(best.walk)
        if not best.by_value and not any(
            is_scaled(each, best.walk, own.walk.theirs) for each in folds
        ):
            told = f"those of {best.theirs.label} were carried over to {best.mine.label}"
            self.recorder.note(f"each holds weights of its own: {told}")
            best.units.load(
                {name: each.of(own.walk.theirs) for name, each in best.walk.sources.items()}
            )
            self._compare(best, self.inputs, "its own weights")
            return
        self.are_ported = True
        best.units.reset()
        is_same = self._compare(best, self.inputs, "the weights that they hold")
        within = {name for each in folds for name in each.names}
        proven = {
            name: each for name, each in best.walk.sources.items()
            if name in best.walk.certain and name not in within
        }  # fmt: skip
        found = differing(best.units, proven, own.walk.theirs)
        found += [
            told for each in folds for told in folded_otherwise(each, best.walk, own.walk.theirs)
        ]
        if not is_same or not found:
            self.recorder.add_findings("weights", "", self.pair[0], {self.pair[1]: found})
        else:
            self.recorder.note(f"the outputs are the same, though {'; '.join(found[:3])}")

    def _regimes(self) -> Iterator[tuple[str, dict[str, Array]]]:
        yield "ordinary inputs", self.inputs
        floats = [name for name, array in self.inputs.items() if array.dtype.kind == "f"]
        for told, factor in REGIMES.items() if floats else ():
            changed = {name: self.inputs[name] * factor for name in floats}
            yield told, {**self.inputs, **changed}
        for side in self.meeting.sides:
            if any(each.shape and each.shape[0] is not None for each in side.described.inputs):
                reason = f"{side.label} takes batches of one size alone"
                self.recorder.leave_out("dynamic_shape", self.pair, reason)
                return
        yield "one row", {name: array[:1] for name, array in self.inputs.items()}

    def _try_others(self, best: Attempt) -> None:
        """Compare with other weights where outputs tell no row from another, and else say so."""
        outputs = best.mine.facing.run(self.inputs)
        alike = alike_ones(outputs)
        # Of a class that all rows have, inputs of another size say enough.
        tried = {name for name in alike if outputs[name].dtype.kind == "f"} | alike - self.telling
        if not tried or self.report.failures():
            return
        own = best.theirs.foreign.weights()
        try:
            other = reweighed(self.attempts, best)
            if other is not None:
                self._compare(other, self.inputs, "other weights", "range")
        except (NnspecError, Told, RuntimeError, ValueError) as error:
            self.recorder.leave_out("range", self.pair, f"other weights: {cause_of(error)}")
        finally:
            best.theirs.foreign.load(own)
            best.units.reset()
            best.units.load(best.loaded())
        left = tried - self.telling
        if left == outputs.keys():
            self.report.blank = blank_of(outputs)
        elif left:
            names = ", ".join(sorted(left))
            self.recorder.note(f"{names}: the same for every row, so that it says little")

    def _compare(
        self, best: Attempt, inputs: Mapping[str, Array], told: str, kind: Kind = "forward"
    ) -> bool:
        pair = (self.pair[0], f"{self.pair[1]}, {told}")
        given: list[dict[str, Array]] = []
        failed = []
        for side in (best.mine, best.theirs):
            try:
                given.append(side.facing.run(inputs))
            except (NnspecError, Told, RuntimeError, ValueError) as error:
                failed.append(f"{side.label} does not run with {told}: {cause_of(error)}")
        if failed:
            if len(failed) == 2 or kind != "forward":  # other weights may be none that it takes
                self.recorder.leave_out(kind, pair, "; ".join(failed))
            else:
                self.recorder.add_failed(kind, pair, self.meeting.dtype, failed[0])
            return False
        expected, theirs = given
        floats = floats_of(expected)
        passed = True
        if floats:
            off, tolerance = self.attempts.judged(best.units, inputs, theirs, floats)
            passed = self._add(kind, best, inputs, pair, off, tolerance)
        whole = self.attempts.disagreements(best.units, told, inputs, theirs, expected)
        for name, found in whole.items():
            size = expected[name].size or 1
            share, allowed = (found.differing / size, found.decided / size) if found else (0.0, 0.0)
            if found is not None:
                self.report.disagreements.append(found)
            of = (pair[0], f"{pair[1]}, {name}")
            sentence = found.told() if found else ""
            passed &= self._add(kind, best, inputs, of, share, allowed, sentence)
        if passed and len(next(iter(inputs.values()))) > 1:
            self.telling |= expected.keys() - alike_ones(expected)
        return passed

    def _add(
        self, kind: Kind, best: Attempt, inputs: Mapping[str, Array], pair: tuple[str, str],
        error: float, tolerance: float, told: str = "",
    ) -> bool:  # fmt: skip
        if error > tolerance and not best.is_sure:
            self.recorder.leave_out(kind, pair, self._unsure(best))
            return False
        if error > tolerance:
            self._keep_places(best, inputs)
        blame = self._blame(best, told)
        self.recorder.add(
            kind, pair, self.meeting.dtype, error, tolerance, blame=blame, is_share=bool(told)
        )
        return error <= tolerance

    def _keep_places(self, best: Attempt, inputs: Mapping[str, Array]) -> None:
        """Keep what a reproduction may show: where the files part first, and both as a whole."""
        if not self.report.places:
            self.report.places += best.places
        first, second = (
            whole_part(name, each.facing, inputs)
            for name, each in zip("ab", self.meeting.sides, strict=True)
        )
        self.report.places.append(Place("", (first, second)))

    def _unsure(self, best: Attempt) -> str:
        """Return why a difference accuses nobody."""
        at = f" of {best.faults[0].mine}" if best.faults else ""
        return (
            f"the tensors{at} in {best.mine.label} were not found for sure among those of "
            f"{best.theirs.label}: say which by --map"
        )

    def _blame(self, best: Attempt, sentence: str = "") -> Blame:
        def found() -> tuple[str | None, str]:
            told = [sentence] if sentence else []
            if not self.report.faults:
                for each in best.faults:
                    self._record(best, each)
                told += [str(each["told"]) for each in self.report.faults]
            return None, " ".join(told)

        return found

    def _record(self, best: Attempt, fault: Parting) -> None:
        is_first = best.mine.label == self.report.a and best.mine is self.meeting.sides[0]
        mine, theirs = f"{best.mine.label} at {fault.mine}", best.theirs.label
        if fault.theirs:
            theirs = f"{theirs} at {fault.theirs}"
        told = f"Fed the same, {mine} and {theirs} give other values"
        if fault.error is not None:
            told += f", off by up to {fault.error:.2g} of the largest"
        told += f": the latter {fault.cause}." if fault.cause else "."
        places = (fault.mine, fault.theirs) if is_first else (fault.theirs, fault.mine)
        each = asdict(fault) | {"a": places[0], "b": places[1], "told": told}
        del each["mine"], each["theirs"], each["step"]
        self.report.faults.append(each)

    def _gradients(self, best: Attempt) -> None:
        draw = np.random.default_rng(derived_seed("towards", self.seed))
        towards = {
            name: draw.normal(size=array.shape)
            for name, array in best.mine.facing.run(self.inputs).items()
            if array.dtype.kind == "f"
        }
        reason = ""
        if not towards:
            reason = "no output has a gradient"
        elif self.meeting.dtype != "float64":
            reason = "a file was run in float32, and gradients are compared in float64 alone"
        elif not best.is_sure and not best.agrees:
            reason = self._unsure(best)
        else:
            reason = self.report.blank
        if reason:
            self.recorder.leave_out("gradient", self.pair, reason)
            return
        try:
            mine = best.mine.facing.gradients(self.inputs, towards)
            theirs = best.theirs.facing.gradients(self.inputs, towards)
        except (NnspecError, Told, RuntimeError, ValueError) as error:
            self.recorder.leave_out("gradient", self.pair, cause_of(error))
            return
        largest = max((float(np.max(np.abs(each))) for each in mine.values()), default=0.0)
        errors: dict[str, float] = {}
        unlearned: dict[str, list[str]] = {}
        for name, source in best.walk.sources.items():
            view = best.units.views[name]
            if source.tensor and (view.tensor in mine) != (source.tensor in theirs):
                lacks = best.theirs.label if view.tensor in mine else best.mine.label
                unlearned.setdefault(lacks, []).append(name)
            elif view.tensor in mine and source.tensor in theirs:
                expected = viewed(view, mine[view.tensor])
                errors[name] = tensor_error(
                    source.taken(theirs[source.tensor]), expected, largest * 1e-6
                )
        for label, names in unlearned.items():
            reason = f"{', '.join(names)}, in {label}: {WHY_UNLEARNED}"
            self.recorder.leave_out("gradient", self.pair, reason)
        if not errors and unlearned:
            return
        if not errors:
            reason = "no tensor is shared by which the two have a gradient"
            self.recorder.leave_out("gradient", self.pair, reason)
            return
        worst = max(errors, key=errors.__getitem__)
        blame = self._blame(best, f"Most of all that of {worst}.")
        self.recorder.add(
            "gradient", self.pair, "float64", errors.get(worst, 0.0), GRADIENT, blame=blame
        )
