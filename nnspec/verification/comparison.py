"""Comparison of two training runs, and the errors that it may find."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers.weighted import DIRECTION, LENGTH, Normalizable, split
from nnspec.network.graph import Graph
from nnspec.network.rules.normalization import dead_biases
from nnspec.verification.tolerance import SAFETY, largest, tensor_error
from nnspec.verification.trained import TrainedRun

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

LOSS = "loss"
"""Stands among the names of parameters, all of which have a dot."""
_GRADIENT_FLOOR = 1e-6
_WEIGHT_FLOOR = 1e-3
"""Of the largest in the network: what is smaller than this in all of a tensor is compared with
this instead of with itself, because it is the difference of larger numbers."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The largest error of each tensor that is none: `least`, and where measured, its rounding."""

    least: float
    moved: Mapping[str, float] = field(default_factory=dict)

    def of(self, name: str) -> float:
        """Return the largest error that is none."""
        return self.least + SAFETY * self.moved.get(name, 0.0)

    def widened(self, moved: Mapping[str, float]) -> Tolerance:
        """Return the tolerance with further movements of the tensors."""
        names = self.moved.keys() | moved.keys()
        further = {name: max(self.moved.get(name, 0.0), moved.get(name, 0.0)) for name in names}
        return Tolerance(self.least, further)

    def exceeded(self, errors: Mapping[str, float]) -> set[str]:
        """Return the tensors that differ by more."""
        return {name for name, error in errors.items() if error > self.of(name)}

    def worst(self, errors: Mapping[str, float]) -> tuple[float, float]:
        """Return the error that uses up most of its tolerance, and that tolerance."""
        name = max(errors, key=lambda name: errors[name] / self.of(name))
        return errors[name], self.of(name)


class Comparison:
    """The errors between two runs: of each gradient, of each trained weight, and of the loss."""

    def __init__(
        self, graph: Graph, first: TrainedRun, second: TrainedRun, *, also: Set[str] = frozenset()
    ) -> None:
        """also: of what rounding moves, as a rule, the names that it has not moved yet."""
        self.layers = {
            f"{at.path}.{parameter.name}": at.path
            for at in graph.walk()
            for parameter in at.parameters()
        }
        self.trainable = set(first.gradients)
        pairs = list(zip(first.losses, second.losses, strict=True))
        errors = [_loss_error(a, b) for a, b in pairs]
        dead = uncompared(graph)
        top = _largest(first.gradients)
        # What changes no output has a gradient of 0: all that it shows is the others' rounding.
        floors = dict.fromkeys(dead, top)
        floor = _GRADIENT_FLOOR * top
        self.gradients = _errors(second.gradients, first.gradients, floor, floors)
        self.gradients[LOSS] = errors[0]
        self.unsettled = {**first.unsettled, **second.unsettled}
        """Statistics that a framework's own formula makes others, by the reason."""
        left_out = {*dead, *self.unsettled} - also
        kept = _Without(first.weights, left_out)
        self.weights = _errors(second.weights, kept, _WEIGHT_FLOOR * _largest(kept))
        self.weights[LOSS] = max(errors)
        self.unknown = {
            "gradient": _unknown(first.gradients, second.gradients, pairs[:1]),
            "training": _unknown(kept, second.weights, pairs),
        }
        """By check, what is finite in neither run, and so is not compared."""
        for kind, compared in (("gradient", self.gradients), ("training", self.weights)):
            for name in self.unknown[kind]:
                compared.pop(name, None)

    def blame_gradient(self, tolerance: Tolerance) -> tuple[str | None, str]:
        """Return the layer nearest to the cause, and what shows it."""
        exceeded = tolerance.exceeded(self.gradients)
        wrong = [name for name in self.layers if name in exceeded]
        # Errors travel backwards: the last layer that has one is the first that got it.
        return (self.layers[wrong[-1]], f"first in {wrong[-1]}.") if wrong else (None, "")

    def blame_training(
        self, tolerance: Tolerance, of_gradients: Tolerance
    ) -> tuple[str | None, str]:
        """Return the layer at fault, or none where it is the optimizer."""
        if of_gradients.exceeded(self.gradients):
            return self.blame_gradient(of_gradients)
        exceeded = tolerance.exceeded(self.weights)
        wrong = [name for name in self.layers if name in exceeded]
        if wrong and not self.trainable.intersection(wrong):
            return self.layers[wrong[0]], f"gradients agree, the statistic {wrong[0]} differs."
        return None, "gradients agree, the optimizer differs."


