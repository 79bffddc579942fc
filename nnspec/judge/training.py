"""Training steps of a file beside those of its spec: losses, weights and statistics after each.

The loss and the optimizer are the spec's on both sides; the file gives what it computes in
training, the gradients that reach its tensors, and its statistics.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.backend import Backend, GivesLoss, Inspectable, get_backend
from nnspec.errors import NnspecError
from nnspec.judge.beside import Beside
from nnspec.judge.idle import compared_after, tell_idle
from nnspec.judge.learned import Steps, causes
from nnspec.judge.learners import FileLearner, Learner, OwnLearner
from nnspec.judge.sources import Source
from nnspec.language.objectives import is_composed
from nnspec.network.loader import Spec
from nnspec.support.causes import Told, cause_of
from nnspec.training.lengths import with_assumed_steps
from nnspec.verification.comparison import Comparison, Tolerance
from nnspec.verification.engines import SourceEngine, trainable_backends
from nnspec.verification.noise import without_noise
from nnspec.verification.samples import random_goals, random_inputs, sizes_of
from nnspec.verification.tolerance import EXACT, SAFETY, TRAINED, relative_error, tensor_error
from nnspec.verification.trained import TRAINING_SEED, batches_of
from nnspec.verification.training_rounding import moved_by_rounding
from nnspec.verification.training_runs import why_untrained

if TYPE_CHECKING:
    from nnspec.backend import Array, Target, Weights

STEPS = 3
"""Of the optimizer."""


def compare_training(beside: Beside) -> None:
    """Take steps on both sides, and compare after each."""
    reason = _why_not(beside)
    if not reason:
        try:
            _Training(beside).compare()
        except (NnspecError, Told, RuntimeError, ValueError) as error:
            reason = cause_of(error)
    if reason:
        beside.recorder.leave_out("training", beside.pair, reason)


def _why_not(beside: Beside) -> str:
    """Return why training is not compared, or an empty text."""
    spec, facing, report = beside.spec, beside.facing, beside.report
    if spec.model.training is None:
        return "the spec has no `training`: no loss and no optimizer"
    if len(spec.graph.outputs) != 1 or is_composed(spec.model):
        return "a loss of several outputs is not yet compared with files of others"
    if spec.model.training.regularization:
        return "the loss has terms of weights or activations, which only the spec's side knows"
    if reason := why_untrained(spec.graph) or beside.unsure():
        return reason
    try:
        first, second = (facing.learn(beside.inputs, {})[0] for _ in range(2))
    except (NnspecError, Told) as error:
        return cause_of(error)
    if facing.dtype != "float64":
        return "the file was run in float32, and training is compared in float64 alone"
    if relative_error(second, first) > 0:
        return "the file draws random numbers in training, of which not all can be switched off"
    if not all(check.passed for check in report.checks if check.kind in ("interface", "forward")):
        return "the outputs as at inference, or the interface, differ already"
    unknown = [
        name
        for name, each in spec.graph.parameters()
        if not each.is_fixed and (name not in report.sources or not report.sources[name].tensor)
    ]
    if unknown:
        return f"the file holds no tensor that is {', '.join(unknown[:3])}"
    for name, each in report.sources.items():
        if each.length_of:
            return f"the file holds {name} and its direction as one weight"
    return ""


class _Training:
    def __init__(self, beside: Beside) -> None:
        self.beside = beside
        spec = with_assumed_steps(beside.spec)
        self.spec = Spec(spec.model, without_noise(spec.graph), spec.path)
        self.names = [
            name for name, each in spec.graph.parameters() if each.learns and not each.is_fixed
        ]
        self.sources: dict[str, Source] = beside.report.sources
        self.weights = {
            name: np.asarray(array, "float64") for name, array in beside.ours.weights.items()
        }
        self.count = batches_of(STEPS, self.spec)

    def batch(self, step: int) -> tuple[Mapping[str, Array], Target]:
        """Return the inputs and the targets of a step."""
        beside = self.beside
        seed = beside.seed + TRAINING_SEED + step
        inputs = random_inputs(self.spec.graph, beside.batch, beside.axes, seed)
        return inputs, random_goals(self.spec, beside.batch, beside.axes, seed, inputs)

    def compare(self) -> None:
        """Add the check."""
        beside, recorder = self.beside, self.beside.recorder
        theirs = self.theirs()
        ours = self.ours(self.weights)
        least = TRAINED + beside.of_constants * STEPS
        tolerance = Tolerance(least)
        is_here, is_there = (np.isfinite(each.run.losses).all() for each in (ours, theirs))
        if beside.spec.graph.is_random and is_here and not is_there:
            reason = (
                "in training the loss of the file is not finite, and that of the spec, with its "
                "noise off, is: whether noise makes it so is not told"
            )
            recorder.leave_out("training", beside.pair, reason)
            return
        compared = self._compared(ours, theirs)
        for note in theirs.run.notes:
            recorder.note(note)
        tell_idle(beside, self.spec.graph, compared[0], theirs.frozen)
        unknown = [name for each in compared for name in each.unknown["training"]]
        if unknown:
            reason = f"{', '.join(dict.fromkeys(unknown))}: what is not finite with either is not "
            recorder.leave_out("training", beside.pair, f"{reason}compared")
        if tolerance.exceeded(compared[-1].weights) or tolerance.exceeded(compared[0].weights):
            _, moved = moved_by_rounding(
                self.spec.graph, beside.state.tolerances.amplification, beside.rounding, ours.run,
                lambda weights: self.ours(weights).run,
            )  # fmt: skip
            tolerance = tolerance.widened(moved)
        apart: list[dict[str, float]] | None = None
        for step, each in enumerate(compared):
            recorder.leave_free("training", beside.pair, each.weights, tolerance.of)
            exceeded = tolerance.exceeded(each.weights)
            if not each.weights:
                continue
            if not exceeded and step + 1 < len(compared):
                continue
            if exceeded:
                apart = self._between_sources(ours) if apart is None else apart
                unsure = {n for n in exceeded if SAFETY * apart[step].get(n, 0.0) > tolerance.of(n)}
                exceeded -= unsure
                if unsure and not exceeded:
                    most = max(apart[step][name] for name in unsure)
                    reason = (
                        f"rounding within layers alone moves what step {step + 1} gives by "
                        f"{most:.0e}: agreement cannot be told"
                    )
                    recorder.leave_out("training", beside.pair, reason)
                    break
            layer, told = causes(self.spec, exceeded, (ours, theirs), step, self.sources)
            shown = {n: each.weights[n] for n in exceeded} or each.weights
            error, allowed = tolerance.worst(shown)
            recorder.add(
                "training", beside.pair, "float64", error, allowed,
                blame=lambda layer=layer, told=told: (layer, told),  # type: ignore[misc]
            )  # fmt: skip
            break
        if beside.spec.graph.is_random:
            recorder.note("training was compared with dropout and noise off")

    def _compared(self, ours: Steps, theirs: Steps) -> list[Comparison]:
        self._settle(get_backend(self.beside.report.framework), theirs, ours)
        return [compared_after(self.spec.graph, ours, theirs, i) for i in range(self.count)]

    def _between_sources(self, ours: Steps) -> list[dict[str, float]]:
        """Return after each step how far another source that nnspec writes is from its first.

        Both are right, and each rounds within its own formulas: of a normalisation over two
        values, say, the gradient is the little that is left of large numbers.
        """
        found: list[dict[str, float]] = [{} for _ in range(self.count)]
        others = [self._through_outputs()]
        for backend in trainable_backends():
            if backend == self.beside.engine.name:
                continue
            try:
                others.append(self.ours(self.weights, SourceEngine(get_backend(backend))))
            except NnspecError:  # of a layer that this framework has not
                continue
        for other in others:
            for step, errors in enumerate(found[: len(other.weights)]):
                compared = compared_after(self.spec.graph, ours, other, step)
                for name, error in compared.weights.items():
                    errors[name] = max(errors.get(name, 0.0), error)
        return found

    def ours(self, weights: Weights, engine: SourceEngine | None = None) -> Steps:
        """Return the steps of the source that nnspec writes, for the first framework or another."""
        engine = engine or self.beside.engine
        program: Any = engine.build(self.spec, weights, "float64")
        found = Steps(start=weights, values=self._values())
        for step in range(self.count):
            inputs, target = self.batch(step)
            if step == 0:
                _, gradients = program.gradients(inputs, target)
                found.run.gradients = {name: gradients[name] for name in self.names}
            found.run.losses.append(program.train_step(inputs, target))
            found.weights.append(_copied(program.weights()))
        self._settle(engine.backend, found)
        found.run.weights = found.weights[-1]
        return found

    def theirs(self) -> Steps:
        """Return the steps of the file, which holds afterwards what it held before."""
        facing = self.beside.facing
        before = _copied(facing.foreign.weights())
        try:
            return self._steps(FileLearner(facing, self.sources, self.names))
        finally:
            facing.foreign.load(before)

    def _through_outputs(self) -> Steps:
        """Return the steps of the spec's own program, its loss taken of what it gives, as a file's.

        Of a chance near 0 or 1 a loss of logits is not what it is of the logits themselves.
        """
        engine = self.beside.engine
        program: Any = engine.build(self.spec, self.weights, "float64")
        found = self._steps(OwnLearner(engine.backend, program, self.batch(0)[0]))
        self._settle(engine.backend, found)
        return found

    def _steps(self, learner: Learner) -> Steps:
        """Return the steps of what learns; there are fewer where it has no loss from then on."""
        program: Any = self.beside.engine.build(self.spec, self.weights, "float64")
        if not isinstance(program, Inspectable) or not isinstance(program, GivesLoss):
            raise Told("the source that nnspec writes does not show the gradient of its loss")
        found = Steps(start=self.weights)
        output = self.spec.graph.outputs[0]
        for step in range(self.count):
            inputs, target = self.batch(step)
            given = learner.outputs(inputs)[output]
            loss, towards = program.loss_of_outputs(given, target)
            if np.isfinite(given).all() and not (np.isfinite(loss) and np.isfinite(towards).all()):
                found.run.notes.append(
                    f"in step {step + 1} some chances are exactly 0 or 1, of which no loss can be "
                    "taken as it is of logits: training is compared up to there"
                )
                self.count = step
                break
            gradients = learner.gradients(inputs, {output: towards})
            found.frozen = set(self.names) - gradients.keys()
            if step == 0:
                found.run.gradients = gradients
            found.run.losses.append(loss)
            still = {name: np.zeros_like(self.weights[name]) for name in found.frozen}
            program.follow(inputs, target, {**gradients, **still})
            moved = program.weights()
            learner.put({name: moved[name] for name in gradients})
            found.weights.append({**self.weights, **learner.weights()})
        if not self.count:
            raise Told(found.run.notes[-1])
        found.run.weights = found.weights[-1]
        return found

    def _settle(self, backend: Backend, steps: Steps, ours: Steps | None = None) -> None:
        """Read statistics that a framework follows by a formula of its own as the spec's.

        ours: what a file may have too, where it has the spec's own formula.
        """
        steps.raw = [dict(each) for each in steps.weights]
        for name, layer, elements, divergence in self._divergences(backend):
            for step, weights in enumerate(steps.weights):
                start, array = self.weights[name], weights[name]
                if ours is not None and tensor_error(array, ours.weights[step][name]) <= EXACT:
                    continue
                weights[name] = divergence.canonical(
                    layer, steps.start[name], array, step + 1, elements // start.size
                )
                note = f"{backend.name}, {divergence.parameter}: {divergence.formula}"
                if note not in steps.run.notes:
                    steps.run.notes.append(note)

    def _values(self) -> dict[str, int]:
        found = {}
        for at in self.spec.graph.walk():
            size = self.weights.get(f"{at.path}.running_var", np.ones(0)).size
            if size:
                shape = sizes_of((*at.steps, *at.input_shapes[0]), self.beside.axes)
                found[at.path] = self.beside.batch * int(np.prod(shape)) // size
        return found

    def _divergences(self, backend: Backend) -> list[tuple[str, Any, int, Any]]:
        """Return each such statistic, its layer, and the numbers that one call of it is over."""
        found = []
        calls: dict[str, int] = {}
        for at in self.spec.graph.walk():
            calls[at.home] = calls.get(at.home, 0) + 1
        for at in self.spec.graph.walk():
            divergence = backend.divergences.get(type(at.node.layer))
            name = f"{at.path}.{divergence.parameter}" if divergence is not None else ""
            if name not in self.weights or not getattr(at.node.layer, "trainable", True):
                continue
            if calls[at.path] > 1:
                raise Told(f"{name}: a framework follows it by another formula, over two calls")
            shape = sizes_of((*at.steps, *at.input_shapes[0]), self.beside.axes)
            elements = self.beside.batch * int(np.prod(shape))
            found.append((name, at.node.layer, elements, divergence))
        return found


def _copied(tensors: Mapping[str, Array]) -> dict[str, Array]:
    return {name: np.array(array) for name, array in tensors.items()}
