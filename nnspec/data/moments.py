"""Mean and deviation of rows that are seen some at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Moments:
    """Those of each element, as `mean_and_scale` has them.

    Of parts they are put together as by Chan, Golub and LeVeque (Updating Formulae and a Pairwise
    Algorithm for Computing Sample Variances, 1979), which loses nothing to cancellation.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Array = np.zeros(1)
        self.squares: Array = np.zeros(1)
        self.least: Array = np.full(1, np.inf)
        self.most: Array = np.full(1, -np.inf)

    def add(self, rows: Array) -> None:
        """Count these rows too."""
        flat = rows.reshape(len(rows), -1).astype(np.float64)
        if not len(flat):
            return
        mean = flat.mean(axis=0)
        apart = mean - self.mean
        total = self.count + len(flat)
        between = np.square(apart) * (self.count * len(flat) / total)
        self.squares = self.squares + np.square(flat - mean).sum(axis=0) + between
        self.mean = self.mean + apart * (len(flat) / total)
        self.count = total
        self.least = np.minimum(self.least, flat.min(axis=0))
        self.most = np.maximum(self.most, flat.max(axis=0))

    def found(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return mean and deviation (divisor n); an element that never changes has the latter 1."""
        constant = self.least == self.most
        mean = np.where(constant, self.least, self.mean)
        scale = np.where(constant, 1.0, np.sqrt(self.squares / self.count))
        scale[scale == 0] = 1.0
        return tuple(mean.tolist()), tuple(scale.tolist())
