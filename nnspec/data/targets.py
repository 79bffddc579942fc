"""Targets: the values that the network should give for each row, by the task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.arrays import fit_shape
from nnspec.data.tables import (
    Rows,
    is_text,
    missing_column,
    numbers,
    require_fitting,
    select,
    where,
    words,
)
from nnspec.data.wanted_rows import as_wanted
from nnspec.data.weighting import column_of
from nnspec.errors import DataError
from nnspec.language.losses.targets import Wanted
from nnspec.language.metrics import Kind
from nnspec.language.training_schema import Data, Task, kind_of
from nnspec.layers.shapes import Shape, show

Array = NDArray[Any]

_ROW_SUM_ERROR = 1e-3  # what rounding and a percent table leave of probabilities that sum to 1


class Place(NamedTuple):
    """The place of a target: its file, and its column or array; columns: where it is several."""

    file: object
    what: str
    columns: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"

    def of(self, row: int, position: int | None = None) -> str:
        """Return where a value stands: its row, and its position among the row's."""
        column = f'column "{self.columns[position or 0]}"' if self.columns else self.what
        return where(self.file, column, row)


class Target(NamedTuple):
    """Values by row, and the names of the classes where the data give names."""

    values: Array
    labels: tuple[str, ...] | None


def columns_of(rows: Rows, data: Data, file: object) -> tuple[str, ...]:
    """Return the columns that are the target, or its one array; raises DataError."""
    name = data.one_target
    if isinstance(rows, pl.DataFrame) and name is None:
        return tuple(select(rows, data.targets, without=column_of(data), file=file))
    if name is None:
        listed = ", ".join(f'"{each}"' for each in data.targets)
        raise DataError(f"{file}: the target is one array of an .npz file, not {listed}")
    is_table = isinstance(rows, pl.DataFrame)
    known = rows.columns if isinstance(rows, pl.DataFrame) else list(rows)
    if name not in known:
        raise missing_column(known, name, file, "column" if is_table else "array")
    return (name,)


def read_target(
    rows: Rows,
    names: tuple[str, ...],
    task: Task,
    output: Shape,
    *,
    file: object,
    is_exact: bool = False,
    choices: Sequence[Wanted] = (),
) -> Target:
    """Return the target of each row for a network of this output shape (no batch axis).

    classes: int64 class numbers shaped as the output without its last axis, or float32
    probabilities shaped as the output. Yes or no, and numbers: float32 shaped as the output.
    Labels that are words are numbered in sorted order. is_exact: give numbers in float64, to be
    standardised. choices: what the loss takes, where that is not the task's. Raises DataError.
    """
    kind, name = kind_of(task), names[0]
    what = "column" if isinstance(rows, pl.DataFrame) else "array"
    place = Place(file, f'{what} "{name}"')
    if len(names) > 1:
        assert isinstance(rows, pl.DataFrame)
        place = Place(file, f'{len(names)} columns from "{name}" to "{names[-1]}"', names)
        found: Sequence[str] | Array = numbers(rows, names, whole=kind == "multiclass", file=file)
    elif isinstance(rows, pl.DataFrame):
        if name not in rows.columns:
            raise missing_column(rows.columns, name, file)
        if is_text(rows[name]):
            found = words(rows[name], file=file)
        else:
            if kind != "regression":
                _require_one_spelling(rows[name], place)
            found = numbers(rows, [name], whole=kind == "multiclass", file=file)[:, 0]
    else:
        if name not in rows:
            raise missing_column(list(rows), name, file, "array")
        found = np.asarray(rows[name])
        if found.ndim == 0:
            raise DataError(f"{place} is a single value; rows are expected")
        if found.dtype.kind in "US":
            if found.ndim > 1:
                raise DataError(f"{place} holds words in {found.ndim} axes; one axis is expected")
            found = [str(value).strip() for value in found.astype(str)]
            if "" in found:
                raise DataError(f"{place.of(found.index(''))}: the value is missing")
    if not len(found):
        raise DataError(f"{file}: there are no rows")
    labels = None
    if not isinstance(found, np.ndarray):
        found, labels = _numbered(found, kind, output, place)
    require_fitting(found, "float64", place.of)
    if choices:
        return Target(as_wanted(found, choices, place), labels)
    if kind == "multiclass":
        return Target(_classes(found, output, place), labels)
    if kind == "binary":
        return Target(_yes_or_no(found, output, place, isinstance(rows, pl.DataFrame)), labels)
    return Target(_shaped(found, output, place, np.float64 if is_exact else np.float32), labels)


