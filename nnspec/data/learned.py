"""Learns fills, scales and vocabularies of columns from the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.dates import part_of
from nnspec.data.prepared import DatePart, Prepared, Scaling, scaled
from nnspec.errors import DataError
from nnspec.language.preparation import (
    CYCLES,
    Constant,
    Part,
    Preparation,
    Scale,
    preparation_of,
)
from nnspec.language.texts import Texts

Array = NDArray[Any]

QUANTILES = 101
"""Points of a scale by quantiles: one for each percent."""


def drafts(
    declared: Mapping[str, Preparation], columns: Sequence[str], *, standardize: bool
) -> tuple[Preparation, ...] | None:
    """Return what each column of an input is to become; None where none is prepared.

    standardize: numbers without a scale of their own get the deviation as theirs.
    """
    found = [preparation_of(declared, name) for name in columns]
    if not any(found):
        return None
    plain = Preparation()
    given = [each or plain for each in found]
    if standardize:
        given = [
            each.model_copy(update={"scale": ("standard",)})
            if each.scale is None and each.categories is None and each.text is None
            else each
            for each in given
        ]
    return tuple(given)


def draft(wanted: Preparation) -> Prepared:
    """Return what reads a column, before anything is learned."""
    chosen = wanted.categories
    if wanted.date is not None:
        return Prepared(
            kind="date",
            indicator=wanted.indicator,
            format=wanted.format,
            parts=tuple(_part(name, is_cyclic=wanted.cyclic) for name in wanted.date),
        )
    if wanted.text is not None:
        return Prepared(kind="text", **_of_text(wanted.text))
    if chosen is None:
        return Prepared(kind="number", indicator=wanted.indicator)
    return Prepared(kind="categories", encoding=chosen.encoding, unknown=chosen.unknown == "bucket")


def learned(wanted: Preparation, column: pl.Series, rows: Array | slice, file: object) -> Prepared:
    """Return what a column becomes, by the values of its training rows; raises DataError.

    column: all rows as `Prepared.read` gives them. rows: the positions of those of training.
    """
    made = draft(wanted)
    if wanted.missing == "refuse" and column.has_nulls():
        made.apply(column, file)  # which says where the first is
    values = column[rows]
    present = values.drop_nulls()
    is_filled = isinstance(wanted.missing, Constant)
    has_words = wanted.categories is not None or (wanted.text is not None and is_filled)
    if not len(present) and (not has_words or wanted.missing == "most_frequent"):
        raise DataError(
            f'{file}: column "{column.name}": every value of the {len(values)} training rows is '
            "missing, so that nothing can be learned of it; leave the column out"
        )
    made = made.model_copy(update={"fill": _fill(wanted, present)})
    filled = made.filled(column)
    if wanted.categories is not None:
        vocabulary = _vocabulary(wanted, filled[rows], made.fill)
        if not vocabulary:
            raise DataError(
                f'{file}: column "{column.name}": no category is in {wanted.categories.min_count} '
                f"of the {len(values)} training rows (`min_count`); lower it, or leave the column "
                "out"
            )
        return made.model_copy(update={"vocabulary": vocabulary})
    if wanted.text is not None:
        return _with_tokens(wanted.text, made, filled[rows], file)
    if wanted.date is not None:
        parts = tuple(
            part
            if part.period is not None
            else part.model_copy(
                update={"scaling": _steps(wanted, part_of(filled, part.name), column, rows, file)}
            )
            for part in made.parts
        )
        return made.model_copy(update={"parts": parts})
    scaling = _steps(wanted, filled.to_numpy(), column, rows, file)
    return made.model_copy(update={"scaling": scaling})


def _of_text(wanted: Texts) -> dict[str, Any]:
    """Return the fields of a column of text that no row has a say in."""
    found = wanted.model_dump(include={"length", "keep", "pad", "windows"})
    if wanted.tokenizer is None:
        return {**found, **wanted.model_dump(include={"tokens", "lower"})}
    from nnspec.data.tokenizer_files import Tokenized  # which few specs need

    assert isinstance(wanted, Tokenized)
    return {**found, "tokenizer": wanted.content, "fills": wanted.fills, "size": wanted.size}


def _with_tokens(wanted: Texts, made: Prepared, filled: pl.Series, file: object) -> Prepared:
    """Return a column of text with the vocabulary of its training rows; raises DataError."""
    from nnspec.data.texts import tokens_of, vocabulary_of  # which few specs need

    if wanted.tokens == "bytes" or wanted.tokenizer is not None:
        return made
    tokens = tokens_of(filled.drop_nulls(), wanted.tokens, lower=wanted.lower)
    vocabulary = vocabulary_of(tokens, wanted.most, wanted.min_count)
    if not vocabulary:
        often = f" {wanted.min_count} times" if wanted.min_count > 1 else ""
        raise DataError(
            f'{file}: column "{filled.name}": no token is{often} in the {len(filled)} training '
            "rows, so that every text would be the same"
        )
    return made.model_copy(update={"vocabulary": vocabulary})


def _part(name: Part, *, is_cyclic: bool) -> DatePart:
    first, period = CYCLES.get(name, (None, None)) if is_cyclic else (None, None)
    return DatePart(name=name, first=first, period=period)


def _steps(
    wanted: Preparation, numbers: Array, column: pl.Series, rows: Array | slice, file: object
) -> tuple[Scaling, ...]:
    """Return the steps that scale the numbers of all rows, by those of training."""
    steps: tuple[Scaling, ...] = ()
    for kind in wanted.steps:
        step = _scaling(kind, numbers[rows])
        numbers = scaled(numbers, (step,), column, file)
        steps = (*steps, step)
    return steps


def _fill(wanted: Preparation, present: pl.Series) -> float | str | None:
    missing = wanted.missing
    if isinstance(missing, Constant):
        is_number = wanted.categories is None and wanted.text is None
        return missing.constant if is_number else missing.as_category
    if missing == "refuse":
        return None
    if missing == "most_frequent":
        return str(present.mode().min())  # the first of those that are as frequent
    found: Any = present.mean() if missing == "mean" else present.median()
    return float(found)


def _vocabulary(
    wanted: Preparation, filled: pl.Series, fill: float | str | None
) -> tuple[str, ...]:
    chosen = wanted.categories
    assert chosen is not None
    if chosen.values is not None:
        listed = chosen.values
        is_new = isinstance(fill, str) and isinstance(wanted.missing, Constant)
        return (*listed, str(fill)) if is_new and fill not in listed else listed
    counts = filled.drop_nulls().rename("category").value_counts(name="count")
    kept = counts.filter(counts["count"] >= (chosen.min_count or 1))["category"].to_list()
    if isinstance(wanted.missing, Constant) and fill is not None:
        kept.append(fill)
    return tuple(sorted(set(map(str, kept))))


def _scaling(kind: Scale, numbers: Array) -> Scaling:
    """Return one step; of numbers that are all alike the divisor is 1."""
    if kind == "log":
        return Scaling(type="log")
    if kind == "standard":
        is_constant = bool((numbers == numbers[0]).all())
        # A computed mean of equal values may miss them by a rounding.
        shift = numbers[0] if is_constant else numbers.mean()
        divisor = 0.0 if is_constant else numbers.std()
    elif kind == "min_max":
        shift = numbers.min()
        divisor = numbers.max() - shift
    elif kind == "quantile":
        shares = np.linspace(0.0, 1.0, QUANTILES)
        points, first, counts = np.unique(
            np.quantile(numbers, shares), return_index=True, return_counts=True
        )
        # Of equal numbers the share is the middle of theirs.
        middle = (shares[first] + shares[first + counts - 1]) / 2
        return Scaling(
            type="quantile", points=tuple(points.tolist()), shares=tuple(middle.tolist())
        )
    else:
        low, shift, high = np.quantile(numbers, [0.25, 0.5, 0.75])
        divisor = high - low
    assert kind != "none"
    return Scaling(type=kind, shift=float(shift), divisor=float(divisor) or 1.0)
