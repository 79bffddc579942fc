"""The user's own rows, in the place of drawn inputs and targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import UsageError
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.support.streams import permutation

if TYPE_CHECKING:
    from nnspec.backend import Array, Target


@dataclass(frozen=True)
class GivenRows:
    """Rows as the network takes them; `target` is None where they hold none that it trains on."""

    file: str
    inputs: Mapping[str, Array]
    target: Target | None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def axes(self, graph: Graph) -> dict[str, int]:
        """Return the sizes that the dynamic axes have in these rows."""
        return {
            size: found
            for name, kind in graph.inputs.items()
            for size, found in zip(kind.shape, self.inputs[name].shape[1:], strict=True)
            if isinstance(size, str)
        }

    def drawn(self, count: int, seed: int) -> tuple[dict[str, Array], Target | None]:
        """Return some of the rows, drawn by the seed, and their targets."""
        chosen = permutation(len(self), "verify", seed)[:count]
        target = self.target
        if isinstance(target, Mapping):
            target = {name: array[chosen] for name, array in target.items()}
        elif target is not None:
            target = target[chosen]
        return {name: np.asarray(array[chosen]) for name, array in self.inputs.items()}, target


def given_rows(spec: Spec, path: str | Path) -> GivenRows:
    """Read the rows to verify on, prepared as for training; raises DataError, UsageError.

    By the spec's `data`, but from this file; without one, arrays named after the inputs.
    """
    from nnspec.data.rows import read_rows  # polars takes a tenth of a second, and few give rows

    inputs, target = read_rows(spec, path)
    rows = GivenRows(str(path), inputs, target)
    if len(rows) < 2:
        raise UsageError(f"{path}: a verification needs at least 2 rows, and there is one")
    return rows
