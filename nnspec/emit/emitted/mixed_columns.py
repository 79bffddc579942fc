"""Columns of a table that are no plain numbers, as the network takes them."""

import math
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from nnspec.emit.emitted.parts import Parts
from nnspec.emit.emitted.stripped_columns import category, stripped
from nnspec.emit.emitted.text_columns import (
    token_numbers,
    token_vocabulary,
    tokenized,
    tokenizer_of,
)
from nnspec.emit.emitted.typed_columns import where

FIELDS: dict[str, str] = {}
HAS_CATEGORIES = True
HAS_CUT = True
HAS_CYCLES = True
HAS_DATES = True
HAS_FILLED_CATEGORIES = True
HAS_FILLED_DATES = True
HAS_FILLS = True
HAS_INDEX = True
HAS_INDICATORS = True
HAS_LEARNT_CATEGORIES = True
HAS_LEARNT_FILLS = True
HAS_LOG = True
HAS_MEAN = True
HAS_MEDIAN = True
HAS_MIN_MAX = True
HAS_MODE = True
HAS_OTHERS = True
HAS_PARTS = False
HAS_RARE = True
HAS_QUANTILE = True
HAS_ROBUST = True
HAS_SCALED_DATES = True
HAS_SCALED_NUMBERS = True
HAS_STANDARD = True
HAS_TEXTS = True
HAS_TYPES = True
HAS_TOKENIZED = False
HAS_TOKENIZERS = False
HAS_VOCABULARIES = True
HAS_WINDOWS = False
IS_CATEGORIES_ALONE = False
IS_DATES_ALONE = False
IS_INDEX_ALONE = False
IS_TEXTS_ALONE = False
IS_TOKENIZED_ALONE = False
IS_WINDOWS_ALONE = False


