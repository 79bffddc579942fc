"""Tests of numbers against a distribution: a false alarm is rarer than 1e-9 for a whole network."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from nnspec.layers.base import Parameter
from nnspec.layers.initializers import InitializerBase, Ones, Scaled, Zeros
from nnspec.layers.plain_initializers import Constant, Normal
from nnspec.layers.rare_initializers import Orthogonal, UnitForgetBias
from nnspec.layers.scaled_initializers import Identity, TruncatedNormal, Uniform, VarianceScaling
from nnspec.weights.canonical import TRUNCATED_DEVIATION, fan_of

if TYPE_CHECKING:
    from nnspec.backend import Array

ALARM = 1e-13
"""Probability of a false alarm of one test; a network has at most thousands."""
_SINGLE = 1e-5
"""Relative: first weights are made in float32."""
_ROUNDED = 1e-4
"""Absolute, of an orthogonal matrix times itself."""

Distribution = Callable[["Array"], "Array"]


def fault_of(values: Array, parameter: Parameter) -> str:
    """Return the difference of first values from the initializer's law, or an empty text."""
    initializer = parameter.initializer
    values = values.astype(np.float64)
    if parameter.zero_row is not None:
        if values[parameter.zero_row].any():
            return f"row {parameter.zero_row} is not 0"
        values = np.delete(values, parameter.zero_row, axis=0)
    return _fault(values, parameter, initializer)


def _fault(values: Array, parameter: Parameter, initializer: InitializerBase) -> str:
    if isinstance(initializer, UnitForgetBias):
        quarter = len(values) // 4
        if (values[quarter : 2 * quarter] != 1).any():
            return "the forget gate's are not 1"
        rest = np.concatenate([values[:quarter], values[2 * quarter :]])
        return _fault(rest, parameter, initializer.others)
    if isinstance(initializer, Zeros | Ones | Constant):
        value = {"zeros": 0.0, "ones": 1.0}.get(
            initializer.type, getattr(initializer, "value", 0.0)
        )
        is_same = np.allclose(values, value, rtol=_SINGLE, atol=0)
        return "" if is_same else f"not all are {value:g}"
    if isinstance(initializer, Orthogonal):
        return _fault_of_orthogonal(values, initializer.gain)
    if isinstance(initializer, Identity):
        diagonal = initializer.gain * np.eye(len(values), values.shape[-1])
        is_same = np.allclose(values, diagonal, rtol=_SINGLE, atol=0)
        return "" if is_same else "they are not the identity"
    bound, distribution = _distribution(parameter, initializer)
    if np.abs(values).max(initial=0) > bound * (1 + _SINGLE):
        return f"up to {np.abs(values).max():.3g}, beyond {bound:.3g}"
    return against_distribution(values, distribution)


def _distribution(parameter: Parameter, initializer: InitializerBase) -> tuple[float, Distribution]:
    """Return the largest value that there can be, and the distribution function."""
    if isinstance(initializer, Normal):
        return math.inf, lambda values: normal_distribution(values / initializer.stddev)
    if isinstance(initializer, Uniform):
        low, width = initializer.low, initializer.high - initializer.low
        most = max(abs(low), abs(initializer.high))
        return most, lambda values: np.clip((values - low) / width, 0, 1)
    if isinstance(initializer, TruncatedNormal):
        return _cut(initializer.stddev)
    assert isinstance(initializer, Scaled | VarianceScaling)
    deviation = math.sqrt(initializer.scale / fan_of(initializer, parameter))
    law = initializer.law if isinstance(initializer, Scaled) else initializer.distribution
    if law == "uniform":
        limit = math.sqrt(3) * deviation
        return limit, lambda values: np.clip((values / limit + 1) / 2, 0, 1)
    if law == "untruncated_normal":
        return math.inf, lambda values: normal_distribution(values / deviation)
    return _cut(deviation / TRUNCATED_DEVIATION)


def _cut(deviation: float) -> tuple[float, Distribution]:
    """Return the largest value and the distribution function of a normal cut at two deviations."""
    low, high = normal_distribution(np.array([-2.0, 2.0]))
    return (
        2 * deviation,
        lambda values: (normal_distribution(values / deviation) - low) / (high - low),
    )


def against_distribution(values: Array, distribution: Distribution) -> str:
    """Return that the values do not follow a distribution, or an empty text.

    The bound of Dvoretzky, Kiefer and Wolfowitz, with Massart's constant (1990).
    """
    count = values.size
    if count < 2:
        return ""
    expected = distribution(np.sort(values, axis=None))
    steps = np.arange(count + 1) / count
    distance = max(float((steps[1:] - expected).max()), float((expected - steps[:-1]).max()))
    if distance > math.sqrt(math.log(2 / ALARM) / (2 * count)):
        return f"their distribution is off by {distance:.2g}"
    inside = float(expected[-1] - expected[0])
    if inside <= 0 or count * math.log(inside) < math.log(ALARM):
        return "the largest are too small"
    return _fault_of_mean(expected)


def _fault_of_mean(uniform: Array) -> str:
    """Return that numbers which should be uniform in [0, 1] have another mean or deviation.

    By Hoeffding's bound, of numbers in an interval of this length.
    """
    squares = (uniform - 0.5) ** 2
    for values, centre, length in ((uniform, 0.5, 1.0), (squares, 1 / 12, 0.25)):
        off = abs(float(values.mean()) - centre)
        if off > length * math.sqrt(math.log(2 / ALARM) / (2 * values.size)):
            return f"their mean or spread is off by {off:.2g}"
    return ""


def _fault_of_orthogonal(values: Array, gain: float) -> str:
    matrix = values.reshape(len(values), -1)
    product = matrix @ matrix.T if len(matrix) <= matrix.shape[1] else matrix.T @ matrix
    if np.abs(product - gain**2 * np.eye(len(product))).max(initial=0) > _ROUNDED * gain**2:
        return "they are not orthogonal"
    return ""


def fault_of_share(hits: int, count: int, probability: float) -> str:
    """Return that so many of so many do not have this probability, or an empty text.

    By Chernoff's bound.
    """
    share = hits / count
    if count * _divergence(share, probability) > math.log(2 / ALARM):
        return f"a share of {share:.4g}, not {probability:.4g}"
    return ""


def _divergence(share: float, probability: float) -> float:
    total = 0.0
    for actual, wanted in ((share, probability), (1 - share, 1 - probability)):
        if actual > 0:
            if wanted <= 0:
                return math.inf
            total += actual * math.log(actual / wanted)
    return total


def normal_distribution(values: Array) -> Array:
    """Return the distribution function of a standard normal number."""
    flat = [0.5 * (1 + math.erf(value / math.sqrt(2))) for value in values.ravel()]
    return np.array(flat).reshape(values.shape)
