"""Columns of a table as numbers of the network; kept with the weights."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from nnspec.data.dates import as_dates, dates, part_of, require_years
from nnspec.data.tables import filled_text, number, where
from nnspec.errors import DataError, nearest
from nnspec.language.preparation import Part, is_date, require_format
from nnspec.language.texts import OF_BYTES, OTHER, PADDING, Tokens
from nnspec.layers.fields import Count, Finite, Flag, Frozen, Size, Text

Array = NDArray[Any]

SHOWN = 8
"""Categories that a message names."""


class Scaling(Frozen):
    """One step that scales numbers: (x - shift) / divisor, log(1 + x), or a share of the rows."""

    type: Literal["standard", "min_max", "robust", "log", "quantile"]
    """The step's name in the spec."""
    shift: Finite = 0.0
    """Subtracted from each number."""
    divisor: Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)] = 1.0
    """The divisor of each number after that."""

    points: Annotated[tuple[Finite, ...], Field(strict=False)] = ()
    """Numbers of the training rows in order, between which a share is linear."""
    shares: Annotated[tuple[Finite, ...], Field(strict=False)] = ()
    """The share of the training rows up to each of them."""

    @model_validator(mode="after")
    def _has_points(self) -> Self:
        is_right = len(self.points) == len(self.shares) and all(
            low < high for low, high in itertools.pairwise(self.points)
        )
        if not is_right or bool(self.points) != (self.type == "quantile"):
            raise ValueError("quantiles are points that rise, with a share for each")
        return self

    def apply(self, values: Array) -> Array:
        """Return float64 numbers scaled; NaN where this is not defined."""
        if self.type == "quantile":
            return np.interp(values, self.points, self.shares)
        with np.errstate(all="ignore"):
            if self.type == "log":
                logarithms: Array = np.where(values > -1, np.log1p(values), np.nan)
                return logarithms
            scaled: Array = (values - self.shift) / self.divisor
            return scaled


class DatePart(Frozen):
    """One part of a date, as a number or as a place in a cycle."""

    name: Part
    """The part's name in the spec."""
    first: Count | None = None
    """The first number of a cycle; None of a part that is a number."""
    period: Size | None = None
    """The count of numbers in a cycle."""
    scaling: Annotated[tuple[Scaling, ...], Field(strict=False)] = ()
    """The steps that scale a number, in their order."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.period is None) != (self.first is None) or (self.period and self.scaling):
            raise ValueError("a part of a date is a number, which is scaled, or in a cycle")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The meaning of each element that it becomes."""
        return (self.name,) if self.period is None else (f"{self.name} sine", f"{self.name} cosine")


