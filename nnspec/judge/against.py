"""Compares a spec with an open file: the map of its tensors, the checks, and the blame."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import versions
from nnspec.backend.foreign import Foreign, Held, Reference, Trace
from nnspec.errors import NnspecError
from nnspec.judge.apart import halves, told_apart
from nnspec.judge.beside import Beside
from nnspec.judge.blaming import Blaming
from nnspec.judge.checks import compare_gradients, compare_interface, compare_outputs
from nnspec.judge.facing import Facing, face_of
from nnspec.judge.found import Fault, Filled, Walked
from nnspec.judge.judgement import Judgement
from nnspec.judge.maps import sources_of
from nnspec.judge.places import layer_places
from nnspec.judge.prints import Prints
from nnspec.judge.probes import compare_properties
from nnspec.judge.regimes import compare_inputs, compare_none, compare_sizes, said_sizes, tell_fixed
from nnspec.judge.sources import Source
from nnspec.judge.training import compare_training
from nnspec.judge.walk import Walk
from nnspec.network.loader import Spec
from nnspec.verification.checks import Kind
from nnspec.verification.levels import LEVELS, Level
from nnspec.verification.rows import GivenRows, given_rows
from nnspec.verification.samples import random_inputs
from nnspec.verification.sizes import find_sizes

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

Others = Mapping[str, Sequence[int]]
SAME = {"float64": 1e-9, "float32": 3e-5}
"""Relative, of two values that are the same."""
TWINS = 40
"""Pairs of layers that are alike, and take the same, which are tried the other way round."""
FAULTS = 5
"""Layers at fault that are looked for."""
ABSENT: tuple[Kind, ...] = (
    "export", "optimizer", "random", "first_weights", "metrics", "adversarial",
    "weights",
)  # fmt: skip
"""Kinds of checks that there are of nnspec's own programs alone."""


def judge(
    spec: Spec,
    foreign: Foreign,
    reference: Reference,
    *,
    batch: int,
    seed: int,
    known: Mapping[str, Source],
    data: str | Path | None = None,
    levels: tuple[Level, ...] = LEVELS,
    required: tuple[Level, ...] = (),
) -> Judgement:
    """Compare what a file computes with what a spec says; raises nothing for a difference.

    known: where some parameters come from. data: a file of rows, compared besides. levels,
    required: as of `Settings`. Raises UsageError for a file that does not run.
    """
    start = time.perf_counter()
    described = foreign.describe()
    report = Judgement(
        spec.name, spec.sha256, versions(), 0, against=reference.label,
        framework=described.framework, levels=levels, required=required,
    )  # fmt: skip
    fixed = said_sizes(spec.graph, described)
    rows = given_rows(spec, data) if data is not None else None
    known_sizes = rows.axes(spec.graph) if rows is not None else {}
    known_sizes |= {name: size for name, size in fixed.items() if name}
    axes, others = _sizes(spec, known_sizes)
    inputs = random_inputs(spec.graph, fixed.get("", batch), axes, seed)
    facing = Facing(face_of(spec, axes), foreign, described, reference.label, inputs)
    held = foreign.describe().held  # anew: Keras may call the variables otherwise in float64
    beside = Beside(spec, facing, report, inputs, axes, seed, fixed.get(""))
    _Case(beside, held).run(known, others, fixed, rows)
    report.seconds = time.perf_counter() - start
    return report


def _sizes(spec: Spec, known: Mapping[str, int]) -> tuple[dict[str, int], Others]:
    """Return the sizes of dynamic axes to compare at, some of them known, and further ones."""
    found = find_sizes(spec.graph, {})
    base = find_sizes(spec.graph, {name: (size,) for name, size in known.items()}).base
    others = {
        name: tuple(size for size in (base[name], found.base[name], *sizes) if size != base[name])
        for name, sizes in found.others.items()
    }
    return base, others


