"""How far two faithful computations may lie apart: measured on the network itself.

Rounding in a sum of K terms acts like a relative perturbation of what is summed by about √K·u,
u = 2⁻²⁴ in float32 (Higham and Mary, A New Approach to Probabilistic Rounding Error Analysis,
SIAM J. Sci. Comput. 41, 2019). So the float64 network is run with every parameter and every input
so perturbed, and the tolerance is what that moves its outputs by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from nnspec.graph import Graph
from nnspec.streams import derived_seed

if TYPE_CHECKING:
    from nnspec.backend import Array, Trainable, Weights

UNIT_ROUNDOFF = 2.0**-24
PROBES = 5
SAFETY = 4.0
"""Perturbations are drawn, and a few draws miss the worst direction."""

EXACT = 1e-9
"""Relative, in float64: rounding leaves about 1e-13, a wrong constant 1e-6 or more."""
TRAINED = 1e-7
"""Relative, in float64, after training steps: Adam divides by small numbers."""


def relative_error(given: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """Return the largest difference, relative to the largest expected value of each tensor.

    Anything that is not finite on one side only counts as infinitely wrong.
    """
    return max((tensor_error(given[name], expected[name]) for name in expected), default=0.0)


def tensor_error(given: Array, expected: Array, floor: float = 0.0) -> float:
    """Return max|given - expected| / max(max|expected|, floor)."""
    if given.shape != expected.shape:
        return float("inf")
    if expected.size == 0:
        return 0.0
    first = given.astype(np.float64)
    second = expected.astype(np.float64)
    if not np.array_equal(np.isfinite(first), np.isfinite(second)):
        return float("inf")
    with np.errstate(invalid="ignore"):
        difference = np.where(first == second, 0.0, np.abs(first - second))
    if not np.isfinite(difference).all():
        return float("inf")
    finite = np.abs(second[np.isfinite(second)])
    scale = max(float(finite.max(initial=0.0)), floor)
    largest = float(difference.max())
    if largest == 0.0:
        return 0.0
    return largest / scale if scale > 0 else float("inf")


class Amplification:
    """How much a network amplifies relative perturbations of its parameters and inputs."""

    def __init__(self, graph: Graph, program: Trainable, weights: Weights, seed: int) -> None:
        self.graph = graph
        self.program = program
        self.weights = weights
        self.seed = seed
        self.lengths = {name: max(p.terms or p.fan_in, 1) for name, p in graph.parameters()}

    def float32_tolerance(
        self, inputs: Mapping[str, Array], expected: Mapping[str, Array]
    ) -> float:
        """Return how far rounding in float32 may move the outputs, relative to the largest."""
        longest = max(self.lengths.values(), default=1)
        moved = self._moved(inputs, expected, UNIT_ROUNDOFF, longest)
        return SAFETY * max(moved, UNIT_ROUNDOFF)

    def of_layer_error(
        self, error: float, inputs: Mapping[str, Array], expected: Mapping[str, Array]
    ) -> float:
        """Return how far layers that are each off by the relative `error` may move the outputs."""
        if error == 0:
            return 0.0
        return SAFETY * max(self._moved(inputs, expected, error, None), error)

    def _moved(
        self,
        inputs: Mapping[str, Array],
        expected: Mapping[str, Array],
        unit: float,
        longest: int | None,
    ) -> float:
        worst = 0.0
        for probe in range(PROBES):
            draw = np.random.default_rng(derived_seed("probe", self.seed, probe))
            weights: Weights = {}
            for name, array in self.weights.items():
                length = self.lengths[name] if longest is not None else 1
                weights[name] = _perturbed(array, unit * length**0.5, draw)
            given = {
                name: _perturbed(array, unit * (longest or 1) ** 0.5, draw)
                for name, array in inputs.items()
            }
            self.program.load_weights(weights)
            try:
                moved = self.program.forward(given)
            finally:
                self.program.load_weights(self.weights)
            worst = max(worst, relative_error(moved, expected))
        return worst


def _perturbed(array: Array, size: float, draw: np.random.Generator) -> Array:
    if array.dtype.kind != "f":
        return array
    signs = draw.choice((-1.0, 1.0), size=array.shape)
    return np.asarray(array.astype(np.float64) * (1.0 + size * signs))
