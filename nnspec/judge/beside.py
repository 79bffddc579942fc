"""A spec and a file side by side, computing with the same weights, and what rounding explains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import Inspectable, Trainable, get_backend, installed_backends
from nnspec.judge.alike import names_of
from nnspec.judge.choices import (
    Disagreement,
    floats_of,
    is_whole,
)
from nnspec.judge.deciding import disagreement_of, surely
from nnspec.judge.facing import Facing
from nnspec.judge.kernels import coarse, least_explained
from nnspec.judge.ours import Ours
from nnspec.judge.places import whole_place
from nnspec.judge.search import Search
from nnspec.network.loader import Spec
from nnspec.verification.checks import Kind
from nnspec.verification.engines import Reference, SourceEngine, trainable_backends
from nnspec.verification.recorder import Blame, Recorder, says_nothing
from nnspec.verification.samples import exercised_weights, random_inputs
from nnspec.verification.settings import Settings
from nnspec.verification.state import State
from nnspec.verification.tolerance import (
    DOUBLE_ROUNDOFF,
    EXACT,
    SAFETY,
    UNIT_ROUNDOFF,
    perturbed,
    relative_error,
)

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights
    from nnspec.judge.judgement import Judgement


class Beside:
    """A spec and a file. ours: the spec, with the weights of the file as far as they are known.

    pair: the names of the two in a check. axes: the sizes that everything is compared at.
    fixed_batch: the rows that the file takes at once, where it takes no other number of them.
    """

    def __init__(
        self, spec: Spec, facing: Facing, report: Judgement, inputs: Mapping[str, Array],
        axes: Mapping[str, int], seed: int, fixed_batch: int | None = None,
    ) -> None:  # fmt: skip
        self.spec = spec
        self.facing = facing
        self.report = report
        self.recorder = Recorder(report)
        self.pair = (spec.name, report.against)
        self.inputs = inputs
        self.axes = axes
        self.seed = seed
        self.fixed_batch = fixed_batch
        self.engine = SourceEngine(get_backend(trainable_backends()[0]))
        self.ours = Ours(spec, self.engine, exercised_weights(spec.graph, seed))
        self.engines = [self.engine]
        if report.framework in trainable_backends() and report.framework != self.engine.name:
            self.engines.append(SourceEngine(get_backend(report.framework)))
        self.rounding = sum(
            SourceEngine(each).rounding(spec.graph)
            for each in installed_backends()
            if each.name == report.framework
        )
        """Relative, of constants that the file's framework holds in float32 in doubles too."""
        self.search: Search | None = None
        """The search for the map of the file's tensors, once there is one."""
        self._state: tuple[dict[str, Array], State] | None = None

    def look(self, inputs: Mapping[str, Array]) -> None:
        """Look for the layers at fault where only some inputs show them."""
        if self.search is not None:
            self.search.look(inputs)

    @property
    def is_exact(self) -> bool:
        """Whether the file computes in float64."""
        return self.facing.dtype == "float64"

    def theirs(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the file's outputs, in batches of its own size where it fixes one."""
        rows = len(next(iter(inputs.values())))
        if self.fixed_batch is None or rows == self.fixed_batch:
            return self.facing.run(inputs)
        parts = []
        for start in range(0, rows, self.fixed_batch):
            taken = np.minimum(np.arange(start, start + self.fixed_batch), rows - 1)
            given = self.facing.run({name: array[taken] for name, array in inputs.items()})
            parts.append({name: array[: rows - start] for name, array in given.items()})
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def drawn(self, draw: int) -> dict[str, Array]:
        """Return other inputs of the same sizes."""
        return random_inputs(self.spec.graph, self.batch, self.axes, self.seed + draw)

    @property
    def batch(self) -> int:
        """The rows of the inputs."""
        return len(next(iter(self.inputs.values())))

    @property
    def state(self) -> State:
        """The spec's side as a verification has it, with the weights that are known by now."""
        weights = {name: np.asarray(array, "float64") for name, array in self.ours.weights.items()}
        if self._state is not None and _same(self._state[0], weights):
            return self._state[1]
        program: Any = self.ours.program()
        assert isinstance(program, Trainable)
        state = State(
            self.spec, Settings(seed=self.seed), self.recorder, weights, self.batch, None,
            self.inputs, self.axes, {}, [self.engine], [self.engine],
        )  # fmt: skip
        state.measure_against(Reference(self.engine, program, program.forward(self.inputs)))
        self._state = weights, state
        return state

    @property
    def of_constants(self) -> float:
        """The error of the outputs in float64 from constants that a framework holds in float32."""
        if not self.rounding:
            return 0.0
        return self.state.tolerances.in_float64(*self.engines) - EXACT

    def judged(
        self, inputs: Mapping[str, Array], given: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> tuple[float, float]:  # fmt: skip
        """Return the error of the worst output, and what rounding explains of it.

        Both are relative to its largest number. Where the error is more than is usual, what
        rounding within layers moves is measured too.
        """
        error = relative_error(given, expected)
        with np.errstate(all="ignore"):
            if self.is_exact and error <= EXACT:
                return error, EXACT
            tolerances = self.state.tolerances
            if self.is_exact:
                return error, tolerances.in_float64(*self.engines, error=error, inputs=inputs)
            usual = tolerances.amplification.float32_tolerance(inputs, expected)
            if error <= usual:
                return error, usual
            error, spared = least_explained(given, expected, coarse(self.spec.graph))
            if error <= usual + spared:
                return error, usual + spared
            within = max(usual, tolerances.ill_conditioned(inputs, usual + spared)) + spared
            if error > within and tolerances.beyond_float32(inputs)[0].any():
                within = np.inf  # what does not fit is infinite, or the largest a kernel knows
            return error, within

    def training_tolerance(self, program: Inspectable, expected: Mapping[str, Array]) -> float:
        """Return what rounding explains of the outputs as in training, for the inputs.

        A normalisation over the few values of a batch may make much of it.
        """
        unit = DOUBLE_ROUNDOFF if self.is_exact else UNIT_ROUNDOFF
        moved = 0.0
        try:
            for noisy in self.perturbations(program.load_weights, unit, self.inputs):
                moved = max(moved, relative_error(program.training_outputs(noisy), expected))
        finally:
            program.load_weights(self.state.weights)
        return SAFETY * moved + self.of_constants

    def perturbations(
        self, load: Callable[[Weights], object], unit: float, inputs: Mapping[str, Array]
    ) -> Iterator[dict[str, Array]]:
        """Yield the inputs as rounding moves them, each time with weights loaded that it moves."""
        amplification = self.state.tolerances.amplification
        root = amplification.longest**0.5
        for draw in amplification.draws():
            load(amplification.changed(unit, draw, by_length=True))
            yield {name: perturbed(array, unit * root, draw) for name, array in inputs.items()}

    def agrees(
        self, theirs: Mapping[str, Array], inputs: Mapping[str, Array] | None = None
    ) -> bool:
        """Whether these outputs of the file are those of the spec, for the inputs, or others."""
        return not self._differ(self.facing.matched(theirs), inputs)

    def _differ(
        self, given: Mapping[str, Array], inputs: Mapping[str, Array] | None = None
    ) -> bool:
        inputs = self.inputs if inputs is None else inputs
        expected = self.ours.outputs(inputs)
        floats = floats_of(expected)
        if floats:
            error, tolerance = self.judged(inputs, given, floats)
            if not error <= tolerance:
                return True
        return not all(
            name in given
            and given[name].shape == array.shape
            and (
                (found := disagreement_of(self, name, "", inputs, given, expected)) is None
                or found.decided == found.differing
            )
            for name, array in expected.items()
            if name not in floats
        )

    def compare(
        self, kind: Kind, when: str, inputs: Mapping[str, Array], theirs: Mapping[str, Array], *,
        always: bool = False,
    ) -> None:  # fmt: skip
        """Add the checks of the file's outputs. when: on which inputs. always: as of `Recorder`."""
        expected = self.ours.outputs(inputs)
        floats = floats_of(expected)
        if floats:
            off, tolerance = self.judged(inputs, theirs, floats)
            self._add(kind, when, inputs, off, tolerance, always=always)
        self.compare_whole(kind, when, inputs, theirs, expected, always=always)

    def compare_whole(
        self, kind: Kind, when: str, inputs: Mapping[str, Array], theirs: Mapping[str, Array],
        expected: Mapping[str, Array], *, always: bool = False,
    ) -> None:  # fmt: skip
        """Add a check of each output that holds whole numbers: the share that differs.

        It may be as large as the share that rounding decides.
        """
        for name, array in expected.items():
            if not is_whole(array):
                continue
            if name not in theirs or theirs[name].shape != array.shape:
                self._add(kind, when, inputs, np.inf, 0.0, name, always=always)
                continue
            found = disagreement_of(self, name, when, inputs, theirs, expected)
            if found is None:
                self._add(kind, when, inputs, 0.0, 0.0, name, always=always)
            elif found.margins is None and found.decided == found.differing:
                self.recorder.leave_out(kind, self.named(f"{when}, {name}"), found.told())
            else:
                self.report.disagreements.append(found)
                share, allowed = (n / array.size for n in (found.differing, found.decided))
                self._add(kind, when, inputs, share, allowed, name, found.told(), always=always)

    def accuse(
        self, kind: Kind, when: str, inputs: Mapping[str, Array], theirs: Mapping[str, Array],
        expected: Mapping[str, Array],
    ) -> None:  # fmt: skip
        """Add failed checks of the outputs that compare numbers, where these are far apart.

        Of rows in which rounding may decide something, so that no check of them can pass.
        """
        for name, array in expected.items():
            if array.dtype.kind != "b" or name not in theirs or not array.size:
                continue
            if count := surely(self, name, inputs, theirs[name], array):
                differing = int((theirs[name] != array).sum())
                found = Disagreement(name, when, differing, array.size, differing - count, None)
                self.report.disagreements.append(found)
                share, allowed = (n / array.size for n in (found.differing, found.decided))
                self._add(kind, when, inputs, share, allowed, name, found.told())

    def named(self, when: str) -> tuple[str, str]:
        """Return the names of the two in a check on some inputs."""
        return self.pair[0], f"{self.pair[1]}, {when}"

    def _add(
        self, kind: Kind, when: str, inputs: Mapping[str, Array], error: float, tolerance: float,
        output: str = "", told: str = "", *, always: bool = False,
    ) -> None:  # fmt: skip
        """Add a check: of all floats, or of one output, of which `told` says what differs."""
        pair = self.named(f"{when}, {output}" if output else when)
        if error > tolerance:
            if unsure := self.unsure(lambda: self._differ(self.theirs(inputs), inputs)):
                self.recorder.leave_out(kind, pair, unsure)
                return
            self.keep(f"{when}, {output}" if output else when, inputs)
        self.recorder.add(
            kind, pair, self.facing.dtype, error, tolerance, blame=self.blame(told),
            always=always, is_share=bool(output),
        )  # fmt: skip

    def unsure(self, differs: Callable[[], bool] | None = None) -> str:
        """Return why a difference accuses nobody: the map may be wrong, and not the file.

        differs: whether the difference is there with the weights that both have now; as a rule, it
        is that of the outputs for the inputs.
        """
        for fault in self.report.faults[:1]:
            if not fault.is_sure:
                return (
                    f'the tensors of the layer "{fault.layer}" were not found among those of the '
                    "file, of which too many fit, or none: say which by --map"
                )
        if self.is_beyond:
            return (
                "rounding alone may make anything of the outputs for ordinary inputs, which do not "
                "say then which tensor of the file is which"
            )
        search = None if self.report.faults else self.search
        if search is None:
            return ""
        if untold := search.untold():
            return (
                f"nothing of the inputs reaches {', '.join(untold[:5])}: which tensors of the file "
                "they are is not known"
            )
        if search.broken:
            return f"{search.broken}: whose tensors come after it in the file is not known"
        if search.is_order(differs or (lambda: self._differ(self.theirs(self.inputs)))):
            some = [f'"{name}"' for name in names_of(search.unsettled())]
            more = f" and {len(some) - 5} more" if len(some) > 5 else ""
            return (
                f"the layers {', '.join(some[:5])}{more} are alike and take the same, and nothing "
                "tells whose tensors are whose in the file: say which by --map"
            )
        return ""

    @property
    def is_beyond(self) -> bool:
        """Whether rounding could make anything of the outputs for the inputs, and does.

        Any map of tensors agrees with such outputs, a wrong one too.
        """
        floats = floats_of(self.ours.outputs(self.inputs))
        return bool(floats) and says_nothing(
            *self.judged(self.inputs, self.theirs(self.inputs), floats)
        )

    def keep(self, told: str, inputs: Mapping[str, Array]) -> None:
        """Keep inputs at which the two differ as a whole, for a reproduction."""
        faults = "".join(f"{each.told()} " for each in self.report.faults[:1])
        sentence = f"{faults}The outputs differ at {told}."
        self.report.places.append(whole_place(self.ours, self.facing, inputs, sentence))

    def blame(self, sentence: str = "") -> Blame:
        """Return what tells of the layers at fault, once."""
        layer = self.report.faults[0].layer if self.report.faults else None

        def found() -> tuple[str | None, str]:
            told = [sentence] if sentence else []
            if not any(check.detail for check in self.report.failures()):
                told += [each.told() for each in self.report.faults]
            return layer, " ".join(told)

        return found


def _same(first: Mapping[str, Array], second: Mapping[str, Array]) -> bool:
    return all(np.array_equal(array, second[name]) for name, array in first.items())