class _Case:
    def __init__(self, beside: Beside, held: Sequence[Held]) -> None:
        self.beside = beside
        self.spec = beside.spec
        self.facing = beside.facing
        self.held = held
        self.report = beside.report
        self.recorder = beside.recorder
        self.pair = beside.pair
        self.inputs = beside.inputs
        self.seed = beside.seed
        self.ours = beside.ours

    def run(
        self, known: Mapping[str, Source], others: Mapping[str, Sequence[int]],
        fixed: Mapping[str, int], rows: GivenRows | None,
    ) -> None:  # fmt: skip
        """Find the map, and make the checks of the levels that are chosen.

        others: further sizes of dynamic axes. fixed: those that the file fixes.
        """
        asks = self.report.asks
        self.report.leave_unchosen(absent=ABSENT)
        walked = self._walked(known)
        if asks("forward"):
            compare_outputs(self.beside, "its own weights")
        walked = self._told_apart(known, walked)
        self.report.sources = walked.sources
        compare_interface(self.beside, walked)
        self.report.faults[:0] = self._lacking(walked)
        self.beside.look = lambda inputs: self._look(walked, inputs)
        tell_fixed(self.beside, fixed)
        if asks("forward"):
            compare_outputs(self.beside, "ordinary inputs")
        may_compare_sizes = self._may_compare("dynamic_shape")
        if may_compare_sizes:
            compare_sizes(self.beside, others, fixed)
        if self._may_compare("range"):
            compare_inputs(self.beside, rows)
        if asks("meaning"):
            if unsure := self.beside.unsure():
                self.recorder.leave_out("meaning", self.pair, unsure)
            else:
                compare_properties(self.beside)
        if asks("gradient"):
            compare_gradients(self.beside)
        if asks("training"):
            compare_training(self.beside)
        if may_compare_sizes and "" not in fixed:
            compare_none(self.beside)  # at last, because some frameworks end their process then
        for note in self.facing.notes:
            self.recorder.note(note)

    def _told_apart(self, known: Mapping[str, Source], walked: Walked) -> Walked:
        """Give other numbers to tensors that their numbers would not tell apart, and walk again.

        Only to what the spec has a parameter for: a constant of the file stays what it is. Another
        tensor may then be found for a parameter, which was not told apart before.
        """
        foreign, met = self.facing.foreign, set[str]()
        while True:
            held = [each for each in self._weights_of(walked) if each.name not in met]
            met.update(each.name for each in held)
            apart = told_apart(held, foreign.weights(), self.seed, halves(walked))
            if not apart:
                return walked
            foreign.load(apart)
            self.report.faults.clear()
            self.report.places.clear()
            walked = self._walked(known)

    def _lacking(self, walked: Walked) -> list[Fault]:
        """Return the layers with a parameter that the file has nothing for."""
        nodes = {self.ours.paths.get(each.name, each.name): each for each in self.ours.nodes}
        found = []
        for name, at in list(walked.absent.items())[:FAULTS]:
            path, _, own = name.rpartition(".")
            if path in nodes:
                places = (at.removeprefix(", at "),) if at else ()
                cause = f"it has no {own}, which the layer adds"
                found.append(Fault(path, nodes[path].layer.type, places, cause))
        return found

    def _look(self, walked: Walked, inputs: Mapping[str, Array]) -> None:
        """Look for the layers at fault where only these inputs show them."""
        if self.report.faults:
            return
        proven = {name: walked.sources[name] for name in walked.proven & walked.sources.keys()}
        weights, notes, usual = dict(self.ours.weights), [*self.report.notes], self.inputs
        self.inputs = dict(inputs)
        try:
            self._walked(proven)
        except NnspecError:  # the file does not run so: the check says it
            pass
        finally:
            self.inputs = usual
            self.ours.weights = weights
            self.report.notes[:] = notes

    def _may_compare(self, kind: Kind) -> bool:
        """Whether what is said of other inputs says anything; if not, that is said."""
        if not self.report.asks(kind):
            return False
        if self._differs:
            self.recorder.leave_out(kind, self.pair, self._differs)
        return not self._differs

    @cached_property
    def _differs(self) -> str:
        """A reason for which other inputs say nothing, or an empty text: once the map is found."""
        if reason := self.beside.unsure():
            return reason
        if not self.beside.agrees(self.facing.foreign_outputs(self.inputs)):
            return "the outputs for ordinary inputs differ already"
        return ""

    # The map of weights, and the faults on the way

    _kept: tuple[Prints, dict[str, Filled]]

    def _walked(self, known: Mapping[str, Source]) -> Walked:
        theirs = self.facing.foreign.weights()
        trace = self.facing.trace(self.inputs)
        self._kept = Prints(trace.values, SAME[self.facing.dtype] + 4 * self.beside.rounding), {}
        if not trace.is_whole:
            self.recorder.note("the run is too large to be kept whole: the map may be unproven")
        forced: dict[str, Mapping[str, Array]] = {}
        walk = self._walk(theirs, trace, known, forced)
        if not self._agrees(trace):
            # Of tensors that fit as well, those named as the parameters may be the right ones.
            named = {**self._by_name(), **known}
            other = self._walk(theirs, trace, named, forced)
            if self._agrees(trace):
                return other.found
            known, walk = self._exchanged(theirs, trace, known)
        while not self._agrees(trace):
            blamed = Blaming(walk).blamed()
            if blamed is None or blamed.name in forced or len(self.report.faults) >= FAULTS:
                break
            if any(known.get(name) != each for name, each in blamed.sources.items()):
                # It had been filled wrongly; where it is so again, that explains nothing.
                known = {**known, **blamed.sources}
                walk = self._walk(theirs, trace, known, forced)
                continue
            if not self.report.faults:
                self.report.places = layer_places(walk, blamed, self.facing, self.inputs)
            self.report.faults.append(blamed.fault)
            # On from what the file gives there, which shows the next fault, and the other weights.
            best, reached, before = None, walk.found.steps, forced
            for given in [*blamed.left_out, *blamed.instead]:
                tried = {**before, blamed.name: given}
                after = self._walk(theirs, trace, known, tried)
                if after.found.steps > reached:
                    best, reached, forced = after, after.found.steps, tried
                    self.report.faults[-1] = blamed.fault_of(given)
            if best is None:
                break
            walk = best
        return walk.found

    def _agrees(self, trace: Trace) -> bool:
        return self.beside.agrees(trace.outputs, self.inputs)

    def _weights_of(self, walked: Walked) -> list[Held]:
        """Return the tensors that are parameters: a constant of the file stays what it is."""
        taken = {source.tensor for source in walked.sources.values()}
        proven = {walked.sources[name].tensor for name in walked.proven if name in walked.sources}
        return [e for e in self.held if e.name in proven or (e.name in taken and e.is_learned)]

    def _exchanged(
        self, theirs: Weights, trace: Trace, known: Mapping[str, Source]
    ) -> tuple[Mapping[str, Source], Walk]:
        """Return the sources to begin with and their walk, twins exchanged where more is met then.

        Of two layers that take the same and are alike, the run holds what both give; only what
        follows tells which is which.
        """
        walk = last = self._walk(theirs, trace, known, {})
        for one, other in self.ours.twins()[:TWINS]:
            pairs = [(one[own], other[own]) for own in one]
            found = walk.found.sources
            if any(name in known or name not in found for pair in pairs for name in pair):
                continue
            other_way = {a: found[b] for a, b in pairs} | {b: found[a] for a, b in pairs}
            tried = {**known, **other_way}
            last = self._walk(theirs, trace, tried, {})
            if last.found.met > walk.found.met:
                known, walk = tried, last
        if walk is not last:  # our weights are those of the last walk
            walk = self._walk(theirs, trace, known, {})
        return known, walk

    def _by_name(self) -> dict[str, Source]:
        """Return the tensors of the file that have the name and the shape of a parameter."""
        shapes = {name: each.shape for name, each in self.spec.graph.parameters()}
        alike = {e.name: e.name for e in self.held if shapes.get(e.name) == tuple(e.shape)}
        return sources_of(alike, shapes, self.held)

    def _walk(
        self, theirs: Weights, trace: Trace, known: Mapping[str, Source],
        forced: Mapping[str, Mapping[str, Array]],
    ) -> Walk:  # fmt: skip
        prints, memory = self._kept
        walk = Walk(self.ours, self.held, theirs, trace, prints, known, memory)
        walk.run(self.inputs, forced)
        return walk
