"""Windows over the rows of a file: which rows each takes, and in which part it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.folding import Fold, folded, require_drawn
from nnspec.data.joined import Joined
from nnspec.data.splitting import PARTS, Indices, keys_of, numbered, split, valued
from nnspec.data.tables import Rows
from nnspec.data.windowed import Windowed, chunks, rows_of, seen_rows
from nnspec.errors import DataError
from nnspec.language.splitting import Split
from nnspec.language.training_schema import Data
from nnspec.language.windows import Windows
from nnspec.network.domain import Place

Array = NDArray[Any]


@dataclass(frozen=True)
class Rolled:
    """Windows over rows: `order` is of the rows by series and time, `last` where each window ends.

    series: of each row in that order. moments: of each row of the file, how late it is: by
    `order` the same in all series, and else its share of its series. horizon: rows after a window
    that are its target. gap: those that are left out between. notes: what is odd about the order.
    """

    order: Indices
    series: Array
    moments: Array
    last: Indices
    length: int
    horizon: int = 0
    gap: int = 0
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.last)

    def rows(self, windows: Array | slice = slice(None)) -> Indices:
        """Return the rows of windows, shaped (windows, length)."""
        return rows_of(self.order, self.last[windows], self.length)

    def seen(self, windows: Array) -> Indices:
        """Return the rows that are in one of these windows, in the order of the file."""
        return seen_rows(self.order, self.last[windows], self.length)

    def concerned(self, parts: Mapping[str, Indices]) -> dict[str, Indices]:
        """Return the rows that the windows of each part learn from, or are measured by.

        Those of training are all of a window; of another part the targets, whose past may be known.
        """
        aims = self.aims()
        found = {name: np.unique(aims[windows]) for name, windows in parts.items()}
        found["train"] = np.union1d(found["train"], self.seen(parts["train"]))
        return found

    def ends(self) -> Indices:
        """Return the last row of each window."""
        found: Indices = self.order[self.last]
        return found

    def aims(self) -> Indices:
        """Return the rows of each target, shaped (windows, rows); its last one without horizon."""
        ahead = self.gap + np.arange(1, self.horizon + 1) if self.horizon else np.zeros(1, int)
        found: Indices = self.order[self.last[:, None] + ahead]
        return found

    def inputs(self, values: Mapping[str, Array], *, is_whole: bool = False) -> dict[str, Array]:
        """Return what rows hold by input as windows have it, shaped (windows, length, ...).

        is_whole: whether that is to be an array however large it is.
        """
        return {
            name: Windowed(each, self.order, self.last, self.length).held(whole=is_whole)
            for name, each in values.items()
        }

    def target(self, values: Array, *, has_steps: bool) -> Array:
        """Return the targets of windows; has_steps: with an axis of rows, however many."""
        aims = self.aims()
        found: Array = values[aims] if has_steps else values[aims[:, -1]]
        return found

    def place(self, of_rows: Place, widths: Mapping[str, int]) -> Place:
        """Return what says where a value of a window stands. widths: elements of a row."""

        def place(name: str, window: int, position: int | None) -> str:
            if position is None:
                return of_rows(name, int(self.ends()[window]), None)
            step, element = divmod(position, widths[name])
            return of_rows(name, int(self.rows(slice(window, window + 1))[0, step]), element)

        return place

    def parts(
        self, rows: Rows, data: Data, seed: int, file: str | Path, fold: Fold | None
    ) -> tuple[dict[str, Indices], int]:
        """Return the windows of each part, and how many are in none; raises DataError.

        A part has the windows whose target is in it as a whole. Its rows before that may be of an
        earlier part, of which they are the past: but not where rows of several parts alternate, or
        where the target is of the window itself.
        """
        if fold is not None:
            require_drawn(data)
        if data.split is None:
            name = data.windows.order if data.windows is not None else None
            data = data.model_copy(update={"split": Split(time=name or "row")})
            keys: Array | None = self.moments
        else:
            keys = keys_of(rows, data, len(self.order), file)
        assert data.split is not None
        count = len(self.order)
        if not data.has_validation and not data.has_test and fold is None:
            of_rows = {"train": np.arange(count)}
        elif fold is None:
            of_rows = split(count, data, seed, file, keys)
        else:
            of_rows = folded(count, data, seed, file, keys, fold)
        part = np.full(count, -1, np.int8)
        for number, name in enumerate(PARTS):
            part[of_rows.get(name, [])] = number
        is_apart = not self.horizon or data.split.kind in ("group", "files")
        own = part[self.aims()[:, 0]]
        allowed = (part[self.aims()] == own[:, None]).all(axis=1)
        for some in chunks(len(self), self.length):
            taken, of = part[self.rows(some)], own[some, None]
            is_alone = (taken == of).all(axis=1)
            is_after = is_alone if is_apart else (taken <= of).all(axis=1)
            allowed[some] &= np.where(own[some] == 0, is_alone, is_after)
        parts = {
            name: np.flatnonzero(allowed & (own == number)) for number, name in enumerate(PARTS)
        }
        shares = {
            "train": 1.0,
            "validation": data.has_validation or fold is not None,
            "test": data.has_test,
        }
        for name in PARTS:
            if shares[name] and not len(parts[name]):
                raise DataError(
                    f"{file}: no window is within {name}: {count} rows are too few for windows of "
                    f"{self.length} and what follows them, or the share is too small"
                )
        return parts, len(self) - sum(map(len, parts.values()))


def rolled(
    rows: Rows,
    windows: Windows,
    count: int,
    file: object,
    *,
    length: int,
    horizon: int = 0,
    stride: int | None = None,
) -> Rolled:
    """Return the windows over the rows of a file; raises DataError.

    horizon: rows after a window that must be there. stride: rows from a window to the next in the
    place of what the spec says.
    """
    gap = windows.gap if horizon else 0
    series, times = np.zeros(count, np.intp), np.arange(count)
    if windows.series is not None:
        series = numbered(rows, Split(group=windows.series), count, file)
    if isinstance(file, Joined):  # no window goes on from one file to the next
        series = file.keys() * (series.max(initial=0) + 1) + series
    values = times
    if windows.order is not None:
        how = Split(time=windows.order, format=windows.format)
        values = valued(rows, how, count, file)
        times = np.unique(values, return_inverse=True)[1].reshape(-1)
    order = np.lexsort((times, series))
    sorted_series, sorted_times = series[order], times[order]
    begins = np.flatnonzero(np.r_[True, sorted_series[1:] != sorted_series[:-1]])
    sizes = np.diff(np.r_[begins, count])
    if windows.order is not None:
        _require_one_time(rows, windows, order, sorted_series, sorted_times, file)
    needed = length + gap + horizon
    if (sizes < needed).any():
        number = int(np.argmax(sizes < needed))
        row = int(order[begins[number]])
        whose = (
            "the series" if windows.series is None else f"the series {_value(rows, windows, row)}"
        )
        after = f" and {gap + horizon} after it" if horizon else ""
        at, own = file.at(row) if isinstance(file, Joined) else (file, row)
        first = f" (its first is row {own + 1})" if windows.series is not None else ""
        raise DataError(
            f"{at}: {whose} has {sizes[number]} rows{first}, and a window of {length}{after} "
            f"takes {needed}"
        )
    place = np.arange(count) - np.repeat(begins, sizes)
    left = np.repeat(sizes, sizes) - place
    step = windows.stride if stride is None else stride
    is_end = (place >= length - 1) & (left > gap + horizon) & ((place - length + 1) % step == 0)
    moments = times
    if windows.order is None:
        moments = np.empty(count, np.intp)
        share = (place + 0.5) / np.repeat(sizes, sizes)
        moments[order] = np.unique(share, return_inverse=True)[1].reshape(-1)
    notes: tuple[str, ...] = ()
    if windows.order is not None:
        notes = _uneven(values[order], sorted_series, order, windows.order, file)
    last = np.flatnonzero(is_end)
    return Rolled(order, sorted_series, moments, last, length, horizon, gap, notes)


def _uneven(
    values: Array, series: Array, order: Indices, name: str, file: object
) -> tuple[str, ...]:
    """Return a note where steps in time are unequal: windows take rows as they follow."""
    steps = np.diff(values)
    if steps.dtype.kind == "m":
        steps = steps.astype("timedelta64[us]").astype(np.int64) / 1e6
    is_within = series[1:] == series[:-1]
    within = steps[is_within].astype(np.float64)
    kinds, counts = np.unique(within, return_counts=True)
    if len(kinds) < 2:
        return ()
    usual = kinds[counts.argmax()]
    is_odd = is_within & ~np.isclose(steps.astype(np.float64), usual, rtol=1e-6, atol=0)
    if not is_odd.any():
        return ()
    at = int(np.argmax(is_odd))
    where, begin = file.at(int(order[at])) if isinstance(file, Joined) else (file, int(order[at]))
    end = begin + int(order[at + 1]) - int(order[at])
    is_dated = np.diff(values[:2]).dtype.kind == "m"
    shown = str(timedelta(seconds=float(usual))) if is_dated else f"{usual:g}"
    return (
        f'{where}: {int(is_odd.sum())} of {len(within)} steps of "{name}" are not the usual one of '
        f"{shown}, the first from row {begin + 1} to row {end + 1}; windows take "
        "rows as they follow one another",
    )


def _require_one_time(
    rows: Rows, windows: Windows, order: Indices, series: Array, times: Array, file: object
) -> None:
    """Raise DataError where two rows of a series have one time, so that neither is the first."""
    same = (times[1:] == times[:-1]) & (series[1:] == series[:-1])
    if same.any():
        at = int(np.argmax(same))
        first, second = sorted((int(order[at]) + 1, int(order[at + 1]) + 1))
        shown = first, second
        if isinstance(file, Joined):  # both are in one
            name, begin = file.at(first - 1)
            file, shown = name, (begin + 1, begin + 1 + second - first)
        whose = ""
        cure = "; `windows.series` names the column that tells several series apart"
        if windows.series is not None:
            whose, cure = f" of the series {_value(rows, windows, first - 1)}", ""
        raise DataError(
            f'{file}: rows {shown[0]} and {shown[1]}{whose} have the same "{windows.order}"{cure}'
        )


def _value(rows: Rows, windows: Windows, row: int) -> str:
    assert windows.series is not None
    return f'"{rows[windows.series][row]}"'


def leading(rows: Rows, windows: Windows, rolled_: Rolled) -> pl.DataFrame:
    """Return what tells windows apart: the number of their last row from 1, series and time."""
    ends = rolled_.ends()
    found: dict[str, Any] = {"row": ends + 1}
    for name in windows.columns:
        values = rows[name]
        found[name] = values.gather(ends) if isinstance(values, pl.Series) else values[ends]
    return pl.DataFrame(found)
