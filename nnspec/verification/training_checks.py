"""Loss, gradients, and the weights after some steps, of every pair of sources that train."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import MissingDependencyError
from nnspec.language.objectives import is_composed, trained_outputs
from nnspec.layers import BatchNormalization, Bidirectional
from nnspec.layers.recurrent import Recurrent
from nnspec.network.loader import Spec
from nnspec.support.causes import cause_of
from nnspec.verification.comparison import (
    LOSS,
    WHY_UNCOMPARED,
    Comparison,
    Tolerance,
    uncompared,
)
from nnspec.verification.effort import Cost, Effort, leave_near
from nnspec.verification.inspected import add_inspected, is_smooth
from nnspec.verification.kink_checks import compare_kinked, wrong_alone
from nnspec.verification.networks import untrained_parameters
from nnspec.verification.noise import silenced
from nnspec.verification.tolerance import EXACT, PROBES, TRAINED
from nnspec.verification.trained import TrainedRun
from nnspec.verification.training_rounding import Moved, moved_by_rounding, moved_within
from nnspec.verification.training_runs import (
    TrainingRuns,
    trained,
    training_runs,
    why_untrained,
)

if TYPE_CHECKING:
    from nnspec.verification.checks import Kind
    from nnspec.verification.state import State

WHY_SILENT = (
    "not every source can be given the same random numbers there: the layer is called twice, or is "
    "a backend's own"
)

WHY_SMOOTH = "gradients where functions bend: none of its functions bends, and the network is large"

Both = tuple[Tolerance, Tolerance]
"""The tolerances of gradients, and of weights after the steps."""


def compare_training(state: State) -> None:
    """Compare what every pair of sources makes of training, in float64, with the same draws."""
    if reason := _why_not(state):
        _leave_out(state, reason)
        return
    able = len(state.trainers)
    if able < 2:
        only = state.trainers[0].name
        _leave_out(state, f"it takes two sources that train, and here is only {only}")
    begun = state.once(training_runs)
    _note_what_is_compared(state, begun.spec)
    runs = _finished(state, begun)
    _require_frozen(state, begun.spec, runs)
    add_inspected(state, begun.spec, {name: run.inspected for name, run in runs.items()})
    if len(runs) < 2 <= able:
        _leave_out(state, f"of what should train, only {', '.join(runs) or 'nothing'} does")
    for pair in itertools.combinations(runs, 2):
        try:
            _Pair(state, begun.spec, pair, runs).compare()
        except MissingDependencyError:
            raise
        except Exception as error:
            reason = f"the check itself broke: {cause_of(error)}"
            state.recorder.add_failed("training", pair, "float64", reason, always=True)


def _why_not(state: State) -> str:
    """Return why training is not compared at all, or an empty text."""
    if untrained := untrained_parameters(state.graph):
        state.recorder.note(
            f"{', '.join(untrained)}: no output has a gradient by them, so that nothing trains them"
        )
    return why_untrained(state.graph)


def _leave_out(state: State, reason: str) -> None:
    """Say that neither gradients nor training are compared."""
    names = tuple(engine.name for engine in state.trainers)
    state.recorder.leave_out("gradient", names, reason)
    state.recorder.leave_out("training", names, reason)


def _note_what_is_compared(state: State, spec: Spec) -> None:
    """Note in what the trained network is another than the spec's, and what is not compared."""
    graph = state.graph
    training = spec.model.training
    if is_composed(spec.model) and training is not None:
        untrained = set(graph.outputs) - set(trained_outputs(training, graph.outputs))
        if untrained:
            state.recorder.note(f"{', '.join(sorted(untrained))}: no loss takes this output")
    elif len(graph.outputs) != 1:
        (output,) = spec.graph.outputs
        of = (
            f"{output}, which alone holds floats"
            if output in graph.outputs
            else "the lengths of all that hold floats"
        )
        state.recorder.note(
            f"the network has several outputs: gradients and training are those of {of}"
        )
    if silent := silenced(graph, spec.graph):
        names = ", ".join(path for path, _ in silent)
        reason = f"with {names} at work: it is compared with dropout off, because {WHY_SILENT}"
        if any(isinstance(layer, Recurrent | Bidirectional) for _, layer in silent):
            reason += "; recurrent layers run as they do with it, but drop nothing"
        _leave_out(state, reason)
    if left_out := uncompared(graph):
        reason = f"{', '.join(sorted(left_out))}: not compared after training, because "
        names = ", ".join(engine.name for engine in state.trainers)
        state.recorder.leave_out("training", (names,), reason + WHY_UNCOMPARED)


