"""The losses and outputs of rows in a network of several losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from nnspec.emit.composed import named_terms
from nnspec.emit.goals import is_named
from nnspec.network.loader import Spec
from nnspec.network.regularization import PENALTY

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from nnspec.backend import Array, Measured, Positions, Target


class Composed(Protocol):
    """A program of several losses, as far as its rows ask it."""

    spec: Spec
    model: Any

    @property
    def training(self) -> ModuleType: ...
    @property
    def trained(self) -> Any: ...
    def precision(self) -> AbstractContextManager[None]: ...
    def named(self, given: Any) -> dict[str, Array]: ...
    def taken(self, inputs: Mapping[str, Array]) -> list[Array]: ...
    def goals(self, target: Target) -> list[Array]: ...
    def penalty(self) -> Any: ...


def composed_loss(
    program: Composed,
    given: Any,
    goals: list[Any],
    output: Any,
    *,
    is_training: bool,
    weights: list[Any],
) -> Any:
    """Return the loss as `fit` of the compiled model has it. weights: of the rows, or none."""
    wanted, counts = goals[0], weights[0] if weights else None
    if is_named(program.spec):
        names = [each.term.output for each in named_terms(program.spec)]
        wanted = dict(zip(names, goals, strict=True))
        counts = None if counts is None else dict.fromkeys(names, counts)
    return program.trained.compute_loss(
        x=given,
        y=wanted,
        y_pred=output,
        sample_weight=counts,
        training=is_training,
    )


Compute = Callable[[list[Any], list[Any]], tuple[list[Any], list[Any]]]
"""(inputs, targets) -> the losses without their weights, with what is added, and the outputs."""


def computation(program: Composed) -> Compute:
    """Return what computes the losses and the outputs of tensors, as at inference, in one pass.

    The last of the losses is what parameters, and what layers have given, add to their sum.
    """
    named = named_terms(program.spec)
    functions = [getattr(program.training, each.function) for each in named]
    taken, given = program.trained.output, list(program.model.outputs)
    taken = [taken[each.term.output] for each in named] if is_named(program.spec) else [taken]
    both = keras.Model(program.model.inputs, [*taken, *given])

    def compute(arrays: list[Any], goals: list[Any]) -> tuple[list[Any], list[Any]]:
        found = both(one_or_all(arrays), training=False)
        scores, outputs = found[: len(taken)], found[len(taken) :]
        targets, weights = goals[: len(functions)], goals[len(functions) :]
        losses = [
            function(target, score, *weights)
            for function, target, score in zip(functions, targets, scores, strict=True)
        ]
        return [*losses, tf.convert_to_tensor(program.penalty())], outputs

    return compute


def measurer(
    program: Composed, compute: Compute, inputs: Mapping[str, Array], target: Target
) -> Callable[[Positions], Measured]:
    """Return what gives each loss and each output, by name, of the rows at given positions."""
    named = named_terms(program.spec)
    arrays, goals = program.taken(inputs), program.goals(target)

    def measure(rows: Positions) -> Measured:
        with program.precision():
            losses, outputs = compute(
                [tf.convert_to_tensor(array[rows]) for array in arrays],
                [tf.convert_to_tensor(goal[rows]) for goal in goals],
            )
            by_output = program.named(outputs)
        found = {
            each.term.output: float(np.asarray(loss))
            for each, loss in zip(named, losses[:-1], strict=True)
        }
        found[PENALTY] = float(np.asarray(losses[-1]))
        return found, by_output

    return measure


def one_or_all(arrays: list[Any]) -> Any:
    """Return the one of a list, or the list, as a model takes and gives them."""
    return arrays if len(arrays) > 1 else arrays[0]
