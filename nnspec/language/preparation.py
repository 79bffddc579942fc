"""Columns of a table that are no plain numbers: missing values, scales, categories, dates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.pictures import Picture
from nnspec.language.sounds import Sound
from nnspec.language.texts import Texts
from nnspec.layers.fields import Flag, Frozen, Number, Size, Text

Encoding = Literal["one_hot", "index"]
Scale = Literal["standard", "min_max", "robust", "log", "quantile", "none"]
Part = Literal["year", "month", "day", "weekday", "day_of_year", "hour", "minute", "second"]
Filled = Literal["refuse", "mean", "median", "most_frequent"]
T = TypeVar("T")

CYCLES: dict[str, tuple[int, int]] = {
    "month": (1, 12),
    "day": (1, 31),
    "weekday": (1, 7),
    "day_of_year": (1, 366),
    "hour": (0, 24),
    "minute": (0, 60),
    "second": (0, 60),
}
"""Part of a date -> the first number of its cycle, and how many there are."""
DIRECTIVES = {
    "%Y": "[1-9][0-9]{3}",
    "%m": "(0[1-9]|1[0-2])",
    "%d": "(0[1-9]|[12][0-9]|3[01])",
    "%H": "([01][0-9]|2[0-3])",
    "%M": "[0-5][0-9]",
    "%S": "[0-5][0-9]",
}
"""Directive of a format of dates -> the digits that it stands for."""
_TIMES = {"hour": "%H", "minute": "%M", "second": "%S"}
_LITERALS = "-/.:, TZ_"
"""Signs between the numbers of a date."""


def _as_text(value: object) -> object:
    """Return a whole number, or true or false, as a file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


def _many_as_text(value: object) -> object:
    return tuple(map(_as_text, value)) if isinstance(value, list | tuple) else value


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _as_categories(value: object) -> object:
    return {"encoding": value} if isinstance(value, str) else value


class Constant(Frozen):
    """A value in the place of missing ones."""

    constant: Number | Text = Field(description="A number, or a category.")

    @property
    def as_category(self) -> str:
        """The constant as a file has it."""
        given = self.constant
        if isinstance(given, str):
            return given
        return str(int(given)) if given == int(given) else str(given)