def _require_frozen(state: State, spec: Spec, runs: Mapping[str, TrainedRun]) -> None:
    """See that training gives no gradient of what is frozen, and changes nothing of it."""
    frozen = [name for name, parameter in spec.graph.parameters() if parameter.is_frozen]
    if not frozen or not runs:
        return
    weights = state.weights
    findings = {
        engine: [
            f"{name}, which is frozen, has a gradient" for name in frozen if name in run.gradients
        ]
        + [
            f"{name}, which is frozen, is changed by training"
            for name in frozen
            if not np.array_equal(run.weights[name], weights[name])
        ]
        for engine, run in runs.items()
    }
    recorder = state.recorder
    recorder.add_findings("training", "float64", "the spec, of what is frozen", findings)


def _finished(state: State, begun: TrainingRuns) -> dict[str, TrainedRun]:
    """Return by engine the runs that do not fail."""
    runs: dict[str, TrainedRun] = {}
    for engine in state.trainers:
        state.progress(f"training {engine.name} for {state.settings.steps} steps")
        run = state.recorder.attempt(
            begun.calls[engine.name], kind="training", label=engine.name, when="in training"
        )
        if run is not None:
            runs[engine.name] = run
            for note in run.notes:
                state.recorder.note(note)
    return runs


@dataclass(frozen=True)
class _Pair:
    """Two sources that have trained the same network, of all that have."""

    state: State
    spec: Spec
    names: tuple[str, str]
    runs: Mapping[str, TrainedRun]

    def compare(self) -> None:
        """Add the gradient and the training check, and that of gradients where functions bend."""
        compared = Comparison(self.spec.graph, *(self.runs[name] for name in self.names))
        (exact, after_steps), effort = self._tolerances(compared)
        recorder = self.state.recorder
        kinds: tuple[Kind, ...] = ("gradient", "training")
        for kind in kinds:
            if names := compared.unknown[kind]:
                reason = f"{', '.join(names)}: what is not finite with either is not compared"
                recorder.leave_out(kind, self.names, reason)
        recorder.leave_free("gradient", self.names, compared.gradients, exact.of)
        recorder.leave_free("training", self.names, compared.weights, after_steps.of)
        for reason in compared.unsettled.values():
            recorder.leave_out("training", self.names, reason)
        steps = self.state.settings.steps
        leave_near(recorder, "gradient", self.names, compared.gradients, exact, effort)
        leave_near(
            recorder, "training", self.names, compared.weights, after_steps, effort, steps=steps
        )
        blame_gradient = partial(self._blame_gradient, compared, exact)
        if compared.gradients:
            worst = exact.worst(compared.gradients)
            recorder.add("gradient", self.names, "float64", *worst, blame=blame_gradient)
        if compared.weights:
            worst = after_steps.worst(compared.weights)
            blame = blame_gradient
            if not exact.exceeded(compared.gradients):
                blame = partial(compared.blame_training, after_steps, exact)
            recorder.add("training", self.names, "float64", *worst, blame=blame)
        if is_smooth(self.state, self.spec):
            recorder.leave_out("range", self.names, WHY_SMOOTH)
            return
        inspected = {name: run.inspected.kinked for name, run in self.runs.items()}
        compare_kinked(self.state, self.spec, self.names, exact.least, inspected)

    def _tolerances(self, compared: Comparison) -> tuple[Both, Effort]:
        """Return the tolerances, measured where something exceeds the least, by which effort.

        To measure it takes several runs.
        """
        state = self.state
        rounding = sum(
            state.source(name).rounding(state.graph, of_gradient=True) for name in self.names
        )
        extra = state.tolerances.amplified(rounding)
        both = Tolerance(EXACT + extra), Tolerance(TRAINED + extra * state.settings.steps)
        # Each by itself: where one gives an exact 0, the other may give rounding, whose sign some
        # optimizers take for a gradient.
        for name in self.names:
            if _exceeded(compared, both):
                both = self._widened_by_rounding(both, rounding, name)
        effort = Effort(PROBES, state.settings.steps)
        if _exceeded(compared, both):
            cost = Cost.of(self.spec.graph, state.batch, state.axes)
            effort = cost.of_training(state.settings.steps)
            if effort.draws:
                both = self._widened_by_layers(both, effort)
        return both, effort

    def _widened_by_rounding(self, least: Both, rounding: float, name: str) -> Both:
        """Return the tolerances with what rounding of parameters adds to a source's training."""
        state, spec = self.state, self.spec
        state.progress(f"how far rounding moves what {name} trains")
        moved = moved_by_rounding(
            spec.graph,
            state.tolerances.amplification,
            rounding,
            self.runs[name],
            lambda weights: trained(state, state.source(name), spec, weights),
        )
        of_constants = f", by {rounding:.1e} in constants held in float32," if rounding else ""
        return self._widened(least, moved, f"rounding alone{of_constants}")

    def _widened_by_layers(self, least: Both, effort: Effort) -> Both:
        """Return the tolerances with what rounding within layers adds to them."""
        state, spec, name = self.state, self.spec, self.names[0]
        state.progress(f"how far rounding within layers moves what {name} trains")
        try:
            moved = moved_within(state, state.source(name), spec, self.runs[name], effort)
        except Exception as error:
            state.recorder.note(
                f"rounding within layers could not be measured in training: {cause_of(error)}"
            )
            return least
        return self._widened(least, moved, "rounding within layers and their derivatives")

    def _widened(self, least: Both, moved: Moved, why: str) -> Both:
        """Return wider tolerances, and name what is so measured."""
        exact, after_steps = (
            tolerance.widened(by) for tolerance, by in zip(least, moved, strict=True)
        )
        noisy = [each for each in moved[0] if exact.of(each) > 2 * least[0].of(each)]
        noisy += [each for each in moved[1] if after_steps.of(each) > 2 * least[1].of(each)]
        if noisy:
            self.state.recorder.note(
                f"{', '.join(dict.fromkeys(noisy))}: {why} moves the gradient or what training "
                "makes of it, so that the tolerance is measured"
            )
        return exact, after_steps

    def _blame_gradient(self, compared: Comparison, exact: Tolerance) -> tuple[str | None, str]:
        """Return the last layer whose gradient differs alone, or what else there is to say."""
        if LOSS in exact.exceeded(compared.gradients) and self._gives_the_same:
            losses = " and ".join(
                f"{self.runs[name].losses[0]:.6g} in {name}" for name in self.names
            )
            return None, f"the network gives the same, and the loss is {losses}."
        if self._wrong_alone is not None:
            return self._wrong_alone, "alone its gradient differs."
        return compared.blame_gradient(exact)

    @cached_property
    def _gives_the_same(self) -> bool:
        """Whether the outputs agree, and are in training what they are at inference."""
        layers = [at.node.layer for at in self.spec.graph.walk()]
        if any(layer.is_random or isinstance(layer, BatchNormalization) for layer in layers):
            return False
        checks = self.state.recorder.report.checks
        passed = [
            each.passed
            for each in checks
            if each.kind == "forward" and set(each.pair) == set(self.names)
        ]
        return bool(passed) and all(passed)

    @cached_property
    def _wrong_alone(self) -> str | None:
        return wrong_alone(self.state, self.spec, self.names, self.state.weights)


def _exceeded(compared: Comparison, both: Both) -> bool:
    exact, after_steps = both
    return bool(exact.exceeded(compared.gradients) or after_steps.exceeded(compared.weights))