def _numbered(
    words: Sequence[str], kind: Kind, output: Shape, place: Place
) -> tuple[Array, tuple[str, ...]]:
    labels = tuple(sorted(set(words)))
    if kind == "regression":
        numbers = pl.Series(words, dtype=pl.String).cast(pl.Float64, strict=False)
        if not numbers.has_nulls():
            raise DataError(f"{place} holds text; save the numbers as numbers")
        row = numbers.is_null().arg_true()[0]
        raise DataError(f'{place.of(row)}: "{words[row]}" is not a number')
    wanted = 2 if kind == "binary" else output[-1] if output else 1
    if len(labels) != wanted:
        shown = ", ".join(f'"{label}"' for label in labels[:8])
        more = ", ..." if len(labels) > 8 else ""
        expected = "binary takes 2" if kind == "binary" else f"the network gives {wanted} scores"
        noun = "label" if len(labels) == 1 else "labels"
        raise DataError(f"{place} holds {len(labels)} {noun} ({shown}{more}), and {expected}")
    number = {label: i for i, label in enumerate(labels)}
    return np.array([number[word] for word in words], dtype=np.int64), labels


def _require_one_spelling(column: pl.Series, place: Place) -> None:
    """Raise DataError where two labels, as 0 and 00, would become one number."""
    if column.dtype != pl.String:
        return
    spellings: dict[int, str] = {}
    for text in column.unique(maintain_order=True):
        word = str(text or "").strip()
        if not word.lstrip("+-").isdecimal():
            continue
        known = spellings.setdefault(int(word), word)
        if known != word:
            row = next(i for i, each in enumerate(column) if each == text)
            raise DataError(
                f'{place.of(row)}: "{word}" is the same number as "{known}"; write each class in '
                "one way, or give the classes names"
            )


def _classes(found: Array, output: Shape, place: Place) -> Array:
    classes = output[-1] if output else 1
    if not isinstance(classes, int):
        raise DataError(
            f"the network's output is {show(output)}; classes need a last axis of fixed size"
        )
    numbered = fit_shape(found.shape[1:], output[:-1])
    if numbered is None:
        if len(found.shape) == len(output) + 1 and fit_shape(found.shape[1:], output) is not None:
            return _probabilities(found, place)
        raise DataError(
            f"{place} gives {show(found.shape[1:])} for each row; a class number "
            f"{show(output[:-1])} or a probability per class {show(output)} is expected"
        )
    if found.dtype.kind == "f":
        _refuse(found, found != np.floor(found), "is no class number", place)
    _refuse(
        found,
        (found < 0) | (found >= classes),
        f"is no class number; the network gives {classes} scores, so classes are "
        f"0 to {classes - 1}",
        place,
    )
    return found.reshape(len(found), *numbered).astype(np.int64)


def _probabilities(found: Array, place: Place) -> Array:
    values = found.astype(np.float64)
    _refuse(values, (values < 0) | (values > 1), "is no probability", place)
    sums = values.sum(axis=-1)
    _refuse(
        sums, np.abs(sums - 1) > _ROW_SUM_ERROR, "is the sum of its probabilities, not 1", place
    )
    return values.astype(np.float32)


def _yes_or_no(found: Array, output: Shape, place: Place, is_table: bool) -> Array:
    if is_table:
        _refuse(found, (found != 0) & (found != 1), "is neither 0 nor 1", place)
    else:
        _refuse(found, (found < 0) | (found > 1), "is not between 0 and 1", place)
    return _shaped(found, output, place)


def _shaped(found: Array, output: Shape, place: Place, dtype: type = np.float32) -> Array:
    shape = fit_shape(found.shape[1:], output)
    if shape is None:
        raise DataError(
            f"{place} gives {show(found.shape[1:])} for each row, and the network's output is "
            f"{show(output)}"
        )
    require_fitting(found, "float32", place.of)
    return np.ascontiguousarray(found.reshape(len(found), *shape).astype(dtype))


def _refuse(values: Array, wrong: Array, why: str, place: Place) -> None:
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        position = int(np.ravel_multi_index(at[1:], values.shape[1:])) if at[1:] else None
        raise DataError(f"{place.of(at[0], position)}: {values[at]} {why}")
