"""Rows that an epoch draws so that each value of a column is met equally often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.splitting import numbered
from nnspec.data.tables import Rows
from nnspec.language.splitting import Split
from nnspec.language.training_schema import Data
from nnspec.support.streams import permutation

Array = NDArray[Any]


def kinds_of(
    rows: Rows, data: Data, count: int, train: Array, file: str | Path
) -> NDArray[np.intp] | None:
    """Return the number of the value that each training row has of the column `data.resample`.

    From 0, those of training rows alone; None where epochs draw every row once. count: of all rows.
    Raises DataError.
    """
    if data.resample is None:
        return None
    values = numbered(rows, Split(stratify=data.resample), count, file)[train]
    return np.unique(values, return_inverse=True)[1].reshape(-1)


def drawn(kinds: NDArray[np.intp], seed: int, epoch: int) -> NDArray[np.intp]:
    """Return the rows of an epoch, as many as there are, by the seed and the epoch alone.

    Each value has its share of the places but for one, and each row of a value its share of these
    but for one: those of a rare value come again, and some of a frequent one wait for another
    epoch. WeightedRandomSampler of PyTorch, with replacement, has these numbers in the mean.
    """
    count = len(kinds)
    order = permutation(count, "order", seed, epoch)
    order = order[np.argsort(kinds[order], kind="stable")]
    sizes = np.bincount(kinds)
    turn, kind = np.divmod(permutation(count, "resample", seed, epoch), len(sizes))
    found: NDArray[np.intp] = order[(np.cumsum(sizes) - sizes)[kind] + turn % sizes[kind]]
    return found
