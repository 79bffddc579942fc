"""Compares a spec with an open file: the map of its tensors, the checks, and the blame."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.backend import versions
from nnspec.backend.foreign import Foreign, Held, Reference
from nnspec.errors import NnspecError, UsageError
from nnspec.judge.beside import Beside
from nnspec.judge.blank import ALIKE, blank_of
from nnspec.judge.checks import compare_gradients, compare_interface, compare_outputs
from nnspec.judge.facing import Facing, face_of
from nnspec.judge.found import Fault, Walked
from nnspec.judge.judgement import Judgement
from nnspec.judge.lacking import TOLD
from nnspec.judge.maps import sources_of
from nnspec.judge.probes import compare_properties
from nnspec.judge.regimes import compare_inputs, compare_none, compare_sizes, said_sizes, tell_fixed
from nnspec.judge.reweighed import compare_reweighed
from nnspec.judge.search import FAULTS, Search
from nnspec.judge.sources import Source
from nnspec.judge.stages import Progress, silent
from nnspec.judge.training import compare_training
from nnspec.judge.walk import is_normalization
from nnspec.judge.within import IN_FLOAT32, IN_FLOAT64, within_floats
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.support.causes import Told
from nnspec.verification.checks import Kind
from nnspec.verification.levels import LEVELS, Level
from nnspec.verification.rows import GivenRows, given_rows
from nnspec.verification.samples import exercised_weights, is_alike, random_inputs
from nnspec.verification.sizes import find_sizes

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.checks import NotChecked

Others = Mapping[str, Sequence[int]]
SAME = {"float64": 1e-9, "float32": 3e-5}
"""Relative, of two values that are the same."""
DRAWS = 4
"""Of inputs, to tell layers apart that are alike: the first need not reach them all."""
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
    known: Mapping[str, Any],
    data: str | Path | None = None,
    levels: tuple[Level, ...] = LEVELS,
    required: tuple[Level, ...] = (),
    show: Progress = silent,
) -> Judgement:
    """Compare what a file computes with what a spec says; raises nothing for a difference.

    known: a map that was given, of some parameters or all. data: a file of rows, compared besides.
    levels, required: as of `Settings`. show: is told each stage. Raises UsageError for a file that
    does not run, and for a map that is none of its tensors.
    """
    start = time.perf_counter()
    described = foreign.describe()
    begun = Judgement(
        spec.name, spec.sha256, versions(), 0, against=reference.label,
        framework=described.framework, levels=levels, required=required,
    )  # fmt: skip
    fixed = said_sizes(spec.graph, described)
    rows = given_rows(spec, data) if data is not None else None
    known_sizes = rows.axes(spec.graph) if rows is not None else {}
    known_sizes |= {name: size for name, size in fixed.items() if name}
    axes, others = _sizes(spec, known_sizes)
    inputs = random_inputs(spec.graph, fixed.get("", batch), axes, seed)

    def judged(facing: Facing) -> Judgement:
        report = copy.deepcopy(begun)
        held = foreign.describe().held  # anew: some files hold nothing before they run
        shapes = {name: each.shape for name, each in spec.graph.parameters()}
        sources = sources_of(known, shapes, held)
        beside = Beside(spec, facing, report, inputs, axes, seed, fixed.get(""))
        limits = IN_FLOAT64 if beside.is_exact else IN_FLOAT32
        beside.inputs = within_floats(beside.ours, inputs, beside.drawn, limits)
        _Case(beside, held, show).run(sources, others, fixed, rows)
        return report

    face = face_of(spec, axes)
    facing = Facing(face, foreign, described, reference.label, inputs)
    layouts = facing.other_layouts(inputs) if _has_layout(spec.graph) else []
    own = foreign.weights() if layouts else {}
    report = judged(facing)
    if layouts and report.failures():
        report = _laid_otherwise(report, facing, layouts, own, inputs, judged)
    report.seconds = time.perf_counter() - start
    return report


def _has_layout(graph: Graph) -> bool:
    """Whether a network has layers, as convolutions, that frameworks lay out in two ways."""
    return any(re.search(r"[123]d", at.node.layer.type) for at in graph.walk())


def _laid_otherwise(
    report: Judgement, facing: Facing, layouts: Sequence[int], own: Mapping[str, Array],
    inputs: Mapping[str, Array], judged: Callable[[Facing], Judgement],
) -> Judgement:  # fmt: skip
    """Return the report of the first other layout in which the file is the spec, or the same.

    Where sizes do not tell which axis holds the channels, no guess accuses anybody. own: the
    weights that the file had.
    """
    foreign = facing.foreign
    try:
        after = foreign.weights()
        for layout in layouts:
            foreign.load(own)
            described = foreign.describe()
            try:
                laid = Facing(facing.face, foreign, described, facing.label, inputs, layout)
            except UsageError:
                continue  # it does not run so
            other = judged(laid)
            if other.passed:
                other.notes.append(laid.told_layout(inputs))
                return other
        foreign.load(after)  # as what was found there is shown with
    except (NnspecError, Told):  # its process has ended: what was found stands
        pass
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
    def __init__(self, beside: Beside, held: Sequence[Held], show: Progress) -> None:
        self.beside = beside
        self.show = show
        self.spec = beside.spec
        self.facing = beside.facing
        self.report = beside.report
        self.recorder = beside.recorder
        self.pair = beside.pair
        self.inputs = beside.inputs
        self.seed = beside.seed
        self.ours = beside.ours
        draws = [beside.drawn(i) for i in range(1, DRAWS)]
        self.search = Search(
            self.ours, self.facing, held, [self.inputs, *draws],
            SAME[self.facing.dtype] + 4 * beside.rounding, beside.agrees,
        )  # fmt: skip
        beside.search = self.search
        self.report.faults, self.report.places = self.search.faults, self.search.places

    def run(
        self, known: Mapping[str, Source], others: Mapping[str, Sequence[int]],
        fixed: Mapping[str, int], rows: GivenRows | None,
    ) -> None:  # fmt: skip
        """Find the map, and make the checks of the levels that are chosen.

        others: further sizes of dynamic axes. fixed: those that the file fixes.
        """
        asks = self.report.asks
        self.report.leave_unchosen(absent=ABSENT)
        self.show("which tensor is which parameter")
        self.search.run(known)
        if not self.search.is_whole:
            self.recorder.note("the run is too large to be kept whole: the map may be unproven")
        waiting = self._compare_own() if asks("forward") else []
        own = self.facing.foreign.weights() if waiting else {}
        walked = self.search.told_apart(self.seed)
        self.report.sources = walked.sources
        compare_interface(self.beside, walked)
        self.report.faults[:] = self._in_order([*self._lacking(walked), *self.report.faults])
        self._compare_waiting(waiting, own, walked)
        tell_fixed(self.beside, fixed)
        self.show("outputs")
        if asks("forward"):
            compare_outputs(self.beside, "ordinary inputs")
            for name in self.search.confused:
                reason = f"of layers that take the same, none is known to have {name}: say by --map"
                self.recorder.leave_out("forward", self.pair, reason)
        else:
            self._tell_known()
        self.show("other sizes and unusual inputs")
        may_compare_sizes = self._may_compare("dynamic_shape")
        if may_compare_sizes:
            compare_sizes(self.beside, others, fixed)
        is_shown = False
        if self._may_compare("range"):
            compare_inputs(self.beside, rows)
            is_shown = compare_reweighed(self.beside, walked)
        if asks("forward") and (not is_shown or self.beside.batch < 2):
            both = (self.report.blank, self._blank())
            self.report.blank = "; ".join(each for each in both if each)
        self.show("what must not matter")
        if asks("meaning"):
            if unsure := self.beside.unsure():
                self.recorder.leave_out("meaning", self.pair, unsure)
            else:
                compare_properties(self.beside)
        self.show("gradients and training")
        if asks("gradient"):
            compare_gradients(self.beside)
        if asks("training"):
            compare_training(self.beside)
        if may_compare_sizes and "" not in fixed:
            compare_none(self.beside)  # at last, because some frameworks end their process then
        for note in self.facing.notes:
            self.recorder.note(note)

    def _compare_own(self) -> list[NotChecked]:
        """Compare with the file's own weights; return what they leave unsure.

        Tensors that are alike, as those that a file begins with, may not say which is whose.
        """
        before = len(self.report.not_checked)
        compare_outputs(self.beside, "its own weights")
        waiting = self.report.not_checked[before:]
        del self.report.not_checked[before:]
        return waiting

    def _compare_waiting(
        self, waiting: Sequence[NotChecked], own: Mapping[str, Array], walked: Walked
    ) -> None:
        """Compare with the file's own weights once other numbers have said whose they are."""
        if waiting and (self.report.faults or walked.missing):
            self.report.not_checked += waiting
        elif waiting:
            foreign, mine = self.facing.foreign, self.ours.weights
            after = foreign.weights()
            values = {name: each.of(own) for name, each in walked.sources.items()}
            foreign.load(own)
            self.ours.weights = {**mine, **values}
            try:
                compare_outputs(self.beside, "its own weights")
            finally:
                foreign.load(after)
                self.ours.weights = mine

    def _tell_known(self) -> None:
        """Tell that the outputs differ, or are not known to be the same, where none was to be told.

        What is left of other levels says nothing of such a file, and none of it shows the fault.
        """
        if not self._differs:
            return
        is_sure = not self.beside.unsure()
        if self.report.levels == ("interface",):
            if is_sure:
                self.report.blank = "the interface is the same, and the outputs differ"
            return
        if is_sure:
            given = self.facing.run(self.inputs)
            self.beside.compare("forward", "ordinary inputs", self.inputs, given, always=True)
        if not any(check.kind == "forward" for check in self.report.failures()):
            self.report.leave_out("forward", self.pair, self._differs)

    def _blank(self) -> str:
        """Return why the outputs with the file's weights say little, or an empty text."""
        reason = blank_of(self.facing.foreign_outputs(self.inputs))
        if reason != ALIKE:
            return reason
        mine = self.ours.weights
        try:
            for draw in range(DRAWS):
                self.ours.weights = exercised_weights(self.spec.graph, self.seed + draw)
                if not is_alike(self.ours.outputs(self.inputs)):
                    return (
                        "every row has the same outputs with the weights of the file, whatever its "
                        "inputs: that they agree says little"
                    )
        finally:
            self.ours.weights = mine
        self.recorder.note(ALIKE)
        return ""

    def _lacking(self, walked: Walked) -> list[Fault]:
        """Return the layers that are held without a parameter, which the file has not."""
        owners = {
            name: (own, node)
            for node in self.ours.nodes
            for own, name in self.ours.parameters(node).items()
        }
        found = []
        absent = [(name, at) for name, at in walked.absent.items() if name in walked.proven]
        for name, at in absent[:FAULTS]:
            own, node = owners[name]
            places = (at.removeprefix(", at "),) if at else ()
            cause = f"it has no {own}, which the layer adds"
            if is_normalization(node):
                cause = TOLD.get((own,), cause)
            found.append(Fault(self.ours.path_of(node), node.layer.type, places, cause))
        return found

    def _in_order(self, faults: Sequence[Fault]) -> list[Fault]:
        """Return faults as the layers follow one another, those that are sure before the others."""
        ours = self.ours
        order = {ours.path_of(node): i for i, node in enumerate(ours.nodes)}
        return sorted(faults, key=lambda each: (not each.is_sure, order.get(each.layer, -1)))

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
