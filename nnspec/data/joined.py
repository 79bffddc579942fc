"""The place of a row where the rows of several files follow one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray


class Joined(str):
    """The path of the training rows, after which those of other parts come from other files.

    It is used as that path, which other paths are relative to; `at` says in which file a row is.
    """

    __slots__ = ("files", "sizes")

    files: tuple[Path, ...]
    sizes: tuple[int, ...]

    def __new__(cls, path: Path, files: Sequence[Path], sizes: Sequence[int]) -> Self:
        """Return the path of rows that are in these files, so many in each."""
        made = super().__new__(cls, path)
        made.files, made.sizes = tuple(files), tuple(sizes)
        return made

    def at(self, row: int) -> tuple[Path, int]:
        """Return the file of a row and its number there, both numbers from 0."""
        for file, size in zip(self.files, self.sizes, strict=True):
            if row < size:
                return file, row
            row -= size
        return self.files[-1], row

    def keys(self) -> NDArray[np.intp]:
        """Return the number of each row's file."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)