class _Without(Mapping[str, "Array"]):
    """Tensors but for some, each of which is taken from where they lie when it is asked for."""

    def __init__(self, tensors: Mapping[str, Array], left_out: set[str]) -> None:
        self._tensors = tensors
        self._names = [name for name in tensors if name not in left_out]

    def __getitem__(self, name: str) -> Array:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def kinked_errors(first: tuple[float, Weights], second: tuple[float, Weights]) -> dict[str, float]:
    """Return the error of a loss and of each gradient, relative to the largest of all."""
    top = _largest(first[1])
    errors = {name: tensor_error(second[1][name], array, top) for name, array in first[1].items()}
    scale = max(abs(first[0]), abs(second[0]), 1e-300)
    with np.errstate(invalid="ignore"):
        error = abs(second[0] - first[0]) / scale
    # Of what is finite here and not there no distance is a number.
    errors[LOSS] = float("inf") if np.isnan(error) else error
    return errors


def uncompared(graph: Graph) -> set[str]:
    """Return the parameters whose steps are rounding noise: those that change no output.

    The running mean of a batch normalisation follows such a bias before it.
    """
    names = {
        name
        for layer, norm in dead_biases(graph)
        for name in (f"{layer}.bias", f"{norm}.running_mean")
    }
    for at in graph.walk():
        dead = at.node.layer.dead_parameters(at.input_shapes)
        names.update(f"{at.home}.{name}" for name in dead)
        if isinstance(at.node.layer, Normalizable) and at.node.layer.weight_normalization:
            sizes = {parameter.name: parameter.shape for parameter in at.all_parameters()}
            for name, size in sizes.items():
                weight, part = split(name)
                if part == DIRECTION and sizes[weight + LENGTH] == size:
                    names.add(f"{at.home}.{name}")
    return names


WHY_UNCOMPARED = (
    "a bias before batch normalisation or of an attention's keys, the weight of a normalisation of "
    "single numbers, and the direction of a weight of one number, has a gradient of rounding noise "
    "alone"
)


def _errors(
    actual: Mapping[str, Array],
    expected: Mapping[str, Array],
    floor: float,
    floors: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return the error of each tensor; `floors` are those of tensors with another than `floor`."""
    floors = floors or {}
    return {
        name: tensor_error(actual[name], array, floors.get(name, floor))
        if name in actual
        else float("inf")
        for name, array in expected.items()
    }


def _loss_error(first: float, second: float) -> float:
    if math.isfinite(first) != math.isfinite(second):
        return math.inf
    if first == second or not math.isfinite(first):
        return 0.0
    return abs(second - first) / max(abs(first), abs(second), 1e-300)


def _unknown(
    first: Mapping[str, Array], second: Mapping[str, Array], losses: Sequence[tuple[float, float]]
) -> list[str]:
    """Return the tensors in which what is finite is so alike, and something is not; or the loss."""
    names = []
    for name, array in first.items():
        finite = np.isfinite(array)
        if name in second and not finite.all() and (finite == np.isfinite(second[name])).all():
            names.append(name)
    if any(not math.isfinite(a) and not math.isfinite(b) for a, b in losses):
        names.append(LOSS)
    return names


def _largest(tensors: Mapping[str, Array]) -> float:
    return max(map(largest, tensors.values()), default=0.0)
