"""The checks of a verification that train: loss, gradients, and the weights after some steps."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nnspec.errors import MissingDependencyError
from nnspec.language.training_schema import Sgd, Training
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.support.causes import cause_of
from nnspec.verification.engines import SourceEngine
from nnspec.verification.inspected import add_inspected, inspect
from nnspec.verification.kink_checks import compare_kinked, wrong_alone
from nnspec.verification.networks import (
    untrained_parameters,
    with_one_output,
    without_dropout,
)
from nnspec.verification.tolerance import EXACT, TRAINED
from nnspec.verification.trained import (
    WHY_UNCOMPARED,
    Comparison,
    Given,
    Moved,
    Tolerance,
    TrainedRun,
    moved_by_rounding,
    moved_within,
    train_steps,
    uncompared,
)

if TYPE_CHECKING:
    from nnspec.backend import Weights
    from nnspec.verification.report import Kind
    from nnspec.verification.verifier import Verifier

TRAINING_SEED = 100
"""Keeps the batches of these checks apart from the other inputs."""


def compare_training(verifier: Verifier) -> None:
    """Compare loss, gradients and the weights after some steps of every pair of sources."""
    TrainingChecks(verifier).run()


@dataclass(frozen=True)
class TrainingRuns:
    """The network as it is trained, and by engine what trains it."""

    spec: Spec
    calls: Mapping[str, Callable[[], TrainedRun]]


def training_runs(verifier: Verifier) -> TrainingRuns:
    """Return what trains the network in every source, begun at once if that is possible."""
    model, graph = verifier.spec.model, without_dropout(verifier.spec.graph)
    training = model.training
    if len(graph.outputs) != 1:
        training, graph = None, with_one_output(graph)
    training = training or Training(task="regression", optimizer=Sgd())
    spec = Spec(model.model_copy(update={"training": training}), graph, verifier.spec.path)
    weights = verifier.weights
    calls = {
        engine.name: partial(trained, verifier, engine, spec, weights, is_inspected=True)
        for engine in verifier.sources
    }
    return TrainingRuns(spec, verifier.begun(calls))


def trained(
    verifier: Verifier,
    engine: SourceEngine,
    spec: Spec,
    weights: Weights,
    *,
    is_inspected: bool = False,
    given: Given | None = None,
) -> TrainedRun:
    """Return what an engine makes of these weights in training."""
    run = train_steps(
        engine,
        spec,
        weights,
        steps=verifier.steps,
        batch=verifier.batch,
        axes=verifier.axes,
        seed=verifier.seed + TRAINING_SEED,
        rows=verifier.rows,
        inspect=partial(inspect, verifier, spec) if is_inspected else None,
        given=given,
    )
    verifier.free()
    return run


def why_untrained(graph: Graph) -> str:
    """Return why a network is trained by none, or an empty text."""
    trainable = [name for name, parameter in graph.parameters() if parameter.trainable]
    if not trainable:
        return "the network has no parameters to train"
    if len(untrained_parameters(graph)) == len(trainable):
        return "no parameter reaches an output"
    if all(graph.types[name].dtype != "float32" for name in graph.outputs):
        return "no output holds floats"
    return ""


class TrainingChecks:
    """Adds them to a verification's report."""

    def __init__(self, verifier: Verifier) -> None:
        self.verifier = verifier
        self.spec = verifier.spec
        self.report = verifier.report
        self.blamed: dict[tuple[str, str], str | None] = {}

    def run(self) -> None:
        """Compare loss, gradients and the weights after some steps, in float64, dropout off."""
        reason = self.why_not()
        if reason:
            self.leave_out(reason)
            return
        able = self.trained_engines()
        if len(able) < 2:
            self.leave_out(f"it takes two sources that train, and here is only {able[0].name}")
        runs_of = self.verifier.training_runs or training_runs(self.verifier)
        spec = runs_of.spec
        if len(self.spec.graph.outputs) != 1:
            (output,) = spec.graph.outputs
            of = (
                f"{output}, which alone holds floats"
                if output in self.spec.graph.outputs
                else "the lengths of all that hold floats"
            )
            self.verifier.note(
                f"the network has several outputs: gradients and training are those of {of}"
            )
        layers = [at.node.layer for at in self.spec.graph.walk()]
        if any(getattr(layer, field) for layer in layers for field in layer.random):
            self.report.notes.append("gradients and training are compared with dropout off")
        left_out = uncompared(self.spec.graph)
        if left_out:
            self.report.notes.append(
                f"{', '.join(sorted(left_out))}: not compared after training, because "
                f"{WHY_UNCOMPARED}"
            )
        runs: dict[str, TrainedRun] = {}
        for engine in self.trained_engines():
            self.verifier.progress(f"training {engine.name} for {self.verifier.steps} steps")
            run = self.verifier.attempt(
                runs_of.calls[engine.name],
                kind="training",
                label=engine.name,
                when="in training",
            )
            if run is not None:
                runs[engine.name] = run
                self.report.notes += run.notes
        add_inspected(self.verifier, spec, {name: run.inspected for name, run in runs.items()})
        if len(runs) < 2 <= len(able):
            self.leave_out("of what should train, only " + (", ".join(runs) or "nothing") + " does")
        for first, second in itertools.combinations(runs, 2):
            try:
                self.compare_runs(spec, (first, second), runs)
            except MissingDependencyError:
                raise
            except Exception as error:
                reason = f"the check itself broke: {cause_of(error)}"
                self.verifier.add_failed("training", (first, second), "float64", reason)

    def why_not(self) -> str:
        """Return why training is not compared at all, or an empty text."""
        if untrained := untrained_parameters(self.spec.graph):
            self.verifier.note(
                f"{', '.join(untrained)}: reach no output, so that nothing trains them"
            )
        if reason := why_untrained(self.spec.graph):
            return reason
        for engine in self.verifier.sources:
            if engine.name not in self.verifier.trains:
                self.report.notes.append(f"{engine.name} runs networks, and trains none")
        return ""

    def trained_engines(self) -> list[SourceEngine]:
        """Return the sources that can be trained."""
        trains = self.verifier.trains
        return [engine for engine in self.verifier.sources if engine.name in trains]

    def leave_out(self, reason: str) -> None:
        """Say that neither gradients nor training are compared."""
        names = tuple(engine.name for engine in self.trained_engines())
        self.verifier.leave_out("gradient", names, reason)
        self.verifier.leave_out("training", names, reason)

    def compare_runs(
        self, spec: Spec, pair: tuple[str, str], runs: Mapping[str, TrainedRun]
    ) -> None:
        """Add the gradient and the training check of two runs."""
        compared = Comparison(spec.graph, *(runs[name] for name in pair))
        rounding = sum(
            engine.rounding(self.spec.graph, of_gradient=True)
            for engine in self.verifier.sources
            if engine.name in pair
        )
        extra = self.verifier.amplified(rounding)
        exact, after_steps = (
            Tolerance(EXACT + extra),
            Tolerance(TRAINED + extra * self.verifier.steps),
        )
        both = exact, after_steps
        if _exceeded(compared, both):
            both = self.measured(spec, pair[0], runs, rounding, both)
        if _exceeded(compared, both):
            both = self.conditioned(spec, pair[0], runs, both)
        exact, after_steps = both
        kinds: tuple[Kind, ...] = ("gradient", "training")
        for kind in kinds:
            if names := compared.unknown[kind]:
                reason = f"{', '.join(names)}: what is not finite with either is not compared"
                self.verifier.leave_out(kind, pair, reason)
        self.verifier.leave_free("gradient", pair, compared.gradients, exact.of)
        self.verifier.leave_free("training", pair, compared.weights, after_steps.of)
        if compared.gradients:
            self.verifier.add(
                "gradient",
                pair,
                "float64",
                *exact.worst(compared.gradients),
                blame=lambda: self.blame_gradient(spec, pair, compared.blame_gradient(exact)),
            )
        if compared.weights:
            self.verifier.add(
                "training",
                pair,
                "float64",
                *after_steps.worst(compared.weights),
                blame=lambda: (
                    self.blame_gradient(spec, pair, compared.blame_gradient(exact))
                    if exact.exceeded(compared.gradients)
                    else compared.blame_training(after_steps, exact)
                ),
            )
        inspected = {name: run.inspected.kinked for name, run in runs.items()}
        compare_kinked(self.verifier, spec, pair, exact.least, inspected)

    def blame_gradient(
        self, spec: Spec, pair: tuple[str, str], otherwise: tuple[str | None, str]
    ) -> tuple[str | None, str]:
        """Return the last layer whose gradient differs alone, or what else there is to say."""
        if pair in self.blamed:
            layer = self.blamed[pair]
        else:
            layer = self.blamed[pair] = wrong_alone(
                self.verifier, spec, pair, self.verifier.weights
            )
        return (layer, "alone its gradient differs.") if layer is not None else otherwise

    def measured(
        self,
        spec: Spec,
        name: str,
        runs: Mapping[str, TrainedRun],
        rounding: float,
        least: tuple[Tolerance, Tolerance],
    ) -> tuple[Tolerance, Tolerance]:
        """Return the tolerances of gradients and trained weights with what rounding adds to them.

        It takes several runs, and so is measured only where something exceeds the least.
        """
        (engine,) = (engine for engine in self.verifier.sources if engine.name == name)
        self.verifier.progress(f"how far rounding moves what {name} trains")
        moved = moved_by_rounding(
            spec.graph,
            self.verifier.amplification,
            rounding,
            runs[name],
            lambda weights: trained(self.verifier, engine, spec, weights),
        )
        of_constants = f", by {rounding:.1e} in constants held in float32," if rounding else ""
        return self.widened(least, moved, f"rounding alone{of_constants}")

    def conditioned(
        self,
        spec: Spec,
        name: str,
        runs: Mapping[str, TrainedRun],
        least: tuple[Tolerance, Tolerance],
    ) -> tuple[Tolerance, Tolerance]:
        """Return the tolerances with what rounding within layers adds to them."""
        (engine,) = (engine for engine in self.verifier.sources if engine.name == name)
        self.verifier.progress(f"how far rounding within layers moves what {name} trains")
        weights = self.verifier.weights
        try:
            moved = moved_within(
                engine,
                spec,
                weights,
                self.verifier.amplification,
                runs[name],
                lambda given: trained(self.verifier, engine, spec, weights, given=given),
            )
        except Exception as error:
            self.verifier.note(
                f"rounding within layers could not be measured in training: {cause_of(error)}"
            )
            return least
        return self.widened(least, moved, "rounding within layers and their derivatives")

    def widened(
        self, least: tuple[Tolerance, Tolerance], moved: Moved, why: str
    ) -> tuple[Tolerance, Tolerance]:
        """Return wider tolerances, and name what is so measured."""
        exact, after_steps = (
            tolerance.widened(by) for tolerance, by in zip(least, moved, strict=True)
        )
        noisy = [each for each in moved[0] if exact.of(each) > 2 * least[0].of(each)]
        noisy += [each for each in moved[1] if after_steps.of(each) > 2 * least[1].of(each)]
        if noisy:
            self.verifier.note(
                f"{', '.join(dict.fromkeys(noisy))}: {why} moves the gradient or what training "
                "makes of it, so that the tolerance is measured"
            )
        return exact, after_steps


def _exceeded(compared: Comparison, both: tuple[Tolerance, Tolerance]) -> bool:
    exact, after_steps = both
    return bool(exact.exceeded(compared.gradients) or after_steps.exceeded(compared.weights))
