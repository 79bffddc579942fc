"""Steps and measurements of rows that are held, as graphs of TensorFlow.

Step by step a network runs as Python calls it, at many times what its operators take. A graph is
made once, in about a second, so that few batches are run step by step. Which it is depends on the
number of batches in an epoch alone, and not on how many epochs are to come: a resumed run takes
the same path, to the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from nnspec.backend import Trainable
from nnspec.language.objectives import is_composed
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec_keras.composed_rows import computation, measurer, one_or_all
from nnspec_keras.noise import Request

if TYPE_CHECKING:
    from nnspec.backend import Array, Measured, Positions, Target

WORTH_A_GRAPH = 8
"""Batches in an epoch from which on a graph pays."""


class Trained(Trainable, Protocol):
    """A program that is trained, as far as its rows ask it."""

    graph: Graph

    spec: Spec

    @property
    def compiles(self) -> bool: ...
    @property
    def training(self) -> ModuleType: ...
    @property
    def trained(self) -> Any: ...
    @property
    def optimizer(self) -> Any: ...
    def precision(self) -> AbstractContextManager[None]: ...
    def drawing(self, handed: Iterable[Any] = ()) -> AbstractContextManager[None]: ...
    def requests(self, step: Callable[[], object]) -> list[Request]: ...
    def taken(self, inputs: Mapping[str, Array]) -> list[Array]: ...
    def named(self, given: Any) -> dict[str, Array]: ...
    def goals(self, target: Target) -> list[Array]: ...
    def penalty(self) -> Any: ...
    def loss_of(self, given: Any, goals: list[Any], *, is_training: bool) -> Any: ...
    def declared_axes(self, tensor: Any, output: str) -> Any: ...


class Rows:
    """Takes rows of a program that is trained."""

    def __init__(self, program: Trained) -> None:
        self._program = program
        self._is_graph = False
        self._requests: list[Request] | None = None
        """The draws of a step, if they are known beforehand: else it asks while it runs."""

    def stepper(
        self, inputs: Mapping[str, Array], target: Target, batches: int
    ) -> Callable[[Positions], float]:
        """Return what takes a step on the rows at given positions: the loss before it."""
        program = self._program
        self._is_graph = batches >= WORTH_A_GRAPH or program.compiles
        if not self._is_graph:

            def step(rows: Positions) -> float:
                return program.train_step(_at(inputs, rows), _of_rows(target, rows))

            return step
        arrays, goals = program.taken(inputs), program.goals(target)
        requests = self._asked(arrays)

        def take(rows: Positions) -> float:
            batch = [array[rows] for array in arrays]
            drawn = _drawn(requests, batch)
            with program.precision():
                return float(self._step(batch, [goal[rows] for goal in goals], drawn))

        return take

    def differentiated(self, inputs: Mapping[str, Array], target: Target) -> tuple[Any, list[Any]]:
        """Return the loss, and its gradient by each trainable variable."""
        program = self._program
        arrays, goals = program.taken(inputs), program.goals(target)
        drawn = _drawn(self._asked(arrays), arrays)
        with program.precision():
            found: tuple[Any, list[Any]] = self._gradients(arrays, goals, drawn)
        return found

    def _asked(self, arrays: list[Any]) -> list[Request]:
        """Return what a step draws, as far as it is known beforehand."""
        program = self._program
        if self._requests is None:
            with program.precision():
                self._requests = program.requests(lambda: self._traced(arrays))
        return self._requests

    def measurer(
        self, inputs: Mapping[str, Array], target: Target, batches: int
    ) -> Callable[[Positions], Measured]:
        """Return what gives the loss and the output of the rows at given positions."""
        program = self._program
        if is_composed(program.spec.model):
            is_graph = self._is_graph or batches >= WORTH_A_GRAPH
            compute = self._graph_of_losses if is_graph else self._losses
            return measurer(program, compute, inputs, target)
        if not self._is_graph and batches < WORTH_A_GRAPH:
            (name,) = program.graph.outputs

            def measured(rows: Positions) -> Measured:
                some = _at(inputs, rows)
                return program.loss(some, _of_rows(target, rows)), program.forward(some)[name]

            return measured
        arrays, goals = program.taken(inputs), program.goals(target)

        def measure(rows: Positions) -> Measured:
            with program.precision():
                batch, wanted = ([array[rows] for array in some] for some in (arrays, goals))
                loss, output = self._measure(batch, wanted)
            return float(loss), np.asarray(output)

        return measure

    def _traced(self, arrays: list[Any]) -> None:
        """Make the graph of the network in training, to see what it draws."""
        program = self._program

        def trained(given: list[Any]) -> Any:
            with program.drawing():
                return program.trained(one_or_all(given), training=True)

        kinds = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays]
        tf.function(trained, autograph=False).get_concrete_function(kinds)

    @cached_property
    def _step(self) -> Any:
        program = self._program
        optimizer, variables = program.optimizer, program.model.trainable_variables

        def step(arrays: list[Any], goals: list[Any], drawn: list[Any]) -> Any:
            with tf.GradientTape() as tape, program.drawing(drawn):
                loss = program.loss_of(one_or_all(arrays), goals, is_training=True)
            apply(optimizer, tape.gradient(loss, variables), variables)
            return loss

        return self._graph_of(step)

    @cached_property
    def _gradients(self) -> Any:
        program = self._program
        variables = program.model.trainable_variables

        def differentiate(arrays: list[Any], goals: list[Any], drawn: list[Any]) -> Any:
            with tf.GradientTape() as tape, program.drawing(drawn):
                loss = program.loss_of(one_or_all(arrays), goals, is_training=True)
            found = tape.gradient(loss, variables, unconnected_gradients="zero")
            return loss, [tf.convert_to_tensor(gradient) for gradient in found]

        return self._graph_of(differentiate)

    def _graph_of(self, function: Callable[..., Any]) -> Any:
        jit = True if self._program.compiles else None
        return tf.function(function, autograph=False, reduce_retracing=True, jit_compile=jit)

    @cached_property
    def _losses(self) -> Any:
        return computation(self._program)

    @cached_property
    def _graph_of_losses(self) -> Any:
        return self._graph_of(self._losses)

    @cached_property
    def _measure(self) -> Any:
        program = self._program
        (name,) = program.graph.outputs
        both = keras.Model(program.model.inputs, [program.trained.output, program.model.output])

        def measure(arrays: list[Any], goals: list[Any]) -> Any:
            scores, output = both(one_or_all(arrays), training=False)
            target, *weights = goals
            given = program.declared_axes(scores, name)
            loss = program.training.loss_function(target, given, *weights) + program.penalty()
            return loss, program.declared_axes(output, name)

        return self._graph_of(measure)


def _drawn(requests: list[Request], batch: list[Any]) -> list[Array]:
    return [draw((len(batch[0]), *shape[1:])) for draw, shape in requests]


def apply(optimizer: Any, gradients: list[Any], variables: list[Any]) -> None:
    """Take a step by what has a gradient: a variable that the loss does not reach has none."""
    pairs = zip(gradients, variables, strict=True)
    found = [(gradient, variable) for gradient, variable in pairs if gradient is not None]
    optimizer.apply(*map(list, zip(*found, strict=True)))


def _at(inputs: Mapping[str, Array], rows: Positions) -> dict[str, Array]:
    return {name: values[rows] for name, values in inputs.items()}


def _of_rows(target: Target, rows: Positions) -> Target:
    return _at(target, rows) if isinstance(target, Mapping) else target[rows]
