"""Measures each layer in training: its gradient, its steps, its values and its dead units.

All is asked of the programs themselves, between epochs, so that every backend answers alike and the
run ends with the weights that it has without.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.backend import Backend, Options, Program, Trainable
from nnspec.data.dataset import Dataset, Part
from nnspec.errors import NnspecError
from nnspec.layers.base import Parameter, spatial_axes
from nnspec.network.loader import Spec
from nnspec.network.opened import all_values, as_spec, flat
from nnspec.training.epoch import OnStep

Array = NDArray[Any]

ROWS = 256
"""Of the training rows: as many are looked at, drawn evenly."""
MOST_NUMBERS = 2**25
"""As many numbers as all layers together may give for these rows."""
ENDING_IN_ZERO = frozenset({"relu", "relu6", "threshold", "hard_shrink"})
"""Activations that give exactly 0 to part of what they take, and no gradient there."""


@dataclass(frozen=True)
class LayerState:
    """Measures of one layer at one time; None where it has none of them.

    gradient, weight: lengths of its parameters' gradient, and of themselves. usual: length of
    parameters that keep the variance of what the layer takes. update: length of an optimizer step
    by that of the weights. mean, deviation, size: of what it gives, size the root of the mean
    square. dead: share of its units that give 0 for every row.
    """

    gradient: float | None = None
    weight: float | None = None
    update: float | None = None
    mean: float | None = None
    deviation: float | None = None
    size: float | None = None
    dead: float | None = None
    usual: float | None = None

    def as_json(self) -> dict[str, float | None]:
        """Return the measures that there are; what is not finite is a null."""
        return {
            name: value if math.isfinite(value) else None
            for name, value in self.__dict__.items()
            if value is not None
        }

    @property
    def is_finite(self) -> bool:
        """Whether all of them are."""
        return all(math.isfinite(value) for value in self.__dict__.values() if value is not None)


@dataclass(frozen=True)
class Snapshot:
    """The layers by path, in the order of the network, before an epoch; the last after the run.

    given: the root of the mean square of the network's inputs.
    """

    epoch: int
    layers: dict[str, LayerState]
    given: float


@dataclass
class Recorder:
    """Records the layers of a program that is trained."""

    spec: Spec
    program: Trainable
    rows: Part
    opened: Program | None
    snapshots: list[Snapshot] = field(default_factory=list)

    def __post_init__(self) -> None:
        walked = {at.path: at for at in self.spec.graph.walk()}
        self.layers = {path: at.node.layer for path, at in walked.items()}
        self.outputs = {path: flat(at.path) for path, at in walked.items()}
        self.usual = {path: usual_length(at.parameters()) for path, at in walked.items()}
        self.learning = {
            path: [f"{path}.{parameter.name}" for parameter in at.parameters() if parameter.learns]
            for path, at in walked.items()
        }

    def watched(self, number: int, on_step: OnStep | None) -> OnStep:
        """Record the layers before an epoch; return what takes its first optimizer step in."""
        self.record(number)
        training = self.spec.model.training
        assert training is not None
        before = self.program.weights()
        waits = training.accumulate

        def step(epoch: int, number: int, steps: int, loss: float) -> None:
            nonlocal waits
            waits -= 1
            if waits == 0:
                self._take_in(before)
            if on_step is not None:
                on_step(epoch, number, steps, loss)

        return step

    def record(self, number: int) -> None:
        """Record the layers as they are."""
        with np.errstate(all="ignore"):
            self.snapshots.append(self._snapshot(number))

    def _snapshot(self, number: int) -> Snapshot:
        _, gradients = self.program.gradients(self.rows.inputs, self.rows.goal)
        weights = self.program.weights()
        values = self._values(weights)
        layers = {}
        for path, names in self.learning.items():
            known = [name for name in names if name in gradients]
            gradient = _length(gradients[name] for name in known) if known else None
            weight = _length(weights[name] for name in known) if known else None
            value = values.get(self.outputs[path])
            usual = self.usual[path] if known else None
            layers[path] = LayerState(gradient, weight, None, *self._of_value(path, value), usual)
        floats = [
            np.asarray(array, np.float64).reshape(-1)
            for array in self.rows.inputs.values()
            if np.asarray(array).dtype.kind == "f"
        ]
        given = float(np.sqrt(np.mean(np.square(np.concatenate(floats))))) if floats else 1.0
        return Snapshot(number, layers, given)

    def _values(self, weights: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return the value of every layer, none where the opened network cannot be run."""
        if self.opened is None:
            return {}
        names = {
            f"{at.path}.{parameter.name}": f"{flat(at.path)}.{parameter.name}"
            for at in self.spec.graph.walk()
            for parameter in at.parameters()
        }
        try:
            self.opened.load_weights(  # type: ignore[attr-defined]
                {names[name]: array for name, array in weights.items()}
            )
            return self.opened.forward(self.rows.inputs)
        except NnspecError:
            return {}  # weights that are not finite are refused

    def _of_value(
        self, path: str, value: Array | None
    ) -> tuple[float | None, float | None, float | None, float | None]:
        if value is None or value.dtype.kind != "f" or not value.size:
            return None, None, None, None
        wide = value.astype(np.float64)
        size = float(np.sqrt(np.mean(np.square(wide))))
        return float(wide.mean()), float(wide.std()), size, self._dead(path, value)

    def _dead(self, path: str, value: Array) -> float | None:
        layer = self.layers[path]
        activation = layer.output_activation
        kind = activation.type if activation is not None else layer.type
        if kind not in ENDING_IN_ZERO:
            return None
        # A unit of an image is a channel.
        spatial = spatial_axes(value.ndim - 1, self.spec.graph.data_format)
        axes = (0, *(axis + 1 for axis in spatial))
        return float(np.mean((value == 0).all(axis=axes)))

    def _take_in(self, before: Mapping[str, Array]) -> None:
        """Put the step from these weights into the last snapshot."""
        after = self.program.weights()
        last = self.snapshots[-1]
        for path, state in last.layers.items():
            if not state.weight:
                continue
            moved = (after[name].astype(np.float64) - before[name] for name in self.learning[path])
            with np.errstate(all="ignore"):
                update = _length(moved) / state.weight
            last.layers[path] = LayerState(**{**state.__dict__, "update": update})


