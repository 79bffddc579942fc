"""The movement of gradients and trained weights by rounding, measured by training again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.verification.comparison import Comparison
from nnspec.verification.effort import Effort
from nnspec.verification.engines import SourceEngine
from nnspec.verification.noise import noise_seed
from nnspec.verification.slope_conditioning import SlopeConditioning
from nnspec.verification.tolerance import DOUBLE_ROUNDOFF, Amplification
from nnspec.verification.trained import GradientsOf, TrainedRun, batch_of
from nnspec.verification.training_runs import trained

if TYPE_CHECKING:
    from nnspec.backend import Array, Target, Weights
    from nnspec.verification.state import State

Moved = tuple[dict[str, float], dict[str, float]]
"""The movement of each gradient, and of each trained weight."""


def moved_by_rounding(
    graph: Graph,
    amplification: Amplification,
    rounding: float,
    run: TrainedRun,
    train: Callable[[Weights], TrainedRun],
) -> Moved:
    """Return the movement of gradients and trained weights by rounding.

    The run is repeated with weights that are off by what rounding in double precision amounts to,
    or by `rounding`, if there is any: the relative error of constants that a framework holds in
    float32.
    """
    unit = rounding or DOUBLE_ROUNDOFF
    return _furthest(
        graph,
        run,
        (
            train(amplification.changed(unit, draw, by_length=not rounding))
            for draw in amplification.draws()
        ),
    )


def moved_within(
    state: State, engine: SourceEngine, spec: Spec, run: TrainedRun, effort: Effort
) -> Moved:
    """Return their movement by rounding within layers and within their derivatives.

    effort: with fewer steps than the run has, gradients alone are measured.
    """
    network = SlopeConditioning(engine, spec, state.weights)

    def noisy_gradients(draw: np.random.Generator) -> GradientsOf:
        return lambda at, inputs, target, noise: network.moved(
            network.at(at, inputs, target, noise), draw
        )

    def exact_gradients(
        at: Weights, inputs: Mapping[str, Array], target: Target, noise: int
    ) -> tuple[float, Weights]:
        return network.exact(network.at(at, inputs, target, noise))

    def repeated(gradients_of: GradientsOf) -> TrainedRun:
        if effort.steps == state.settings.steps:
            return trained(state, engine, spec, state.weights, gradients_of=gradients_of)
        loss, gradients = gradients_of(
            state.weights, *batch_of(state, spec, 0), noise_seed(state, 0)
        )
        return replace(run, gradients=gradients, losses=[loss, *run.losses[1:]])

    draws = islice(state.tolerances.amplification.draws(), effort.draws)
    # Where formulas of the spec stand in for the source's, a source that has others moves by no
    # rounding: what moves is measured from the same formulas without any.
    start = repeated(exact_gradients) if network.penalised else run
    return _furthest(spec.graph, start, map(repeated, map(noisy_gradients, draws)))


def _furthest(graph: Graph, run: TrainedRun, others: Iterable[TrainedRun]) -> Moved:
    gradients: dict[str, float] = {}
    weights: dict[str, float] = {}
    for other in others:
        compared = Comparison(graph, run, other)
        for moved, errors in ((gradients, compared.gradients), (weights, compared.weights)):
            for name, error in errors.items():
                moved[name] = max(moved.get(name, 0.0), error)
    return gradients, weights
