"""Compares a spec with an open file: the map of its tensors, the checks, and the blame."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import get_backend, installed_backends, versions
from nnspec.backend.foreign import Foreign, Held, Reference, Trace
from nnspec.errors import NnspecError
from nnspec.judge.blaming import Blaming
from nnspec.judge.causes import untrained_rows
from nnspec.judge.facing import Facing, face_of, fixed_axes, fixed_batch
from nnspec.judge.found import Filled, Walked
from nnspec.judge.judgement import Judgement
from nnspec.judge.maps import sources_of
from nnspec.judge.ours import Ours
from nnspec.judge.prints import Prints
from nnspec.judge.sources import Source
from nnspec.judge.walk import Walk
from nnspec.layers.shapes import show
from nnspec.network.loader import Spec
from nnspec.support.causes import Told, cause_of
from nnspec.support.streams import derived_seed
from nnspec.verification.checks import Kind
from nnspec.verification.engines import SourceEngine, trainable_backends
from nnspec.verification.levels import LEVELS, Level
from nnspec.verification.recorder import Blame, Recorder
from nnspec.verification.samples import exercised_weights, random_inputs
from nnspec.verification.sizes import find_sizes
from nnspec.verification.tolerance import EXACT, Amplification, relative_error, tensor_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

SAME = {"float64": 1e-9, "float32": 3e-5}
"""Relative, of two values that are the same."""
GRADIENT = 1e-8
"""Relative, in float64, to the largest gradient of a tensor."""
NOISE = 0.1
"""Of what is added to tensors that are one number everywhere, and to those that are equal."""
TWINS = 40
"""Pairs of layers that are alike, and take the same, which are tried the other way round."""
FAULTS = 5
"""Layers at fault that are looked for."""
REGIMES = {"inputs of 30 times": 30.0, "inputs of a thousandth": 1e-3, "inputs of 0": 0.0}
"""Beside ordinary inputs: what float inputs are multiplied by."""
ABSENT: tuple[Kind, ...] = (
    "export", "optimizer", "random", "first_weights", "metrics", "adversarial",
    "weights",
)  # fmt: skip
"""Kinds of checks that there are of nnspec's own programs alone."""
LATER: dict[Kind, str] = {
    "training": "training steps are not yet compared with files of others",
    "dynamic_shape": "other sizes of axes are not yet compared with files of others, but for a "
    "batch of one row",
    "meaning": "causality and padding are not yet compared with files of others",
}
"""Checks that a comparison with a file leaves out, and why."""


def judge(
    spec: Spec,
    foreign: Foreign,
    reference: Reference,
    *,
    batch: int,
    seed: int,
    known: Mapping[str, Source],
    levels: tuple[Level, ...] = LEVELS,
    required: tuple[Level, ...] = (),
) -> Judgement:
    """Compare what a file computes with what a spec says; raises nothing for a difference.

    known: where some parameters come from. levels, required: as of `Settings`. Raises UsageError
    for a file that does not run.
    """
    start = time.perf_counter()
    described = foreign.describe()
    report = Judgement(
        spec.name, spec.sha256, versions(), 0, against=reference.label,
        framework=described.framework, levels=levels, required=required,
    )  # fmt: skip
    fixed = fixed_axes(spec, described)
    axes = {**find_sizes(spec.graph, {}).base, **fixed}
    rows = fixed_batch(described)
    inputs = random_inputs(spec.graph, rows or batch, axes, seed)
    facing = Facing(face_of(spec, axes), foreign, described, reference.label, inputs)
    for name, size in fixed.items():
        facing.notes.append(f"the file takes {name} of {size} alone: no other size was compared")
    if rows:
        facing.notes.append(f"the file takes batches of {rows} alone: no other size was compared")
    held = foreign.describe().held  # anew: Keras may call the variables otherwise in float64
    _Case(spec, facing, held, report, inputs, seed).run(known)
    report.seconds = time.perf_counter() - start
    return report