def recorder_of(
    spec: Spec, backend: Backend, program: Trainable, data: Dataset, weights: Mapping[str, Array]
) -> Recorder:
    """Return what records the layers of a program; weights: any that fit the network."""
    graph = all_values(spec.graph)
    numbers = sum(
        math.prod(size if isinstance(size, int) else 64 for size in graph.types[name].shape)
        for name in graph.outputs
    )
    count = max(2, min(ROWS, len(data.train), MOST_NUMBERS // max(numbers, 1)))
    count = min(count, len(data.train))
    chosen = np.linspace(0, len(data.train) - 1, count).astype(np.intp)
    renamed = {
        f"{flat(at.path)}.{parameter.name}": weights[f"{at.path}.{parameter.name}"]
        for at in spec.graph.walk()
        for parameter in at.parameters()
    }
    opened: Program | None
    try:
        opened = backend.compile(as_spec(spec, graph, is_trained=False), Options()).build(renamed)
    except NnspecError:
        opened = None
    return Recorder(spec, program, data.train.take(chosen), opened)


def usual_length(parameters: Iterable[Parameter]) -> float:
    """Return the length of parameters whose sums have the variance of what they are over.

    Each element of a kernel is then about 1 / √fan_in; a layer of scales alone has 1 for each.
    """
    learning = [each for each in parameters if each.learns]
    kernels = [each for each in learning if len(each.shape) > 1] or learning
    return math.sqrt(
        sum(math.prod(each.shape) / (each.fan_in if len(each.shape) > 1 else 1) for each in kernels)
    )


def _length(arrays: Any) -> float:
    return math.sqrt(sum(float(np.sum(np.square(each.astype(np.float64)))) for each in arrays))
