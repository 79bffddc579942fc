"""The memory of a training between its steps, by neutral names.

The state of the optimizer, the batches that wait for a step, and the averages of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.weights.averages import without_averages
from nnspec.weights.waiting import without_waiting
from nnspec_keras.accumulation import wait_again, waiting
from nnspec_keras.average_state import averages_of, load_averages, standing_in
from nnspec_keras.optimizer_state import Held, load_state, state_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


class TrainingState:
    """The memory of a training of a model."""

    def __init__(
        self,
        graph: Graph,
        training: Training,
        optimizer: Any,
        trained: Sequence[Any],
        held: Held,
        rest: Weights,
    ) -> None:
        """trained: the variables that the optimizer moves; rest: the weights that none holds."""
        self._graph = graph
        self._training = training
        self._optimizer = optimizer
        self._moved = optimizer, trained, held
        self._rest = rest

    def arrays(self) -> Weights:
        """Return it all."""
        graph, training = self._graph, self._training
        state = state_of(graph, training.optimizer, *self._moved, self._rest)
        if training.accumulate > 1:
            state |= waiting(graph, *self._moved)
        if training.average is not None:
            state |= averages_of(graph, training.average, *self._moved, self._rest)
        return state

    def load(self, state: Mapping[str, Array]) -> None:
        """Set what `arrays` of any backend gave; raises WeightsError for else."""
        graph, training = self._graph, self._training
        averages: Mapping[str, Array] = {}
        if training.average is not None:
            averages, state = without_averages(graph, state)
        if training.accumulate > 1:
            whole, state = state, without_waiting(graph, training.accumulate, state)
            wait_again(graph, *self._moved, whole)
        load_state(graph, training.optimizer, *self._moved, state)
        if training.average is not None:
            load_averages(training.average, *self._moved, averages)

    def averaged(self) -> AbstractContextManager[None]:
        """Let the averages stand for the weights, once there are any."""
        return standing_in(self._optimizer) if self._training.keeps_average else nullcontext()