class _Case:
    def __init__(
        self, spec: Spec, facing: Facing, held: Sequence[Held], report: Judgement,
        inputs: dict[str, Array], seed: int,
    ) -> None:  # fmt: skip
        self.spec = spec
        self.facing = facing
        self.held = held
        self.report = report
        self.recorder = Recorder(report)
        self.pair = (spec.name, report.against)
        self.inputs = inputs
        self.seed = seed
        engine = SourceEngine(get_backend(trainable_backends()[0]))
        self.ours = Ours(spec, engine, exercised_weights(spec.graph, seed))
        self.rounding = sum(
            SourceEngine(each).rounding(spec.graph)
            for each in installed_backends()
            if each.name == report.framework.lower()
        )
        """Relative, of constants that the file's framework holds in float32 in doubles too."""

    def run(self, known: Mapping[str, Source]) -> None:
        self.report.leave_unchosen(absent=ABSENT)
        walked = self._walked(known)
        if self.report.asks("forward"):
            self._compare(self.inputs, "its own weights")
        foreign = self.facing.foreign
        taken = {source.tensor for source in walked.sources.values()}
        apart = told_apart(
            [each for each in self.held if each.name in taken], foreign.weights(), self.seed
        )
        if apart:
            # Only what the spec has a parameter for: a constant of the file stays what it is.
            foreign.load(apart)
            self.report.faults.clear()
            walked = self._walked(known)
        self.report.sources = walked.sources
        self._interface(walked)
        for kind, told, inputs in self._regimes():
            if self.report.asks(kind):
                self._compare(inputs, told, kind)
        if self.report.asks("gradient"):
            self._gradients()
        for note in self.facing.notes:
            self.recorder.note(note)
        for kind, reason in LATER.items():
            self.recorder.leave_out(kind, self.pair, reason)

    # The map of weights, and the faults on the way

    _kept: tuple[Prints, dict[str, Filled]]

    def _walked(self, known: Mapping[str, Source]) -> Walked:
        theirs = self.facing.foreign.weights()
        trace = self.facing.trace(self.inputs)
        self._kept = Prints(trace.values, SAME[self.facing.dtype] + 4 * self.rounding), {}
        if not trace.is_whole:
            self.recorder.note("the run is too large to be kept whole: the map may be unproven")
        forced: dict[str, Mapping[str, Array]] = {}
        walk = self._walk(theirs, trace, known, forced)
        if not self._agrees(trace.outputs):
            # Of tensors that fit as well, those named as the parameters may be the right ones.
            named = {**self._by_name(), **known}
            other = self._walk(theirs, trace, named, forced)
            if self._agrees(trace.outputs):
                return other.found
            known, walk = self._exchanged(theirs, trace, known)
        while not self._agrees(trace.outputs):
            blamed = Blaming(walk).blamed()
            if blamed is None or blamed.name in forced or len(self.report.faults) >= FAULTS:
                break
            if blamed.sources:  # it had been filled wrongly
                known = {**known, **blamed.sources}
                walk = self._walk(theirs, trace, known, forced)
                continue
            self.report.faults.append(blamed.fault)
            # On from what the file gives there, which shows the next fault, and the other weights.
            best, reached = None, walk.found.steps
            for given in blamed.instead:
                tried = {**forced, blamed.name: given}
                after = self._walk(theirs, trace, known, tried)
                if after.found.steps > reached:
                    best, reached, forced = after, after.found.steps, tried
            if best is None:
                break
            walk = best
        return walk.found

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

    def _agrees(self, theirs: Mapping[str, Array]) -> bool:
        expected = self.ours.outputs(self.inputs)
        error = relative_error(self.facing.matched(theirs), expected)
        return error <= self._tolerance(self.inputs, expected)

    def _tolerance(self, inputs: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
        """Return what rounding explains, relative to the largest number of an output."""
        if self.facing.dtype == "float64" and not self.rounding:
            return EXACT
        program: Any = self.ours.program()
        weights = {name: np.asarray(array, "float64") for name, array in self.ours.weights.items()}
        moved = Amplification(self.spec.graph, program, weights, self.seed)
        if self.facing.dtype == "float64":
            found = EXACT + moved.of_layer_error(self.rounding, inputs, expected)
        else:
            found = moved.float32_tolerance(inputs, expected)
        program.load_weights(weights)
        return found

    # The checks

    def _interface(self, walked: Walked) -> None:
        outputs = self.facing.run(self.inputs)
        expected = self.ours.outputs(self.inputs)
        found = [
            *(f"it has no output for {name}" for name in expected if name not in outputs),
            *(
                f"{name} is {show(outputs[name].shape)}, and {show(array.shape)} is expected"
                for name, array in expected.items()
                if name in outputs and outputs[name].shape != array.shape
            ),
            *(f"it has no {name}{at}" for name, at in walked.absent.items()),
        ]
        for told in walked.missing.values():
            reason = f"no tensor of the file was found for {told}: say which by --map"
            self.recorder.leave_out("interface", self.pair, reason)
        if walked.unused:
            some = ", ".join(f"{each.name} {show(each.shape)}" for each in walked.unused[:5])
            more = f" and {len(walked.unused) - 5} more" if len(walked.unused) > 5 else ""
            self.recorder.note(f"the spec has no parameter for what the file holds as {some}{more}")
        self.recorder.add_findings("interface", "", self.pair[0], {self.pair[1]: found})
        for name, move in self.facing.moves.items():
            self.recorder.note(f"{name}: the file has the axes in the order {list(move)}")
        self.recorder.note(
            f"{len(walked.proven)} of {len(walked.sources)} parameters were found, and proven by "
            f"the values that their layers give; {walked.met} of {walked.layers} layers are met in "
            "the run of the file"
        )
        unproven = [name for name in walked.sources if name not in walked.proven]
        if unproven:
            some = ", ".join(f"{name} ({walked.sources[name].told()})" for name in unproven[:5])
            more = f" and {len(unproven) - 5} more" if len(unproven) > 5 else ""
            self.recorder.note(f"taken by shape and order alone: {some}{more}")
        if any(not source.tensor for source in walked.sources.values()):
            self.recorder.note(
                "the file holds some layers folded into others: whether they were folded rightly "
                "its weights cannot tell"
            )

    def _compare(self, inputs: Mapping[str, Array], told: str, kind: Kind = "forward") -> None:
        pair = (self.pair[0], f"{self.pair[1]}, {told}")
        try:
            theirs = self.facing.run(inputs)
        except (NnspecError, Told) as error:
            why = f"It does not run with {told}: {cause_of(error)}"
            self.recorder.add_failed(kind, pair, self.facing.dtype, why)
            return
        expected = self.ours.outputs(inputs)
        off, tolerance = relative_error(theirs, expected), self._tolerance(inputs, expected)
        if off > tolerance and (unsure := self._unsure()):
            self.recorder.leave_out(kind, pair, unsure)
            return
        self.recorder.add(kind, pair, self.facing.dtype, off, tolerance, blame=self._blame())

    def _unsure(self) -> str:
        """Return why a difference accuses nobody: the map may be wrong, and not the file."""
        for fault in self.report.faults[:1]:
            if not fault.is_sure:
                return (
                    f'the tensors of the layer "{fault.layer}" were not found among those of the '
                    "file, of which too many fit, or none: say which by --map"
                )
        return ""

    def _regimes(self) -> Iterator[tuple[Kind, str, dict[str, Array]]]:
        yield "forward", "ordinary inputs", self.inputs
        floats = [name for name, kind in self.spec.graph.inputs.items() if kind.dtype == "float32"]
        for told, factor in REGIMES.items() if floats else ():
            changed = {name: self.inputs[name] * factor for name in floats}
            yield "range", told, {**self.inputs, **changed}
        if fixed_batch(self.facing.foreign.describe()):
            return
        one = {name: array[:1] for name, array in self.inputs.items()}
        yield "dynamic_shape", "a batch of 1", one

    def _blame(self, sentence: str = "") -> Blame:
        layer = self.report.faults[0].layer if self.report.faults else None

        def found() -> tuple[str | None, str]:
            told = [sentence] if sentence else []
            if not any(check.detail for check in self.report.failures()):  # they are told once
                told += [each.told() for each in self.report.faults]
            return layer, " ".join(told)

        return found

    def _gradients(self) -> None:
        draw = np.random.default_rng(derived_seed("towards", self.seed))
        towards = {
            name: draw.normal(size=array.shape)
            for name, array in self.ours.outputs(self.inputs).items()
            if array.dtype.kind == "f"
        }
        reason = ""
        if not towards:
            reason = "no output has a gradient"
        elif self.facing.dtype != "float64":
            reason = "the file was run in float32, and gradients are compared in float64 alone"
        elif not all(check.passed for check in self.report.checks if check.kind == "interface"):
            reason = "the interface differs"
        reason = reason or self._unsure()
        if reason:
            self.recorder.leave_out("gradient", self.pair, reason)
            return
        try:
            found = self.facing.gradients(self.inputs, towards)
        except (NnspecError, Told) as error:
            self.recorder.leave_out("gradient", self.pair, cause_of(error))
            return
        program: Any = self.ours.program()
        mine = self.ours.engine.backend.open_program(program)
        with program.precision():  # of what its code makes itself
            inner = dict(zip(self.spec.graph.outputs, mine.run(self.inputs), strict=True))
            of_outputs = {inner[name]: towards[name] for name in towards}
            expected, _ = mine.gradients(self.inputs, of_outputs)
        largest = max((float(np.max(np.abs(each))) for each in expected.values()), default=0.0)
        errors = {
            name: tensor_error(source.taken(found[source.tensor]), expected[name], largest * 1e-6)
            for name, source in self.report.sources.items()
            if name in expected and source.tensor in found
        }
        worst = max(errors, key=errors.__getitem__, default="")
        sentence = f"Most of all that of {worst}."
        if worst in errors:
            source = self.report.sources[worst]
            sentence += untrained_rows(worst, source.taken(found[source.tensor]), expected[worst])
        largest_error = errors.get(worst, 0.0)
        tolerance = GRADIENT
        if self.rounding:
            tolerance += self._tolerance(self.inputs, self.ours.outputs(self.inputs)) - EXACT
        blame = self._blame(sentence)
        self.recorder.add("gradient", self.pair, "float64", largest_error, tolerance, blame=blame)


def told_apart(held: Sequence[Held], weights: Weights, seed: int) -> dict[str, Array]:
    """Return new values of the tensors that their values would not tell apart."""
    met: set[bytes] = set()
    changed: dict[str, Array] = {}
    for each in held:
        array = weights[each.name]
        if array.dtype.kind != "f" or not array.size:
            continue
        key = array.tobytes()
        if key in met or bool((array == array.flat[0]).all()):
            draw = np.random.default_rng(derived_seed("apart", seed, each.name))
            moved = np.clip(NOISE * draw.normal(size=array.shape), -0.4, 0.4)
            changed[each.name] = array + moved
        met.add(key)
    return changed
