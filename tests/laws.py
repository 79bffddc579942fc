"""What the first weights of the emitted modules are held against: the laws of the spec."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.layers import Parameter
from nnspec.layers.initializers import Ones, Zeros
from nnspec.layers.plain_initializers import Constant, Normal
from nnspec.layers.rare_initializers import LengthOfWeight, Orthogonal, UnitForgetBias
from nnspec.layers.scaled_initializers import TruncatedNormal, Uniform, VarianceScaling
from nnspec.network.graph import Graph

Array = NDArray[Any]
Key = tuple[str, ...]

CUT_DEVIATION = 0.87962566103423978
DEVIATIONS = 5
"""How far a pool's mean and mean square may be off: of fixed seeds, one in two million."""

# Mean square, and the mean of the fourth power, of each standardised law.
_CUT_SQUARE = CUT_DEVIATION**2
_DENSITY = math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))
_MOMENTS = {
    "uniform": (1 / 3, 1 / 5),
    "normal": (1.0, 3.0),
    # Of a normal cut at ±2: E x⁴ = 3 E x² - 2 · 2³ φ(2) / (2 Φ(2) - 1).
    "cut": (_CUT_SQUARE, 3 * _CUT_SQUARE - 16 * _DENSITY),
}


class Pools:
    """Standardised values of many parameters, by their law and their kind."""

    def __init__(self) -> None:
        self.values: dict[Key, list[Array]] = {}

    def add(self, graph: Graph, weights: Mapping[str, Array]) -> None:
        """Check what holds of each value, and pool the rest."""
        drawn = []
        for at in graph.walk():
            for parameter in at.parameters():
                name = f"{at.path}.{parameter.name}"
                values = np.asarray(weights[name], np.float64)
                assert values.shape == parameter.shape, name
                kind = (type(parameter.initializer).__name__, at.node.layer.type, parameter.name)
                if isinstance(parameter.initializer, LengthOfWeight):
                    direction = weights[name.removesuffix("_g") + "_v"]
                    axes = tuple(i for i, n in enumerate(values.shape) if n == 1)
                    length = np.sqrt(np.sum(np.square(direction), axis=axes, keepdims=True))
                    np.testing.assert_allclose(values, length, rtol=1e-6, err_msg=name)
                    continue
                if (free := self._checked(name, parameter, values, kind)) is not None:
                    drawn.append((name, free))
        assert_unequal(drawn)

    def _checked(self, name: str, parameter: Parameter, values: Array, kind: Key) -> Array | None:
        law = parameter.initializer
        if isinstance(law, UnitForgetBias):
            gates = values.reshape(4, -1)
            assert (gates[1] == 1).all(), name
            law, values = law.others, gates[[0, 2, 3]].ravel()
        if parameter.zero_row is not None:
            assert not values[parameter.zero_row].any(), name
            values = np.delete(values, parameter.zero_row, axis=0)
        if isinstance(law, Zeros | Ones | Constant):
            value = law.value if isinstance(law, Constant) else float(isinstance(law, Ones))
            np.testing.assert_allclose(values, value, rtol=1e-6, err_msg=name)
            return None
        if isinstance(law, Orthogonal):
            matrix = values.reshape(len(values), -1) / law.gain
            matrix = matrix if len(matrix) <= matrix.shape[1] else matrix.T
            np.testing.assert_allclose(matrix @ matrix.T, np.eye(len(matrix)), atol=1e-5)
            return values
        if isinstance(law, Normal):
            shape, scale = "normal", law.stddev
        elif isinstance(law, Uniform):
            middle, scale = (law.low + law.high) / 2, (law.high - law.low) / 2
            shape, values = "uniform", values - middle
            assert np.abs(values / scale).max(initial=0) <= 1 + 1e-5, name
        elif isinstance(law, TruncatedNormal):
            shape, scale = "cut", law.stddev
            assert np.abs(values / scale).max(initial=0) <= 2 * (1 + 1e-6), name
        elif isinstance(law, VarianceScaling):
            fans = {"fan_in": parameter.fan_in, "fan_out": parameter.fan_out}
            fan = fans.get(law.mode, (parameter.fan_in + parameter.fan_out) / 2)
            laws = {"uniform": ("uniform", 3.0), "untruncated_normal": ("normal", 1.0)}
            shape, factor = laws.get(law.distribution, ("cut", CUT_DEVIATION**-2))
            scale = math.sqrt(factor * law.scale / fan)
        else:
            fan = parameter.fan_in
            average = (fan + parameter.fan_out) / 2
            variance = law.scale / (fan if law.fan == "in" else average)  # type: ignore[attr-defined]
            if law.law == "uniform":  # type: ignore[attr-defined]
                shape, scale = "uniform", math.sqrt(3 * variance)
                limit = 1.0
            else:
                shape, scale = "cut", math.sqrt(variance) / CUT_DEVIATION
                limit = 2.0
            assert np.abs(values / scale).max(initial=0) <= limit * (1 + 1e-6), name
        self.values.setdefault((shape, *kind), []).append(values.ravel() / scale)
        return values

    def check(self) -> None:
        """Hold mean and mean square of every pool against those of its law."""
        for key, parts in self.values.items():
            values = np.concatenate(parts)
            square, fourth = _MOMENTS[key[0]]
            spread = math.sqrt((fourth - square**2) / len(values))
            assert abs(values.mean()) <= DEVIATIONS * math.sqrt(square / len(values)), key
            assert abs(np.mean(values**2) - square) <= DEVIATIONS * spread, (key, len(values))

    def sizes(self) -> dict[Key, int]:
        """Return how many values each pool has."""
        return {key: sum(map(len, parts)) for key, parts in self.values.items()}


def assert_unequal(drawn: Iterable[tuple[str, Array]]) -> None:
    """Assert that no two parameters got the same numbers, as from a generator begun anew."""
    seen: dict[bytes, str] = {}
    for name, values in drawn:
        if values.size > 1:
            key = np.sort(np.abs(values), axis=None).round(6).tobytes()
            assert key not in seen, f"{name} has the numbers of {seen[key]}"
            seen[key] = name
