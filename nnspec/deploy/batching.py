"""Runs a program on rows, as many at a time as fit, and tells how many are done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nnspec.errors import DataError

if TYPE_CHECKING:
    from nnspec.backend import Array

BATCH = 1024
"""Rows that are in the network at once, or more if their inputs are small."""
LARGEST_BATCH = 4096
SMALL_INPUTS = 2**17
"""Bytes of all inputs that count as small."""
LARGE_INPUTS = 2**27
"""Bytes of all inputs that are in the network at once, unless a row has more."""
LARGE_OPERATOR = 2**28
"""Bytes of what one operator takes and gives at once, unless a row has more."""
FEW = 8
"""Rows that go in at once whatever the network does with them."""
READ = 2**20
"""Bytes of a file that are looked at at once."""

BytesOfARow = Callable[[Mapping[str, tuple[int, ...]]], int]
"""Called with the shapes of the inputs, without the batch axis; 0 where nothing tells."""
OnRows = Callable[[int, int], None]
"""Called with how many rows are done, and how many there are, or about: 0 where nothing tells."""


class _Program(Protocol):
    batch: int | None

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]: ...


class Batching:
    """Runs programs on rows.

    on_rows: told after each batch. bytes_of_a_row: what the largest operator holds of one.
    """

    def __init__(
        self, on_rows: OnRows | None = None, bytes_of_a_row: BytesOfARow = lambda _: 0
    ) -> None:
        self.on_rows = on_rows
        self.done = self.total = 0
        self._bytes_of_a_row = bytes_of_a_row
        self._known: dict[frozenset[tuple[str, tuple[int, ...]]], int] = {}

    def expect(self, path: Path) -> None:
        """Look at how many rows a file may have that is read part by part."""
        if self.on_rows is not None:
            self.total = _about(path)

    def forward(self, program: _Program, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return all outputs of all rows; raises DataError where there are none."""
        rows = max((len(values) for values in inputs.values()), default=0)
        if not rows:
            raise DataError("there are no rows")
        parts, before = [], self.done
        size = program.batch or self._fitting(inputs, rows)
        for batch in _batches(inputs, rows, size, is_fixed=program.batch is not None):
            parts.append(program.forward(batch))
            self.done = before + min(self.done - before + len(next(iter(batch.values()))), rows)
            if self.on_rows is not None:
                self.on_rows(self.done, max(self.total, before + rows))
        return {name: np.concatenate([part[name] for part in parts])[:rows] for name in parts[0]}

    def _fitting(self, inputs: Mapping[str, Array], rows: int) -> int:
        """Return how many rows go in at once: more where they are small, fewer where large."""
        row = max(sum(values[:1].nbytes for values in inputs.values()), 1)
        most = min(max(SMALL_INPUTS // row, BATCH), LARGEST_BATCH)
        most = min(most, LARGE_INPUTS // row)
        if min(rows, most) > FEW and (held := self._held(inputs)):
            most = max(min(most, LARGE_OPERATOR // held), 1)
        return max(most, 1)

    def _held(self, inputs: Mapping[str, Array]) -> int:
        """Return what the largest operator holds of a row, asked for once for rows of a shape."""
        shapes = {name: tuple(values.shape[1:]) for name, values in inputs.items()}
        key = frozenset(shapes.items())
        if key not in self._known:
            self._known[key] = self._bytes_of_a_row(shapes)
        return self._known[key]


def _batches(
    inputs: Mapping[str, Array], rows: int, size: int, *, is_fixed: bool
) -> Iterator[dict[str, Array]]:
    """Yield the rows in batches; a model of a fixed size gets the last row again to fill one."""
    for start in range(0, rows, size):
        taken: Any = slice(start, start + size)
        if is_fixed and start + size > rows:
            taken = np.minimum(np.arange(start, start + size), rows - 1)
        yield {name: values[taken] for name, values in inputs.items()}


def _about(path: Path) -> int:
    """Return how many rows a table has, of text its lines but one, or 0 where it cannot be read."""
    try:
        if path.suffix.lower() == ".parquet":
            import polars as pl

            return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
        with path.open("rb") as file:
            lines = sum(part.count(b"\n") for part in iter(lambda: file.read(READ), b""))
        return max(lines - (path.suffix.lower() == ".csv"), 0)
    except Exception:  # whatever is wrong is told where it is read
        return 0