def wanted(columns: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    """Return what a column is to become: by its name, or by the first pattern."""
    found = [how for pattern, how in columns.items() if fnmatchcase(name, pattern)]
    return columns.get(name, found[0])


def dates(text: pl.Series, form: str) -> pl.Series:
    """Return texts as dates, null for what is none of this form, digit for digit."""
    pattern = form
    for field, digits in FIELDS.items():
        pattern = pattern.replace(field, digits)
    right = text.str.contains(f"^{pattern}$")
    return text.set(~right, None).str.to_datetime(form, strict=False, time_unit="us")


def date_column(
    rows: pl.DataFrame, name: str, how: dict[str, Any], path: Path
) -> pl.Series:
    """Return a column of dates, null where one is missing; refuse what is none."""
    if (
        HAS_TYPES
        and name in rows.columns
        and rows[name].dtype in (pl.Date, pl.Datetime)
    ):
        values = rows[name]
        if values.dtype == pl.Datetime:
            values = values.dt.replace_time_zone(None)
        values = values.cast(pl.Datetime("us"))
        wrong = values.is_not_null() & ~values.dt.year().is_between(1000, 9999)
        if wrong.any():
            place = where(path, name, wrong.arg_true()[0] + 1)
            raise ValueError(f"{place}: the year is not from 1000 to 9999")
        return values
    given = stripped(rows, name, path)
    values = dates(given, how["format"])
    wrong = given.is_not_null() & values.is_null()
    if wrong.any():
        row = wrong.arg_true()[0]
        place = where(path, name, row + 1)
        raise ValueError(f"{place}: {given[row]} is no date like {how['format']}")
    return values


def part_of(column: pl.Series, part: str) -> np.ndarray:
    """Return a part of dates; a weekday is 1 on Monday to 7."""
    parts = {
        "year": column.dt.year,
        "month": column.dt.month,
        "day": column.dt.day,
        "weekday": column.dt.weekday,
        "day_of_year": column.dt.ordinal_day,
        "hour": column.dt.hour,
        "minute": column.dt.minute,
        "second": column.dt.second,
    }
    return parts[part]().cast(pl.Float64).to_numpy()


def read_column(
    rows: pl.DataFrame, name: str, how: dict[str, Any], path: Path
) -> pl.Series:
    """Return a column, null where a value is missing; refuse what it cannot hold."""
    if IS_WINDOWS_ALONE:
        return rows[name]  # white space counts
    if HAS_WINDOWS and how.get("windows"):
        return rows[name]  # white space counts
    if IS_CATEGORIES_ALONE or IS_TEXTS_ALONE:
        return category(rows, name, path)
    if HAS_CATEGORIES and how["kind"] == "categories":
        return category(rows, name, path)
    if HAS_TEXTS and how["kind"] == "text":
        return category(rows, name, path)
    if IS_DATES_ALONE:
        return date_column(rows, name, how, path)
    if HAS_DATES and how["kind"] == "date":
        return date_column(rows, name, how, path)
    given = stripped(rows, name, path)
    values = given.cast(pl.Float64, strict=False)
    wrong = given.is_not_null() & (values.is_null() | values.is_infinite())
    if wrong.any():
        row = wrong.arg_true()[0]
        place = where(path, name, row + 1)
        raise ValueError(f"{place}: {given[row]} is not a finite number")
    return values.fill_nan(None)


def filled(column: pl.Series, by: dict[str, Any], path: Path) -> pl.Series:
    """Return a column with nothing missing, which is refused where nothing fills it."""
    if HAS_FILLED_DATES and "fill" in by and by["kind"] == "date":
        return column.fill_null(dates(pl.Series([by["fill"]]), by["format"])[0])
    if HAS_FILLS and "fill" in by:
        return column.fill_null(by["fill"])
    if column.has_nulls():
        place = where(path, column.name, column.is_null().arg_true()[0] + 1)
        raise ValueError(f"{place}: the value is missing")
    return column


def scaling(kind: str, numbers: np.ndarray) -> dict[str, Any]:
    """Return how numbers like these are scaled; those that are all alike are shifted."""
    if HAS_LOG and kind == "log":
        return {"type": "log"}
    if HAS_QUANTILE and kind == "quantile":
        shares = np.linspace(0.0, 1.0, 101)
        quantiles = np.quantile(numbers, shares)
        points, first, counts = np.unique(
            quantiles, return_index=True, return_counts=True
        )
        shares = (shares[first] + shares[first + counts - 1]) / 2
        return {"type": kind, "points": points.tolist(), "shares": shares.tolist()}
    shift, divisor = numbers[0], 0.0
    if HAS_STANDARD and kind == "standard" and (numbers != shift).any():
        shift, divisor = numbers.mean(), numbers.std()
    if HAS_MIN_MAX and kind == "min_max":
        shift = numbers.min()
        divisor = numbers.max() - shift
    if HAS_ROBUST and kind == "robust":
        low, shift, high = np.quantile(numbers, [0.25, 0.5, 0.75])
        divisor = high - low
    return {"type": kind, "shift": float(shift), "divisor": float(divisor) or 1.0}


def scaled(
    numbers: np.ndarray, step: dict[str, Any], name: str, path: Path
) -> np.ndarray:
    """Return numbers after one step of their scaling."""
    if HAS_LOG and step["type"] == "log":
        wrong = numbers <= -1
        if wrong.any():
            place = where(path, name, int(wrong.argmax()) + 1)
            raise ValueError(f"{place}: log(1 + x) is of numbers above -1")
        return np.log1p(numbers)
    if HAS_QUANTILE and step["type"] == "quantile":
        return np.interp(numbers, step["points"], step["shares"])
    return (numbers - step["shift"]) / step["divisor"]


def vocabulary(values: pl.Series, how: dict[str, Any], path: Path) -> list[str]:
    """Return the categories of the training rows, sorted."""
    if HAS_RARE:
        counts = values.rename("category").value_counts(name="count")
        is_kept = counts["count"] >= how.get("min_count", 1)
        kept = counts.filter(is_kept)["category"].to_list()
    else:
        kept = values.unique().to_list()
    if HAS_FILLED_CATEGORIES and "fill" in how:
        kept.append(how["fill"])
    if HAS_RARE and not kept:
        raise ValueError(f'{path}: column "{values.name}": every category is rare')
    return sorted(set(kept))


def steps(
    numbers: np.ndarray, train: np.ndarray, how: dict[str, Any], name: str, path: Path
) -> list[dict[str, Any]]:
    """Return the steps that scale numbers, by those of the training rows."""
    made = []
    for kind in how["scale"]:
        step = scaling(kind, numbers[train])
        made.append(step)
        numbers = scaled(numbers, step, name, path)
    return made


def learnt(
    rows: pl.DataFrame, name: str, train: np.ndarray, how: dict[str, Any], path: Path
) -> dict[str, Any]:
    """Return what a column becomes, by what its training rows say."""
    column = read_column(rows, name, how, path)
    left_out = ("missing", "scale", "min_count", "most", "padding")
    by = {key: value for key, value in how.items() if key not in left_out}
    if HAS_LEARNT_FILLS and "missing" in how:
        known = column[train].drop_nulls()
        if not len(known):
            raise ValueError(f'{path}: column "{name}" is missing in all training rows')
        if HAS_MEAN and how["missing"] == "mean":
            by["fill"] = known.mean()
        if HAS_MEDIAN and how["missing"] == "median":
            by["fill"] = known.median()
        if HAS_MODE and how["missing"] == "most_frequent":
            by["fill"] = known.mode().min()
    values = filled(column, by, path)
    if HAS_LEARNT_CATEGORIES and how["kind"] == "categories" and "vocabulary" not in by:
        by["vocabulary"] = vocabulary(values[train], how, path)
    if HAS_TOKENIZERS and "tokenizer" in how:
        by |= tokenizer_of(how)
    elif HAS_VOCABULARIES and how["kind"] == "text" and how["tokens"] != "bytes":
        by["vocabulary"] = token_vocabulary(values[train], how)
    if HAS_SCALED_DATES and how["kind"] == "date" and "scale" in how:
        by["parts"] = []
        for part in how["parts"]:
            made = {**part}
            if "period" not in part:
                numbers = part_of(values, part["name"])
                made["scaling"] = steps(numbers, train, how, name, path)
            by["parts"].append(made)
        return by
    if HAS_SCALED_NUMBERS and "scale" in how:
        by["scaling"] = steps(values.to_numpy(), train, how, name, path)
    return by


def coded(values: pl.Series, by: dict[str, Any], path: Path) -> np.ndarray:
    """Return what categories become; others have the first place where they have one."""
    words = by["vocabulary"]
    numbers = list(range(len(words)))
    found = values.replace_strict(words, numbers, default=-1, return_dtype=pl.Int64)
    if HAS_OTHERS:
        first = int(by.get("unknown", False))
        codes = found.to_numpy() + first
        count = first + len(words)
    else:
        codes = found.to_numpy()
        count = len(words)
    wrong = codes < 0
    if wrong.any():
        row = int(wrong.argmax())
        place = where(path, values.name, row + 1)
        raise ValueError(f"{place}: {values[row]} is none of {words}")
    if IS_INDEX_ALONE:
        return codes[:, None]
    if HAS_INDEX and by["encoding"] == "index":
        return codes[:, None]
    return codes[:, None] == np.arange(count)


def dated(column: pl.Series, by: dict[str, Any], path: Path) -> list[np.ndarray]:
    """Return the parts of dates, those of a cycle as sine and cosine."""
    elements = []
    for part in by["parts"]:
        numbers = part_of(column, part["name"])
        if HAS_CYCLES and "period" in part:
            angle = 2 * np.pi * (numbers - part["first"]) / part["period"]
            elements += [np.sin(angle), np.cos(angle)]
        else:
            if HAS_SCALED_DATES:
                for step in part.get("scaling", []):
                    numbers = scaled(numbers, step, column.name, path)
            elements.append(numbers)
    return elements


def elements_of(column: pl.Series, by: dict[str, Any], path: Path) -> list[np.ndarray]:
    """Return the elements that numbers or dates become."""
    if IS_DATES_ALONE:
        return dated(column, by, path)
    if HAS_DATES and by["kind"] == "date":
        return dated(column, by, path)
    numbers = column.to_numpy()
    if HAS_SCALED_NUMBERS:
        for step in by.get("scaling", []):
            numbers = scaled(numbers, step, column.name, path)
    return [numbers]


def applied(column: pl.Series, by: dict[str, Any], path: Path) -> np.ndarray:
    """Return a column as the elements that it becomes."""
    values = filled(column, by, path)
    if IS_CATEGORIES_ALONE:
        return coded(values, by, path)
    if HAS_CATEGORIES and by["kind"] == "categories":
        return coded(values, by, path)
    if IS_TOKENIZED_ALONE:
        return tokenized(values, by)
    if HAS_TOKENIZED and "tokenizer" in by:
        return tokenized(values, by)
    if IS_TEXTS_ALONE:
        return token_numbers(values, by)
    if HAS_CUT and by["kind"] == "text":
        return token_numbers(values, by)
    elements = elements_of(values, by, path)
    if HAS_INDICATORS and by.get("indicator"):
        elements.append(column.is_null().to_numpy())
    return np.stack(elements, axis=1)


def placed(path: Path, row: int) -> tuple[Path, int]:
    """Return the file of a row, and its number there; both numbers are from 1."""
    if HAS_PARTS and isinstance(path, Parts):
        path, row = path.place(row)
    return path, row


def encoded(
    rows: pl.DataFrame,
    kind: dict[str, Any],
    path: Path,
    low: float,
    high: float,
    *,
    whole: bool = False,
) -> np.ndarray:
    """Return columns as (rows, elements); refuse what is no number from low to high."""
    parts = [
        applied(read_column(rows, name, by, path), by, path)
        for name, by in zip(kind["columns"], kind["prepared"])
    ]
    values = np.concatenate(parts, axis=1).astype("float64")
    if values.shape[1] != math.prod(kind["shape"]):
        widths = {name: part.shape[1] for name, part in zip(kind["columns"], parts)}
        total = f"{values.shape[1]} numbers, and {kind['shape']} is expected"
        raise ValueError(f"{path}: the columns become {widths}: {total}")
    wrong = (values < low) | (values > high)
    if whole:
        wrong |= values != np.floor(values)
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        what = f"{values[row, place]:g} is no number from {low:g} to {high:g}"
        file, row = placed(path, row + 1)
        raise ValueError(f"{file}: row {row}, element {place}: {what}")
    return values
