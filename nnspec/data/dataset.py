"""The rows of a training, in parts, as the network takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.folding import Fold
from nnspec.data.named_files import Files
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.streamed import Streamed
from nnspec.data.weighting import with_weight
from nnspec.data.windowed import Windowed
from nnspec.errors import DataError

Array = NDArray[Any]


def _taken(values: Array, rows: Any) -> Array:
    """Return some rows, by `take` where they are numbered: other threads run meanwhile."""
    if isinstance(rows, np.ndarray) and rows.dtype.kind == "i":
        return values.take(rows, axis=0)
    found: Array = values[rows]
    return found


@dataclass(frozen=True)
class Part:
    """Some of the rows: what the network takes by input, and what it should give.

    target: of several losses by output. weight: what each row counts, or each place of it; None
    where all count alike.
    """

    inputs: dict[str, Array]
    target: Array | dict[str, Array]
    weight: Array | None = None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def take(self, rows: Any) -> Part:
        """Return the rows at these positions (an array of them, or a slice)."""
        target = self.target
        return Part(
            {name: values[rows] for name, values in self.inputs.items()},
            {name: _taken(values, rows) for name, values in target.items()}
            if isinstance(target, dict)
            else _taken(target, rows),
            None if self.weight is None else _taken(self.weight, rows),
        )

    def whole(self) -> Part:
        """Return these rows with what is read, decoded or cut anew as arrays."""
        arrays = {name: np.asarray(values) for name, values in self.inputs.items()}
        return Part(arrays, self.target, self.weight)

    @property
    def is_lazy(self) -> bool:
        """Whether an input is read, decoded or cut anew for each batch."""
        kinds = Files | Windowed | Streamed
        return any(isinstance(values, kinds) for values in self.inputs.values())

    @property
    def goal(self) -> Array | dict[str, Array]:
        """The target as a program takes it: with the weights, if there are some."""
        found: Array | dict[str, Array] = with_weight(self.target, self.weight)
        return found


@dataclass(frozen=True)
class Dataset:
    """The parts that training uses, ready for the network, and how they were made.

    `target` is class numbers (int64) or a probability per class (float32) where the task has
    classes, and else float32 in the output's shape, shifted and scaled where the spec standardises
    it; of an autoencoder the input, unless the spec names another. `sha256` is of the source, and
    of the files that it names. notes: what of the source a reader may want to know. kinds:
    of the training rows, the numbers of the values that epochs draw equally often.
    """

    train: Part
    validation: Part | None
    test: Part | None
    preprocessing: Preprocessing
    sha256: str = ""
    notes: tuple[str, ...] = ()
    fold: Fold | None = None
    kinds: NDArray[np.intp] | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """The number of rows of each part."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: len(part) if part is not None else 0 for name, part in parts.items()}


def parted(
    everything: Part,
    parts: Mapping[str, NDArray[np.intp]],
    preprocessing: Preprocessing,
    kinds: NDArray[np.intp] | None,
) -> Dataset:
    """Return the parts of the rows; raises DataError where the rows of one all have no weight."""
    taken = {name: everything.take(order) if len(order) else None for name, order in parts.items()}
    train = taken["train"]
    assert train is not None
    for name, part in taken.items():
        if part is not None and part.weight is not None and not part.weight.any():
            raise DataError(f"every row of the {name} part has the weight 0")
    return Dataset(train, taken["validation"], taken["test"], preprocessing, kinds=kinds)
