"""Compares a program with a file of weights, or two files of weights: tensor by tensor."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nnspec.backend import versions
from nnspec.backend.foreign import Described, Foreign
from nnspec.errors import UsageError
from nnspec.judge.against import SAME
from nnspec.judge.comparison import Comparison
from nnspec.judge.fitting import UNPROVEN, WHY, counted, left_open, some_of, told_names, twin_of
from nnspec.judge.likely import FLOATS, Fit, fit
from nnspec.judge.maps import sources_of
from nnspec.judge.meeting import Asked, Meeting, meet, refuse_unknown
from nnspec.judge.ported import CLOSE, equal_ones, says_something
from nnspec.judge.sources import Source
from nnspec.judge.tensors import Tensors
from nnspec.judge.wanted import Wanted, named, plain_name
from nnspec.judge.wholes import compare_wholes
from nnspec.layers.shapes import show
from nnspec.support.causes import cause_of
from nnspec.verification.checks import Kind
from nnspec.verification.recorder import Recorder
from nnspec.verification.tolerance import relative_error

ONE = "there is one program: its weights are compared, and its outputs with either"
PRODUCTS = ("matmul", "gemm", "conv", "linear", "lstm", "gru", "rnn", "mm", "einsum")
"""In the kinds of steps that multiply by weights."""
STATISTICS = ("running_mean", "running_var", "moving_mean", "moving_variance")


@dataclass(slots=True, repr=False)
class OfWeights(Comparison):
    """A report of weights: what was compared are they, whether or not a program was run."""

    @property
    def question(self) -> str:
        """The question that the report answers."""
        return "are the weights the same?"

    @property
    def is_compared(self) -> bool:
        """Whether the tensors were compared, all that are weights for sure."""
        is_left_out = any(each.kind == "weights" for each in self.not_checked)
        return any(check.kind == "weights" for check in self.checks) and not is_left_out


@dataclass(frozen=True, slots=True)
class Side:
    """One of two files. foreign: a program, or weights alone."""

    label: str
    described: Described
    foreign: Foreign | Tensors


def compare_weights(
    sides: tuple[Side, Side],
    *,
    asked: Mapping[str, Asked],
    batch: int,
    seed: int,
    known: Mapping[str, Any] | None = None,
) -> OfWeights:
    """Compare the tensors of two files, of which one at least holds weights alone.

    known: a map that was saved: the tensors of the program -> those of the weights.
    """
    start = time.perf_counter()
    first, second = sides
    report = OfWeights(
        f"{first.label} and {second.label}", "", versions(), 0, a=first.label, b=second.label,
        frameworks=(first.described.framework, second.described.framework),
    )  # fmt: skip
    mine, theirs = sides if isinstance(second.foreign, Tensors) else (second, first)
    _Case(mine, theirs, report, asked, batch, seed).run(known or {})
    report.seconds = time.perf_counter() - start
    return report


class _Case:
    def __init__(
        self, mine: Side, theirs: Side, report: OfWeights, asked: Mapping[str, Asked], batch: int,
        seed: int,
    ) -> None:  # fmt: skip
        """mine: the program, or else the first. theirs: weights alone."""
        self.mine = mine
        self.theirs = theirs
        self.report = report
        self.recorder = Recorder(report)
        self.pair = (report.a, report.b)
        self.own = mine.foreign.weights()
        self.given = theirs.foreign.weights()
        self.meeting: Meeting | None = None
        self.unmet = ""
        """The reason for which the program is not run with the weights."""
        self.folded = set[int]()
        """Sizes of normalisations that an exporter may have folded into other tensors."""
        described = mine.described
        if not isinstance(mine.foreign, Tensors):
            refuse_unknown(asked, [described], [mine.label])
            labels, files = (mine.label, mine.label), (mine.foreign, mine.foreign)
            try:
                self.meeting = meet(labels, files, asked, batch=batch, seed=seed)
            except UsageError as error:
                self.unmet = cause_of(error)
            else:  # some programs hold nothing before they run
                described = self.meeting.sides[0].described
                self.own = mine.foreign.weights() | self.own
        self.described = described
        self.held = [e for e in described.held if e.dtype in FLOATS]
        says = isinstance(mine.foreign, Tensors) or described.may_freeze
        self.is_silent = not says and not any(each.is_learned for each in self.held)
        """Whether the program does not say which of its tensors were learned."""
        self.labels = (mine.label, theirs.label)
        self.told: frozenset[str] | None = None
        """Of a program, the tensors that it tells."""
        if not isinstance(mine.foreign, Tensors):
            self.told = frozenset(each.name for each in described.held)

    def run(self, known: Mapping[str, Any]) -> None:
        found = fit(
            [Wanted(each.name, each.shape) for each in self.held],
            self.theirs.described.held,
            self._known(known),
            self._equal(),
        )
        self.report.filled, self.report.sources = self.mine.label, found.sources
        pair = self.pair[0]
        self.folded = self._folded(found)
        wholes = compare_wholes(self.labels, (self.own, self.given), self.told)
        interface = [*self._misfits(found), *wholes.misfits]
        self.recorder.add_findings("interface", "", pair, {self.pair[1]: interface})
        off = {name: each for name, each in self._errors(found).items() if not each <= CLOSE}
        within = [name for name in off if self.folded.intersection(self.own[name].shape)]
        if within:
            reason = f"other numbers in {some_of(within)}: a normalisation may be folded into them"
            self.recorder.leave_out("weights", self.pair, reason)
            self.unmet = self.unmet or reason
        told = [
            f"{name} is not {found.sources[name].told()}, but off by up to {error:.2g} of its "
            "largest"
            for name, error in sorted(off.items(), key=lambda each: -each[1])
            if name not in within
        ]
        if len(told) > 3:
            self.recorder.note(f"other numbers in {some_of([each.split()[0] for each in told])}")
        told += wholes.differing
        if found.sources or wholes.compared or wholes.near:
            self.recorder.add_findings("weights", "", pair, {self.pair[1]: told})
        else:
            self.recorder.leave_out("weights", self.pair, "no tensor is in both")
        for reason in (*left_open(found), *wholes.unsure):
            self.recorder.leave_out("interface", self.pair, reason)
        for reason in wholes.unknown:
            self.recorder.leave_out("weights", self.pair, reason)
        if wholes.compared:
            some = some_of(wholes.compared)
            self.recorder.note(f"whole numbers, compared one by one: {some}")
        if wholes.near:
            self.recorder.note(f"complex numbers, compared as floats are: {some_of(wholes.near)}")
        self.recorder.note(counted(len(self.held), found))
        for note in told_names(self.theirs.described, found, self.given):
            self.recorder.note(note)
        self._run_with(found)

    def _known(self, known: Mapping[str, Any]) -> dict[str, Source]:
        """Return a map that was given, as `--save-map` writes it or of the names alone."""
        given = known.get("map", known) if isinstance(known.get("map"), Mapping) else known
        shapes = {each.name: each.shape for each in self.held}
        return sources_of(given, shapes, self.theirs.described.held)

    def _equal(self) -> dict[str, Source]:
        """Return the tensors whose numbers the other file holds in one place alone."""
        found: dict[str, Source] = {}
        for each in self.held:
            array = self.own[each.name]
            if not says_something(array):
                continue
            others = [*equal_ones(array, self.theirs.described.held, self.given)]
            if len({other.tensor for other in others}) == 1:
                found[each.name] = others[0]
        used = [each.tensor for each in found.values()]
        return {name: each for name, each in found.items() if used.count(each.tensor) == 1}

    def _misfits(self, found: Fit) -> Iterator[str]:
        by_name = {each.name: each for each in self.held}
        for name, reason in found.missing.items():
            told = f"{self.theirs.label} has no {name} {show(by_name[name].shape)}: {reason}"
            if by_name[name].is_learned or name.rpartition(".")[2] in STATISTICS:
                yield told
            else:
                yield from self._perhaps(name, told)
        sizes = {each.name: each.shape for each in self.theirs.described.held}
        lone = [f"{name} {show(sizes[name])}" for name in self._lone(found)]
        if self.folded or (lone and self.multiplied & found.missing.keys()):
            told = f"{self.mine.label} has no place for {some_of(lone)}"
            reason = f"{told}, and may hold it in another form, as folded into others or joined"
            self.recorder.leave_out("weights", self.pair, reason)
            return
        for each in lone:
            yield f"{self.mine.label} has no place for {each}"

    def _lone(self, found: Fit) -> list[str]:
        """Return the tensors of the weights that the other file has no place for."""
        others = [each for each in found.unused if not twin_of(each, found, self.given)]
        return [*found.surplus, *(each.name for each in others)]

    def _folded(self, found: Fit) -> set[int]:
        """Return the sizes of normalisations that the program may hold within other tensors."""
        return {
            self.given[name].size
            for name in self._lone(found)
            if self.is_silent and plain_name(name).rpartition(".")[2] in STATISTICS
        }

    def _perhaps(self, name: str, told: str) -> Iterator[str]:
        """Yield what is a misfit of a tensor that no file says to be learned; tell of others."""
        array = np.asarray(self.own[name])
        is_mask = not np.isfinite(array).all() or bool(((array == 0) | (array == 1)).all())
        twins = [*equal_ones(array, self.theirs.described.held, self.given)] if (
            says_something(array)) else []  # fmt: skip
        is_known = not self.is_silent and not self.described.may_freeze
        if twins:
            self.recorder.note(f"{name} is {twins[0].told()}, which the file holds once")
        elif is_known or array.size < 2:
            self.recorder.note(f"{told}; it is a constant of the program")
        elif self.described.may_freeze or (named(plain_name(name)).own and not is_mask):
            yield told
        elif not says_something(array):
            self.recorder.note(f"{told}; it is a constant of the program")
        else:
            kind: Kind = "weights" if name in self.multiplied else "interface"
            self.recorder.leave_out(kind, self.pair, f"{told}; whether it is a weight is not said")

    @cached_property
    def multiplied(self) -> set[str]:
        """The tensors that the program multiplies by as layers do; without a run, the matrices.

        Of a program that says which were learned, none: whoever asks has been told.
        """
        if not self.is_silent:
            return set()
        if self.meeting is None:
            return {each.name for each in self.held if len(each.shape) > 1}
        try:
            trace = self.meeting.sides[0].facing.trace(self.meeting.inputs)
        except Exception:  # whatever a framework raises
            return {each.name for each in self.held if len(each.shape) > 1}
        return {
            name for step in trace.steps for name in step.tensors
            if any(each in step.kind.lower() for each in PRODUCTS)
        }  # fmt: skip

    def _errors(self, found: Fit) -> dict[str, float]:
        """Return how far each tensor is from the one it is, relative to its largest number."""
        errors = {}
        for name, source in found.sources.items():
            array = np.asarray(self.own[name], "float64")
            given = np.asarray(source.of(self.given), "float64")
            finite = np.isfinite(array)
            scale = max(float(np.max(np.abs(array), initial=0.0, where=finite)), CLOSE)
            with np.errstate(invalid="ignore"):
                off = np.abs(given - array)
            # The same infinity, or no number in both, is no difference.
            off[(given == array) | (np.isnan(given) & np.isnan(array))] = 0.0
            off[np.isnan(off)] = np.inf
            errors[name] = float(np.max(off, initial=0.0)) / scale
        return errors

    def _run_with(self, found: Fit) -> None:
        """Compare the outputs of the program with its own weights, and with those of the file."""
        program = self.mine.foreign
        if isinstance(program, Tensors):
            for kind in UNPROVEN:
                self.recorder.leave_out(kind, self.pair, WHY)
            return
        for kind in UNPROVEN[1:]:
            self.recorder.leave_out(kind, self.pair, ONE)
        label = self.mine.label
        pair = (f"{label}, its own weights", f"{label}, those of {self.theirs.label}")
        if self.meeting is None or self.unmet:
            self.recorder.leave_out("forward", self.pair, self.unmet)
            return
        meeting, facing = self.meeting, self.meeting.sides[0].facing
        if meeting.left[0]:
            told = f"{some_of(meeting.left[0])}: left at the default; --input feeds it"
            self.recorder.leave_out("range", self.pair, told)
        try:
            before = facing.run(meeting.inputs)
        except Exception as error:  # whatever a framework raises: the weights are compared still
            self.recorder.leave_out("forward", self.pair, f"{label}: {cause_of(error)}")
            return
        try:
            program.load({name: each.of(self.given) for name, each in found.sources.items()})
            after = facing.run(meeting.inputs)
        except Exception as error:
            self.recorder.add_failed("forward", pair, facing.dtype, cause_of(error))
            return
        off = relative_error(after, before)
        self.recorder.add("forward", pair, facing.dtype, off, SAME["float32"])