class Categories(Frozen):
    """A column of categories: which there are, and what they become."""

    encoding: Encoding = Field(
        description="one_hot: an element for each category, 1 where it is that one, else 0; index: "
        "its number, as an embedding takes it."
    )
    values: (
        Annotated[
            tuple[Text, ...],
            Field(strict=False, min_length=1),
            BeforeValidator(_many_as_text, json_schema_input_type=list[str | int]),
        ]
        | None
    ) = Field(
        default=None,
        description="The categories in their order; by default those of the training rows, sorted.",
    )
    unknown: Literal["refuse", "bucket"] = Field(
        default="refuse",
        description="What becomes of others: an error, or a first element (the number 0) of "
        "their own.",
    )
    min_count: Size | None = Field(
        default=None,
        description="Categories in fewer training rows are as unknown ones (`unknown: bucket`).",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        values = self.values or ()
        if len(set(values)) < len(values):
            twice = next(each for i, each in enumerate(values) if each in values[:i])
            raise PydanticCustomError("nnspec", '"{name}" is listed twice', {"name": twice})
        if any(each != each.strip() or not each for each in values):
            raise PydanticCustomError(
                "nnspec", "categories have no spaces around them, and are not empty"
            )
        if self.min_count is not None and (self.unknown == "refuse" or values):
            raise PydanticCustomError(
                "nnspec",
                "`min_count` needs `unknown: bucket`, which takes the rare ones"
                if self.unknown == "refuse"
                else "`min_count` is of categories that the training rows give, and `values` "
                "lists them",
            )
        return self


class Preparation(Frozen):
    """One column of a table, and the numbers that it becomes, learned of the training rows alone.

    Missing is an empty text, a null, or a number that is NaN. It is filled first, then scaled.
    """

    missing: Filled | Constant = Field(
        default="refuse",
        description="What stands for a missing value: mean or median of the training rows, the "
        "most_frequent category, {constant: 0}; by default it is an error.",
    )
    indicator: Flag = Field(
        default=False,
        description="Whether an element more follows: 1 where the value was missing, else 0.",
    )
    scale: (
        Annotated[
            tuple[Scale, ...],
            Field(strict=False, min_length=1),
            BeforeValidator(_one_or_many, json_schema_input_type=Scale | list[Scale]),
        ]
        | None
    ) = Field(
        default=None,
        description="standard: (x - mean) / deviation; min_max: (x - min) / (max - min); robust: "
        "(x - median) / (75 % - 25 % quantile); log: log(1 + x); or several, one after the "
        "other; quantile: the share of the training rows below, 0 to 1. none: as it is, also with "
        "`standardize`.",
    )
    categories: (
        Annotated[
            Categories,
            BeforeValidator(_as_categories, json_schema_input_type=Encoding | Categories),
        ]
        | None
    ) = Field(
        default=None,
        description="That the column holds categories: one_hot, index, or a mapping with "
        "`encoding`.",
    )

    date: (
        Annotated[
            tuple[Part, ...],
            Field(strict=False, min_length=1),
            BeforeValidator(_one_or_many, json_schema_input_type=Part | list[Part]),
        ]
        | None
    ) = Field(
        default=None,
        description="That the column holds dates, and which parts of them are elements; a weekday "
        "is 1 on Monday to 7.",
    )
    cyclic: Flag = Field(
        default=False,
        description="Whether parts of a date but the year are two elements each: sine and cosine "
        "of 2 · pi · their place in the cycle.",
    )
    format: Text = Field(
        default="%Y-%m-%d", description="How dates are written, of %Y %m %d %H %M %S."
    )
    image: Picture | None = Field(
        default=None,
        description="That the column holds paths of images, relative to the table; {} for images "
        "that have the input's size.",
    )
    sound: Sound | None = Field(default=None, description="Paths of sounds, as {rate: 16000}.")
    text: Texts | None = Field(
        default=None, description="That the column holds texts, as {length: 64}: numbers of words."
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        for kind, others in (("image", ()), ("sound", ()), ("text", ("missing",))):
            if getattr(self, kind) is None:
                continue
            for key, declared in type(self).model_fields.items():
                if key not in (kind, *others) and getattr(self, key) != declared.default:
                    raise PydanticCustomError(
                        "nnspec", "{kind}s have no `{key}`", {"kind": kind, "key": key}
                    )
        if self.text is not None and self.missing in ("mean", "median"):
            raise PydanticCustomError(
                "nnspec",
                "texts have no {kind}: `missing` is most_frequent or a constant",
                {"kind": self.missing},
            )
        if self.date is None:
            for key in ("cyclic", "format"):
                if key in self.model_fields_set:
                    raise PydanticCustomError(
                        "nnspec", "`{key}` is of dates: name their parts in `date`", {"key": key}
                    )
            return self
        if self.categories is not None:
            raise PydanticCustomError("nnspec", "a column holds dates or categories, not both")
        require_format(self.format, self.date)
        if len(set(self.date)) < len(self.date):
            raise PydanticCustomError("nnspec", "a part of the date is listed twice")
        if self.cyclic and set(self.date) == {"year"}:
            raise PydanticCustomError("nnspec", "years do not come again: no part is `cyclic`")
        if self.steps and not self.linear_parts:
            raise PydanticCustomError(
                "nnspec", "`scale` is of parts that are numbers, and all of these are cyclic"
            )
        if isinstance(self.missing, str) and self.missing != "refuse":
            raise PydanticCustomError(
                "nnspec",
                "dates have no {kind}: `missing` is a constant date",
                {"kind": self.missing},
            )
        if isinstance(self.missing, Constant) and not is_date(
            self.missing.as_category, self.format
        ):
            raise PydanticCustomError(
                "nnspec",
                "the constant {given} is no date of the form {form}",
                {"given": self.missing.as_category, "form": self.format},
            )
        return self

    @model_validator(mode="after")
    def _fits(self) -> Self:
        constant = self.missing.constant if isinstance(self.missing, Constant) else None
        if self.categories is not None:
            for key in ("scale", "indicator"):
                if getattr(self, key):
                    raise PydanticCustomError("nnspec", "categories have no `{key}`", {"key": key})
            if self.missing in ("mean", "median"):
                raise PydanticCustomError(
                    "nnspec",
                    "categories have no {kind}: `missing` is most_frequent or a constant",
                    {"kind": self.missing},
                )
        elif (
            self.date is None
            and self.text is None
            and (self.missing == "most_frequent" or isinstance(constant, str))
        ):
            raise PydanticCustomError(
                "nnspec",
                "`missing` of numbers is mean, median or a number; give `categories` if it holds "
                "categories",
            )
        if self.indicator and self.missing == "refuse":
            raise PydanticCustomError(
                "nnspec", "`indicator` says what was missing, which `missing` refuses"
            )
        if self.scale is not None and "none" in self.scale and len(self.scale) > 1:
            raise PydanticCustomError("nnspec", "`scale` is none or something, not both")
        return self

    @property
    def steps(self) -> tuple[Scale, ...]:
        """The scales, one after the other."""
        return tuple(each for each in self.scale or () if each != "none")

    @property
    def linear_parts(self) -> tuple[Part, ...]:
        """The parts of a date that are a number each."""
        return tuple(each for each in self.date or () if not (self.cyclic and each in CYCLES))

    @property
    def width(self) -> int | None:
        """The number of elements that the column becomes; None where the rows or a file decide."""
        if self.image is not None:
            return None
        if self.text is not None:
            return self.text.length
        if self.date is not None:
            return 2 * len(self.date) - len(self.linear_parts) + self.indicator
        if self.categories is None:
            return 1 + self.indicator
        if self.categories.encoding == "index":
            return 1
        values = self.categories.values
        if values is None:
            return None
        known = set(values)
        if isinstance(self.missing, Constant):
            known.add(self.missing.as_category)
        return len(known) + (self.categories.unknown == "bucket")


def pieces_of(form: str) -> list[str]:
    """Return the parts of a format of dates: what stands between directives, and each of these."""
    return re.split(r"(%[A-Za-z])", form)


def pattern_of(form: str) -> str:
    """Return the regular expression of dates that are written so, digit for digit."""
    for directive, digits in DIRECTIVES.items():
        form = form.replace(directive, digits)
    return form.replace(".", r"\.")


def is_date(text: str, form: str) -> bool:
    """Whether a text is a date of this form, and one of the calendar."""
    if re.fullmatch(pattern_of(form), text) is None:
        return False
    try:
        datetime.strptime(text, form)
    except ValueError:
        return False
    return True


def require_format(form: str, parts: tuple[Part, ...]) -> None:
    """Raise PydanticCustomError for a form that does not say where each number of a date ends.

    parts: those that the form has to have.
    """
    pieces = pieces_of(form)
    found = pieces[1::2]
    between = pieces[2:-1:2]
    is_plain = all(sign in _LITERALS for piece in pieces[::2] for sign in piece)
    is_known = set(found) <= DIRECTIVES.keys() and len(set(found)) == len(found)
    if not (is_plain and is_known and all(between) and {"%Y", "%m", "%d"} <= set(found)):
        raise PydanticCustomError(
            "nnspec",
            "`format` {form} is none of %Y, %m and %d, and %H, %M, %S, each once, with one of "
            "{signs} between them",
            {"form": form, "signs": _LITERALS},
        )
    for part in parts:
        if part in _TIMES and _TIMES[part] not in found:
            raise PydanticCustomError(
                "nnspec",
                "the part {part} needs {directive} in `format`",
                {"part": part, "directive": _TIMES[part]},
            )


def preparation_of(declared: Mapping[str, T], column: str) -> T | None:
    """Return what is declared of a column: by its name, else by the first pattern it matches."""
    found = declared.get(column)
    if found is not None:
        return found
    return next((each for pattern, each in declared.items() if fnmatchcase(column, pattern)), None)
