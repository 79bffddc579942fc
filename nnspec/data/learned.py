"""Learns fills, scales and vocabularies of columns from the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nnspec.data.prepared import Prepared, Scaling
from nnspec.errors import DataError
from nnspec.language.preparation import Constant, Preparation, Scale, preparation_of

Array = NDArray[Any]


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
            if each.scale is None and each.categories is None
            else each
            for each in given
        ]
    return tuple(given)


def draft(wanted: Preparation) -> Prepared:
    """Return what reads a column, before anything is learned."""
    chosen = wanted.categories
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
    if not len(present) and (wanted.categories is None or wanted.missing == "most_frequent"):
        raise DataError(
            f'{file}: column "{column.name}": every value of the {len(values)} training rows is '
            "missing, so that nothing can be learned of it; leave the column out"
        )
    fill = _fill(wanted, present)
    filled = values if fill is None else values.fill_null(fill)
    made = made.model_copy(update={"fill": fill})
    if wanted.categories is not None:
        vocabulary = _vocabulary(wanted, filled, fill)
        if not vocabulary:
            raise DataError(
                f'{file}: column "{column.name}": no category is in {wanted.categories.min_count} '
                f"of the {len(values)} training rows (`min_count`); lower it, or leave the column "
                "out"
            )
        return made.model_copy(update={"vocabulary": vocabulary})
    numbers = filled.to_numpy()
    for kind in wanted.steps:
        step = _scaling(kind, numbers)
        numbers = step.apply(numbers)
        made = made.model_copy(update={"scaling": (*made.scaling, step)})
        if np.isnan(numbers).any():
            made.apply(column, file)  # which says where
    return made


def _fill(wanted: Preparation, present: pl.Series) -> float | str | None:
    missing = wanted.missing
    if isinstance(missing, Constant):
        return missing.constant if wanted.categories is None else missing.as_category
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
    else:
        low, shift, high = np.quantile(numbers, [0.25, 0.5, 0.75])
        divisor = high - low
    assert kind != "none"
    return Scaling(type=kind, shift=float(shift), divisor=float(divisor) or 1.0)
