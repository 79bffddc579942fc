"""Rows of an input that are read when they are asked for: NumPy takes them for an array.

Blocks that were read last are kept, so that rows that are near each other are read once.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.stored import Stored
from nnspec.data.stored_arrays import GroupRows
from nnspec.errors import DataError

Array = NDArray[Any]
Indices = NDArray[np.intp]

MOST = 2**30
"""Bytes of blocks that are held of one input."""
LEAST = 2**10
"""Rows for which a thread is worth it."""
DENSE = 1.25
"""Rows of the file by those of a block, up to which a block is kept with the rows between."""
NICE = 19
"""By which threads that read step back, 19 at most."""
SPARE = 2
"""Times the buffer: the blocks of one stretch are read while the last rows of another are used."""


@cache
def readers() -> ThreadPoolExecutor:
    """Return the threads that read, as many as there are processors."""
    count = os.cpu_count() or 1
    return ThreadPoolExecutor(count, thread_name_prefix="nnspec-blocks", initializer=step_back)


def step_back() -> None:
    """Let other threads go first, such as those of a framework, which wait for the last of theirs.

    What is read here is wanted later. Linux alone has a priority of each thread.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # it only advises
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)


def _gathered(rows: Array, chosen: Indices) -> Array:
    """Return rows in another order, each thread a part of them."""
    found = np.empty((len(chosen), *rows.shape[1:]), rows.dtype)
    size = max(-(-len(chosen) // (os.cpu_count() or 1)), LEAST)
    if len(chosen) <= size:
        return np.take(rows, chosen, axis=0, out=found, mode="clip")

    def gather(first: int) -> None:
        part = slice(first, first + size)
        np.take(rows, chosen[part], axis=0, out=found[part], mode="clip")

    list(readers().map(gather, range(0, len(chosen), size)))
    return found


class Blocks:
    """The rows of one part of the data, block by block.

    rows: where each stands in the file, ascending. made: what a network takes of rows as they are
    stored, where that is another array. block: rows of a block. held: the number of blocks that
    are kept.
    """

    def __init__(
        self,
        stored: Stored | GroupRows,
        rows: Indices,
        made: Callable[[Array], Array] | None,
        block: int,
        held: int,
    ) -> None:
        self.stored = stored
        self.rows = rows
        self.made = made
        self.block = block
        count = -(-len(rows) // block)
        self.held = min(held, count)
        self.one = stored.read(0, 1) if made is None else made(stored.read(0, 1))
        self._first = rows[::block]
        last = np.append(rows[block - 1 :: block], rows[-1])[:count]
        span = int((last - self._first).max())
        # A block whose rows are near each other is read as it lies, with the rows between them.
        self._dense: Stored | None = None
        self.room = block
        if isinstance(stored, Stored) and made is None and span < DENSE * block:
            self._dense, self.room = stored, span + 1
        self._place = np.full(count, -1, np.intp)
        self._owner = np.full(self.held, -1, np.intp)
        self._used = np.zeros(self.held, np.int64)
        self._clock = 0
        self._kept: Array | None = None
        self._taking = threading.Lock()

    def take(self, positions: Indices) -> Array:
        """Return the rows at these positions of the part, whichever thread asks."""
        with self._taking:
            return self._take(positions)

    def _take(self, positions: Indices) -> Array:
        # By `take`, which lets other threads run; an index in brackets does not.
        blocks = positions // self.block
        places = self._place.take(blocks)
        if (places < 0).any():
            wanted = np.unique(blocks)
            if len(wanted) > self.held:
                return self._taken(positions, blocks, wanted)
            self._hold(wanted)
            places = self._place.take(blocks)
        self._clock += 1
        self._used.put(places, self._clock)
        assert self._kept is not None
        return _gathered(self._kept, places * self.room + self._within(positions, blocks))

    def _within(self, positions: Indices, blocks: Indices | int) -> Indices:
        """Return where these rows stand in their blocks, as they are kept."""
        if self._dense is not None:
            return self.rows.take(positions) - self._first.take(blocks)
        return positions % self.block

    def _taken(self, positions: Indices, blocks: Indices, wanted: Indices) -> Array:
        """Return rows of more blocks than are kept, of which none is kept then."""
        found = np.empty((len(positions), *self.one.shape[1:]), self.one.dtype)
        for block in wanted:
            here = blocks == block
            kept = np.empty((self.room, *found.shape[1:]), found.dtype)
            self._read_into(kept, int(block))
            found[here] = kept[self._within(positions[here], int(block))]
        return found

    def _hold(self, wanted: Indices) -> None:
        if self._kept is None:
            shape = self.held * self.room, *self.one.shape[1:]
            self._kept = np.empty(shape, self.one.dtype)
        self._clock += 1
        known = self._place[wanted]
        self._used[known[known >= 0]] = self._clock
        missing = wanted[known < 0]
        # The oldest go. No block stands where another may be half read, if reading fails.
        places = np.argsort(self._used, kind="stable")[: len(missing)]
        gone = self._owner[places]
        self._place[gone[gone >= 0]] = -1
        self._owner[places] = -1
        list(readers().map(self._fill, missing.tolist(), places.tolist()))
        self._place[missing], self._owner[places] = places, missing
        self._used[places] = self._clock

    def _fill(self, block: int, place: int) -> None:
        """Read a block to its place among those that are kept."""
        assert self._kept is not None
        start = place * self.room
        self._read_into(self._kept[start : start + self.room], block)

    def _read_into(self, kept: Array, block: int) -> None:
        """Read the rows of a block, which may be far apart in the file."""
        rows = self.rows[block * self.block : (block + 1) * self.block]
        if self._dense is not None:
            first = int(rows[0])
            self._dense.read_into(kept[: int(rows[-1]) + 1 - first], first)
            return
        step, at = self.stored.step, 0
        while at < len(rows):
            first = int(rows[at])
            end = int(np.searchsorted(rows, first + step))
            read = self.stored.read(first, int(rows[end - 1]) + 1)[rows[at:end] - first]
            kept[at:end] = read if self.made is None else self.made(read)
            at = end


class Streamed:
    """Some rows of a part: an array of (rows, ...), read when NumPy asks for it."""

    def __init__(self, blocks: Blocks, positions: Indices | None = None) -> None:
        self.blocks = blocks
        self._positions = positions

    @property
    def positions(self) -> Indices:
        """The rows, by their place in the part."""
        if self._positions is None:
            return np.arange(len(self.blocks.rows))
        return self._positions

    def __len__(self) -> int:
        return len(self.blocks.rows if self._positions is None else self._positions)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return len(self), *self.blocks.one.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the array."""
        return self.blocks.one.dtype

    @property
    def ndim(self) -> int:
        """The number of axes of the array."""
        return self.blocks.one.ndim

    def __getitem__(self, rows: Any) -> Streamed:
        if isinstance(rows, slice) and self._positions is None:
            return Streamed(self.blocks, np.arange(*rows.indices(len(self))))
        if self._positions is None:
            rows = np.asarray(rows)
            chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
            return Streamed(self.blocks, np.where(chosen < 0, chosen + len(self), chosen))
        return Streamed(self.blocks, self._positions[rows])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = self.blocks.take(self.positions)
        return array if dtype is None else array.astype(dtype, copy=False)


def streamed(
    stored: Stored | GroupRows, rows: Indices, made: Callable[[Array], Array] | None, block: int,
    buffer: int, told: str,
) -> Streamed:  # fmt: skip
    """Return rows of a part. told: the input in words; raises DataError where blocks are large."""
    found = Blocks(stored, rows, made, block, SPARE * buffer)
    size = found.held * found.room * found.one.nbytes
    if size > MOST:
        raise DataError(
            f"{told}: {found.held} blocks of {found.room} rows of {found.one.nbytes:,} bytes are "
            f"{size / 2**30:.1f} GiB of memory, and 1 is the most: give `data.stream` a smaller "
            "`block` or `buffer`"
        )
    return Streamed(found)
