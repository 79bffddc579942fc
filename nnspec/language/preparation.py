"""Columns of a table that are no plain numbers: missing values, scales, categories."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Flag, Frozen, Number, Size, Text

Encoding = Literal["one_hot", "index"]
Scale = Literal["standard", "min_max", "robust", "log", "none"]
Filled = Literal["refuse", "mean", "median", "most_frequent"]
T = TypeVar("T")


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
        "other. none: as it is, also with `standardize`.",
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
        elif self.missing == "most_frequent" or isinstance(constant, str):
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
    def width(self) -> int | None:
        """The number of elements that the column becomes; None where the training rows decide."""
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


def preparation_of(declared: Mapping[str, T], column: str) -> T | None:
    """Return what is declared of a column: by its name, else by the first pattern it matches."""
    found = declared.get(column)
    if found is not None:
        return found
    return next((each for pattern, each in declared.items() if fnmatchcase(column, pattern)), None)
