"""Columns of a table as numbers of the network; kept with the weights."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from nnspec.data.tables import filled_text, number, where
from nnspec.errors import DataError, nearest
from nnspec.layers.fields import Finite, Flag, Frozen, Text

Array = NDArray[Any]

SHOWN = 8
"""Categories that a message names."""


class Scaling(Frozen):
    """One step that scales numbers: (x - shift) / divisor, or log(1 + x)."""

    type: Literal["standard", "min_max", "robust", "log"]
    """The step's name in the spec."""
    shift: Finite = 0.0
    """Subtracted from each number."""
    divisor: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 1.0
    """The divisor of each number after that."""

    def apply(self, values: Array) -> Array:
        """Return float64 numbers scaled; NaN where this is not defined."""
        with np.errstate(all="ignore"):
            if self.type == "log":
                logarithms: Array = np.where(values > -1, np.log1p(values), np.nan)
                return logarithms
            scaled: Array = (values - self.shift) / self.divisor
            return scaled


class Prepared(Frozen):
    """One column: what it holds, and what it becomes by what its training rows said."""

    kind: Literal["number", "categories"]
    """The kind of what the column holds."""
    fill: Finite | Text | None = None
    """In the place of a missing value; None where that is an error."""
    indicator: Flag = False
    """Whether an element more says which values were missing."""
    scaling: Annotated[tuple[Scaling, ...], Field(strict=False)] = ()
    """The steps that scale a number, in their order."""
    encoding: Literal["one_hot", "index"] | None = None
    """The form that categories take."""
    vocabulary: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    """The categories in the order of their elements, or of their numbers."""
    unknown: Flag = False
    """Whether others are an element, or a number, of their own, which is the first."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        is_text = self.kind == "categories"
        if (self.encoding is not None) != is_text or bool(self.scaling) > (not is_text):
            raise ValueError("numbers have a scaling, and categories an encoding")
        if self.fill is not None and isinstance(self.fill, str) != is_text:
            raise ValueError("the value for missing ones is of another kind than the column")
        if len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError("a category is listed twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The meaning of each element that the column becomes."""
        if self.encoding == "one_hot":
            return (*(["others"] if self.unknown else ()), *self.vocabulary)
        value = "value" if self.encoding is None else "number of the category"
        return (value, *(["missing"] if self.indicator else ()))

    def read(self, series: pl.Series, file: object) -> pl.Series:
        """Return the column as float64, or as text, null where it is missing; raises DataError."""
        if self.kind == "categories":
            return filled_text(series, file=file)
        return number(series, file=file)

    def apply(self, values: pl.Series, file: object) -> Array:
        """Return what `read` gave as (rows, elements) in float64; raises DataError."""
        missing = values.is_null()
        if self.fill is None and missing.any():
            raise _refused(values, missing, "the value is missing", file)
        filled = values.fill_null(self.fill) if self.fill is not None else values
        if self.encoding is not None:
            return self._encoded(filled, file)
        numbers = filled.to_numpy()
        for step in self.scaling:
            scaled = step.apply(numbers)
            wrong = pl.Series(np.isnan(scaled))
            if wrong.any():
                given = numbers[int(wrong.arg_true()[0])]
                why = f"{given:g} has no log(1 + x), which is of numbers above -1"
                raise _refused(values, wrong, why, file)
            numbers = scaled
        columns = [numbers, missing.to_numpy()] if self.indicator else [numbers]
        return np.stack(columns, axis=1).astype(np.float64)

    def _encoded(self, filled: pl.Series, file: object) -> Array:
        numbers = pl.Series(range(len(self.vocabulary)), dtype=pl.Int64)
        known = pl.Series(self.vocabulary, dtype=pl.String)
        found = filled.replace_strict(known, numbers, default=-1, return_dtype=pl.Int64)
        others = found == -1
        if not self.unknown and others.any():
            given = str(filled[int(others.arg_true()[0])])
            shown = ", ".join(f'"{each}"' for each in self.vocabulary[:SHOWN])
            more = ", ..." if len(self.vocabulary) > SHOWN else ""
            why = (
                f'"{given}" is none of the {len(self.vocabulary)} categories'
                f"{nearest(given, self.vocabulary)} ({shown}{more}); `unknown: bucket` takes others"
            )
            raise _refused(filled, others, why, file)
        codes = found.to_numpy() + self.unknown
        if self.encoding == "index":
            return codes.astype(np.float64)[:, None]
        chosen: Array = codes[:, None] == np.arange(len(self.names))
        return chosen.astype(np.float64)


def _refused(values: pl.Series, wrong: pl.Series, why: str, file: object) -> DataError:
    """Return the error for the first value that is wrong."""
    place = where(file, f'column "{values.name}"', int(wrong.arg_true()[0]))
    return DataError(f"{place}: {why}")
