"""Runs and trains what the toy wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnspec.backend import Array, Weights
from nnspec.emit.loading import load_source
from nnspec.network.loader import Spec
from nnspec.weights.canonical import check_weights, initial_weights


class ToyProgram:
    """The functions of the emitted source, and the weights that they are called with."""

    def __init__(
        self, spec: Spec, source: str, weights: Mapping[str, Array] | None, dtype: str
    ) -> None:
        self.spec = spec
        self.model: Any = load_source(source, "toy")
        self.dtype = dtype
        self.steps = 0
        self.state: Weights = {}
        training = spec.model.training
        seed = training.seed if training is not None else 0
        self.load_weights(initial_weights(spec.graph, seed) if weights is None else weights)

    def weights(self) -> Weights:
        return {name: array.copy() for name, array in self._weights.items()}

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        check_weights(self.spec.graph, weights)
        self._weights = {name: np.array(array, self.dtype) for name, array in weights.items()}

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        outputs = self.model.network(self._weights, **self._cast(inputs))
        return dict(zip(self.spec.graph.outputs, outputs, strict=True))

    def loss(self, inputs: Mapping[str, Array], target: Array) -> float:
        return self.gradients(inputs, target)[0]

    def gradients(self, inputs: Mapping[str, Array], target: Array) -> tuple[float, Weights]:
        wanted = np.asarray(target).astype(self.dtype)
        loss, gradients = self.model.gradients(self._weights, wanted, **self._cast(inputs))
        return float(loss), dict(gradients)

    def train_step(self, inputs: Mapping[str, Array], target: Array) -> float:
        loss, gradients = self.gradients(inputs, target)
        rate = self.model.learning_rate(self.steps)
        for name, gradient in gradients.items():
            parameter = self._weights[name]
            self._weights[name] = self.model.stepped(parameter, gradient, self.state, name, rate)
        self.steps += 1
        return loss

    def optimizer_state(self) -> Weights:
        state = {f"{name}/square": array for name, array in self.state.items()}
        return {**state, "step": np.array(self.steps)}

    def load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        self.steps = int(state["step"])
        self.state = {
            name.removesuffix("/square"): np.array(array)
            for name, array in state.items()
            if name != "step"
        }

    def reseed(self, seed: int) -> None:
        """Nothing of a toy is random."""

    def _cast(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return {name: np.asarray(array).astype(self.dtype) for name, array in inputs.items()}
