"""Targets that a loss takes other than those of the task: checked and drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import DataError
from nnspec.language.losses.targets import Wanted

Array = NDArray[Any]


def require_wanted(target: Array, choices: Sequence[Wanted]) -> None:
    """Raise DataError for numbers that the loss does not take."""
    fitting = [each for each in choices if len(each.shape) == target.ndim - 1]
    expected = fitting[0] if fitting else choices[0]
    wrong = wrong_in(target, expected)
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        raise DataError(f"target, row {row + 1}: {target[wrong][0]}; {expected.told} is expected")


def wrong_in(values: Array, wanted: Wanted) -> Array:
    """Return which numbers are none that it may hold."""
    if wanted.among:
        return ~np.isin(values, wanted.among)
    right = (values >= wanted.least) & (values <= wanted.most) & np.isfinite(values)
    if wanted.is_whole and values.dtype.kind == "f":
        right &= values == np.floor(values)
    if wanted.but is not None:
        right &= values != wanted.but
    if wanted.also is not None:
        right |= values == wanted.also
    return ~right


def drawn(
    choices: Sequence[Wanted],
    shape: tuple[int, ...],
    output: tuple[int, ...],
    draw: np.random.Generator,
) -> Array:
    """Return a random target; shape: of all rows. output: the sizes of a row's output."""
    wanted = choices[0]
    if wanted.is_padded:
        return _labels(wanted, shape[0], output, draw)
    if wanted.shared is not None:
        found: Array = draw.dirichlet(np.ones(shape[-1]), shape[:-1])
    elif wanted.is_whole or wanted.among:
        found = draw.choice(np.array(wanted.numbers), shape)
    elif wanted.most == 1:
        found = draw.integers(0, 2, shape)
    elif wanted.least == 0:
        found = draw.poisson(2.0, shape)
    else:
        found = draw.normal(size=shape)
    if wanted.also is not None:
        found = np.where(draw.random(shape) < 0.25, float(wanted.also), found)
    return found.astype(np.int64 if wanted.is_whole else np.float64)


def _labels(wanted: Wanted, rows: int, output: tuple[int, ...], draw: np.random.Generator) -> Array:
    """Return labels that the steps can hold, however they repeat."""
    most = max(1, min(4, (output[0] + 1) // 2))
    labels = draw.choice(np.array(wanted.numbers), (rows, most))
    lengths = draw.integers(1, most + 1, rows)
    padding = -1 if wanted.also is None else wanted.also
    return np.where(np.arange(most) < lengths[:, None], labels, padding)
