"""The average of a generator's weights, held to its formula step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.versus import Versus, of_models
from nnspec.network.networks import Networks
from nnspec.verification.tolerance import tensor_error
from nnspec.weights.averages import AVERAGE, averaged

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

_EXACT = 1e-12


class Averages:
    """Follows the average that a training keeps; without one it follows nothing."""

    def __init__(self, networks: Networks) -> None:
        training = networks.training
        self._model = training.generator.model
        self._record = training.generator.average
        self._batches = training.generator.accumulate
        graph = networks.generator.graph
        self._names = [name for name, _ in averaged(graph)] if self._record else []
        self._expected: dict[str, Array] = {}
        self._taken = 0

    def follow(self, program: Versus) -> None:
        """Take note of the weights after a batch of the generator's."""
        self._taken += 1
        if self._record is None or self._taken % self._batches:
            return
        share = self._record.share(self._taken // self._batches)
        weights = of_models(program.weights(), self._model)
        for name in self._names:
            before = self._expected.get(name, 0.0)
            self._expected[name] = before + share * (weights[name] - before)

    def kept(self, program: Versus) -> Weights:
        """Return the averages that the program keeps."""
        state = of_models(program.optimizer_state(), "generator")
        return {name: state[AVERAGE + name] for name in self._names}

    def broken(self, program: Versus) -> list[str]:
        """Return what is not by the formula, in words: averages, or weights that are kept."""
        if self._record is None or not self._record.has_begun(self._taken // self._batches):
            return []
        kept, deployed = self.kept(program), of_models(program.deployed_weights(), self._model)
        found = []
        for name, expected in self._expected.items():
            if tensor_error(kept[name], expected, 1e-3) > _EXACT:
                found.append(f"the average of {name} is not that of the weights of its steps")
            elif not np.array_equal(deployed[name], kept[name]):
                found.append(f"what is kept of {name} is not its average")
        return found
