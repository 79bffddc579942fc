"""The error between two faithful computations, measured on the network itself.

Rounding in a sum of K terms acts like a relative perturbation of what is summed by about √K·u,
u = 2⁻²⁴ in float32 (Higham and Mary, A New Approach to Probabilistic Rounding Error Analysis,
SIAM J. Sci. Comput. 41, 2019). So the float64 network is run with every parameter and every input
so perturbed, and the tolerance is what that moves its outputs by.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from nnspec.network.graph import Graph
from nnspec.remote.kept import Kept
from nnspec.support.made import Made
from nnspec.support.streams import derived_seed

if TYPE_CHECKING:
    from nnspec.backend import Array, Trainable, Weights

BLOCK = 2**15
"""Numbers of a tensor that are worked on at once: in double precision a quarter of a megabyte."""
UNIT_ROUNDOFF = 2.0**-24
DOUBLE_ROUNDOFF = 2.0**-53
PROBES = 5
SAFETY = 4.0
"""Perturbations are drawn, and a few draws miss the worst direction."""

EXACT = 1e-9
"""Relative, in float64: rounding leaves about 1e-13, a wrong constant 1e-6 or more."""
LOOSE = 1e-3
"""Relative, in float32: what tells a layer or model that is right from one that is not."""
TRAINED = 1e-7
"""Relative, in float64, after training steps: Adam divides by small numbers."""


def relative_error(
    actual: Mapping[str, Array],
    expected: Mapping[str, Array],
    whole: Mapping[str, Array] | None = None,
) -> float:
    """Return the largest difference, relative to the largest expected value of each tensor.

    Anything that is not finite on one side only counts as infinitely wrong, and what is missing.
    So does what is not finite on both, and not the same: -inf, inf, or NaN.
    whole: that of which `expected` is a part; the differences are relative to it.
    """
    floors = {name: largest(array) for name, array in (whole or {}).items()}
    return max(
        (
            tensor_error(actual[name], array, floors.get(name, 0.0))
            if name in actual
            else float("inf")
            for name, array in expected.items()
        ),
        default=0.0,
    )


def not_finite(arrays: Mapping[str, Array]) -> str:
    """Return the counts of numbers by tensor that are not finite, as a text, or an empty one."""
    counts = {name: int(np.sum(~np.isfinite(array))) for name, array in arrays.items()}
    return ", ".join(
        f"{count:,} of the {arrays[name].size:,} numbers of {name}"
        for name, count in counts.items()
        if count
    )


def largest(array: Array) -> float:
    """Return the largest absolute value that is finite."""
    found = 0.0
    for (each,) in _blocks(array):
        highest = float(np.max(np.abs(each)))
        if not math.isfinite(highest):
            return float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))
        found = max(found, highest)
    return found


def tensor_error(actual: Array, expected: Array, floor: float = 0.0) -> float:
    """Return max|actual - expected| / max(max|expected|, floor)."""
    if actual.shape != expected.shape:
        return float("inf")
    if expected.size == 0:
        return 0.0
    if "c" in (actual.dtype.kind, expected.dtype.kind):
        return tensor_error(as_reals(actual), as_reals(expected), floor)
    worst = scale = 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        for first, second in _blocks(actual, expected):
            second = second.astype(np.float64, copy=False)
            difference = np.asarray(first.astype(np.float64, copy=False) - second)
            highest = float(np.max(np.abs(difference, out=difference)))
            if not math.isfinite(highest):  # as what is not finite makes it
                return _error_of_finite(actual, expected, floor)
            worst = max(worst, highest)
            scale = max(scale, float(np.max(np.abs(second, out=difference))))
    return _relative(worst, max(scale, floor))


def as_reals(array: Array) -> Array:
    """Return real and imaginary parts along a last axis: of what is real too, the second 0."""
    return np.stack([array.real, array.imag], axis=-1)


def _blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Yield the numbers of arrays of one shape part by part, each so small that it stays near."""
    flat = [each.reshape(-1) for each in arrays]
    for start in range(0, flat[0].size, BLOCK):
        yield tuple(each[start : start + BLOCK] for each in flat)