class Prepared(Frozen):
    """One column: what it holds, and what it becomes by what its training rows said."""

    kind: Literal["number", "categories", "date", "text"]
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
    parts: Annotated[tuple[DatePart, ...], Field(strict=False)] = ()
    """The parts of a date that are elements."""
    format: Text | None = None
    """The way in which dates are written."""
    tokens: Tokens | None = None
    """The kind of a text's tokens; `vocabulary` has them in the order of their numbers from 2."""
    tokenizer: str | None = None
    """The JSON of the tokenizer that gives the numbers, where there is one."""
    fills: Count = PADDING
    """The number that fills a shorter text."""
    size: Size | None = None
    """One more than the largest number of a tokenizer."""
    length: Size | None = None
    """The number of tokens of a row."""
    lower: Flag = False
    """Whether capitals of a text are as small letters."""
    keep: Literal["start", "end"] = "start"
    """The part of a longer text that is kept."""
    pad: Literal["start", "end"] = "end"
    """The side on which a shorter text is filled."""
    windows: Flag = False
    """Whether the rows of a .txt file are so many tokens each, whose white space counts."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        kind = self.kind
        if (self.encoding is not None) != (kind == "categories") or (
            self.scaling and kind != "number"
        ):
            raise ValueError("numbers have a scaling, and categories an encoding")
        has_tokens = (self.tokens is None) != (self.tokenizer is None)
        if (has_tokens and self.length is not None) != (kind == "text"):
            raise ValueError("texts have tokens, and a number of them")
        if (self.tokenizer is None) != (self.size is None):
            raise ValueError("a tokenizer has so many numbers")
        if (bool(self.parts) and self.format is not None) != (kind == "date"):
            raise ValueError("dates have parts and a format")
        if self.format is not None:
            require_format(self.format, tuple(part.name for part in self.parts))
            if self.fill is not None and not is_date(str(self.fill), self.format):
                raise ValueError("the value for missing dates is none")
        if self.fill is not None and isinstance(self.fill, str) != (kind != "number"):
            raise ValueError("the value for missing ones is of another kind than the column")
        if len(set(self.vocabulary)) < len(self.vocabulary):
            raise ValueError("a category is listed twice")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The meaning of each element that the column becomes."""
        if self.length is not None:
            return tuple(f"token {i + 1}" for i in range(self.length))
        if self.encoding == "one_hot":
            return (*(["others"] if self.unknown else ()), *self.vocabulary)
        missing = ["missing"] if self.indicator else []
        if self.kind == "date":
            return (*(name for part in self.parts for name in part.names), *missing)
        return ("number of the category" if self.encoding else "value", *missing)

    @property
    def meaning(self) -> tuple[object, ...]:
        """All that decides what the column becomes, to be compared with another."""
        of_texts = (self.tokens, self.vocabulary, self.tokenizer, self.fills)
        return (self.names, *(of_texts if self.kind == "text" else ()))

    @property
    def numbers(self) -> int | None:
        """The size of a table that takes what the column becomes; None if none does."""
        if self.tokenizer is not None:
            return self.size
        if self.kind == "text":
            return OF_BYTES if self.tokens == "bytes" else OTHER + 1 + len(self.vocabulary)
        return len(self.vocabulary) + self.unknown if self.encoding == "index" else None

    def read(self, series: pl.Series, file: object) -> pl.Series:
        """Return a column as float64, text or datetime, null where missing; raises DataError."""
        if self.windows and series.dtype in (pl.String, pl.List):
            return series
        if self.kind in ("categories", "text"):
            return filled_text(series, file=file)
        if self.format is not None:
            found = dates(series, self.format, file=file)
            require_years(found, file=file)
            return found
        return number(series, file=file)

    def apply(self, values: pl.Series, file: object) -> Array:
        """Return what `read` gave as (rows, elements) in float64; raises DataError."""
        missing = values.is_null()
        if self.fill is None and missing.any():
            raise _refused(values, missing, "the value is missing", file)
        filled = self.filled(values)
        if self.encoding is not None:
            return self._encoded(filled, file)
        if self.kind == "text":
            return self._numbered(filled)
        columns = [scaled(filled.to_numpy(), self.scaling, values, file)] if not self.parts else []
        for part in self.parts:
            numbers = part_of(filled, part.name)
            if part.period is None:
                columns.append(scaled(numbers, part.scaling, values, file))
            else:
                angle = 2 * np.pi * (numbers - (part.first or 0)) / part.period
                columns += [np.sin(angle), np.cos(angle)]
        if self.indicator:
            columns.append(missing.to_numpy())
        return np.stack(columns, axis=1).astype(np.float64)

    def _numbered(self, texts: pl.Series) -> Array:
        from nnspec.data.texts import numbered, tokens_of  # which few specs need

        assert self.length is not None
        keep, pad, fills = self.keep, self.pad, self.fills
        if self.tokenizer is not None and texts.dtype != pl.List:
            from nnspec.data.tokenizer_files import encoded

            given, is_whole = (self.tokenizer, self.length), not self.windows
            return encoded(texts, *given, keep=keep, pad=pad, fills=fills, is_whole=is_whole)
        # Of a plain text that a tokenizer has cut there are numbers already.
        tokens = texts if self.tokens is None else tokens_of(texts, self.tokens, lower=self.lower)
        length = self.length
        return numbered(tokens, self.vocabulary, length, keep=keep, pad=pad, fills=fills)

    def filled(self, values: pl.Series) -> pl.Series:
        """Return what `read` gave with the value for missing ones in their place."""
        if self.fill is None:
            return values
        if self.format is not None:
            return values.fill_null(as_dates(pl.Series([str(self.fill)]), self.format)[0])
        return values.fill_null(self.fill)

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


def scaled(numbers: Array, steps: tuple[Scaling, ...], values: pl.Series, file: object) -> Array:
    """Return numbers after steps that scale them; raises DataError where one is not defined."""
    for step in steps:
        after = step.apply(numbers)
        wrong = pl.Series(np.isnan(after))
        if wrong.any():
            given = numbers[int(wrong.arg_true()[0])]
            why = f"{given:g} has no log(1 + x), which is of numbers above -1"
            raise _refused(values, wrong, why, file)
        numbers = after
    return numbers


def _refused(values: pl.Series, wrong: pl.Series, why: str, file: object) -> DataError:
    """Return the error for the first value that is wrong."""
    place = where(file, f'column "{values.name}"', int(wrong.arg_true()[0]))
    return DataError(f"{place}: {why}")
