"""Training runs of every source: the same steps, from the same weights, on the same batches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nnspec.backend import refused_training
from nnspec.language.objectives import is_composed
from nnspec.language.optimizers.sgd import Sgd
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.verification.engines import SourceEngine
from nnspec.verification.inspected import inspect
from nnspec.verification.networks import untrained_parameters, with_one_output
from nnspec.verification.noise import with_noise
from nnspec.verification.trained import GradientsOf, TrainedRun, train_steps

if TYPE_CHECKING:
    from nnspec.backend import Weights
    from nnspec.verification.state import State


@dataclass(frozen=True)
class TrainingRuns:
    """The network as it is trained, and by engine what trains it."""

    spec: Spec
    calls: Mapping[str, Callable[[], TrainedRun]]


def begin_training(state: State) -> None:
    """Begin the runs, unless the network is trained by none, or no level asks for them."""
    if state.settings.trains and not why_untrained(state.graph):
        state.once(training_runs)


def training_runs(state: State) -> TrainingRuns:
    """Return the training of the network in every source, begun at once if that is possible."""
    spec = trained_spec(state)
    calls = {
        engine.name: partial(trained, state, engine, spec, state.weights, is_inspected=True)
        for engine in state.sources
        if not refused_training(engine.backend, spec)
    }
    return TrainingRuns(spec, state.begun(calls))


def trained_spec(state: State) -> Spec:
    """Return the spec as it is trained: by a loss in any case.

    A network of several outputs that have no losses has one in their place. Without the randomness
    of layers that cannot be given the same numbers in every source.
    """
    graph = with_noise(state.graph, (engine.backend for engine in state.sources))
    model = state.spec.model
    training = model.training
    if len(graph.outputs) != 1 and not is_composed(model):
        training, graph = None, with_one_output(graph)
    training = training or Training(task="regression", optimizer=Sgd())
    return Spec(model.model_copy(update={"training": training}), graph, state.spec.path)


def trained(
    state: State,
    engine: SourceEngine,
    spec: Spec,
    weights: Weights,
    *,
    is_inspected: bool = False,
    gradients_of: GradientsOf | None = None,
) -> TrainedRun:
    """Return the training of an engine from these weights."""
    state.alone(engine)
    run = train_steps(
        state,
        engine,
        spec,
        weights,
        inspect=partial(inspect, state, spec) if is_inspected else None,
        gradients_of=gradients_of,
    )
    state.free()
    return run


def why_untrained(graph: Graph) -> str:
    """Return why a network is trained by none, or an empty text."""
    trainable = [name for name, parameter in graph.parameters() if parameter.learns]
    if not trainable:
        return "the network has no parameters to train"
    if len(untrained_parameters(graph)) == len(trainable):
        return "no output has a gradient by a parameter"
    if all(graph.types[name].dtype != "float32" for name in graph.outputs):
        return "no output holds floats"
    return ""