def _error_of_finite(actual: Array, expected: Array, floor: float) -> float:
    """Return the same of what is finite on both sides, where the rest is in the same places."""
    first = actual.astype(np.float64, copy=False)
    second = expected.astype(np.float64, copy=False)
    finite = np.isfinite(second)
    if not np.array_equal(first[~finite], second[~finite], equal_nan=True):
        return float("inf")
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.asarray(first - second)
    np.abs(difference, out=difference)
    difference[~finite] = 0.0
    if not np.isfinite(difference).all():
        return float("inf")
    scale = float(np.max(np.abs(second), initial=0.0, where=finite))
    return _relative(float(difference.max()), max(scale, floor))


def _relative(worst: float, scale: float) -> float:
    if worst == 0.0:
        return 0.0
    return worst / scale if scale > 0 else float("inf")


class Amplification:
    """The factor by which a network amplifies perturbations of its parameters and inputs."""

    def __init__(self, graph: Graph, program: Trainable, weights: Weights, seed: int) -> None:
        self.graph = graph
        self.program = program
        self.weights = weights
        self.seed = seed
        self.lengths = {name: max(p.terms or p.fan_in, 1) for name, p in graph.parameters()}
        self.longest = max(self.lengths.values(), default=1)

    def float32_tolerance(
        self, inputs: Mapping[str, Array], expected: Mapping[str, Array]
    ) -> float:
        """Return the error that rounding in float32 explains, relative to the largest output."""
        moved = self._moved(inputs, expected, UNIT_ROUNDOFF, self.longest)
        return SAFETY * max(moved, UNIT_ROUNDOFF)

    def of_layer_error(
        self, error: float, inputs: Mapping[str, Array], expected: Mapping[str, Array]
    ) -> float:
        """Return the error of the outputs where each layer is off by the relative `error`."""
        if error == 0:
            return 0.0
        return SAFETY * max(self._moved(inputs, expected, error, None), error)

    def draws(self) -> Iterator[np.random.Generator]:
        """Yield the generator of each of the perturbations."""
        yield from map(np.random.default_rng, self.seeds())

    def seeds(self) -> list[int]:
        """Return the seeds of the perturbations."""
        return [derived_seed("probe", self.seed, probe) for probe in range(PROBES)]

    def changed(self, unit: float, draw: np.random.Generator, *, by_length: bool) -> Weights:
        """Return the weights, each off by ± `unit`, or by ± `unit` times the root of its length."""
        sizes = {
            name: unit * (self.lengths[name] if by_length else 1) ** 0.5 for name in self.weights
        }
        if isinstance(self.weights, Kept):
            return cast("Weights", Perturbed(self.weights, sizes, int(draw.integers(2**62))))
        return {name: perturbed(array, sizes[name], draw) for name, array in self.weights.items()}

    def _moved(
        self,
        inputs: Mapping[str, Array],
        expected: Mapping[str, Array],
        unit: float,
        longest: int | None,
    ) -> float:
        worst = 0.0
        try:
            for draw in self.draws():
                self.program.load_weights(self.changed(unit, draw, by_length=longest is not None))
                noisy = {
                    name: perturbed(array, unit * (longest or 1) ** 0.5, draw)
                    for name, array in inputs.items()
                }
                worst = max(worst, relative_error(self.program.forward(noisy), expected))
        finally:
            self.program.load_weights(self.weights)
        return worst


@dataclass(frozen=True, eq=False)
class Perturbed(Made):
    """Weights, each off by ± its size: of a large network, computed by whoever asks for them."""

    weights: Mapping[str, Array]
    sizes: Mapping[str, float]
    seed: int

    def __getitem__(self, name: str) -> Array:
        """Return the weight of this name; raises KeyError."""
        draw = np.random.default_rng(derived_seed("perturbed", self.seed, name))
        return perturbed(self.weights[name], self.sizes[name], draw)

    def __iter__(self) -> Iterator[str]:
        return iter(self.weights)

    def __len__(self) -> int:
        return len(self.weights)


def perturbed(array: Array, size: float, draw: np.random.Generator) -> Array:
    """Return floats, each off by ± `size` of itself; anything else as it is."""
    if array.dtype.kind != "f":
        return array
    found = np.empty(array.shape, np.result_type(array, np.float64))
    factors = np.array([1.0 - size, 1.0 + size])
    for result, given in _blocks(found, array):
        signs = np.frombuffer(draw.bytes(-(-given.size // 8)), np.uint8)
        np.multiply(factors[np.unpackbits(signs, count=given.size)], given, out=result)
    return found
