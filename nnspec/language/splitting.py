"""The column by which rows are split into training, validation and test."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Frozen, Text

KINDS = ("group", "time", "stratify", "part")


class Split(Frozen):
    """One of `group`, `time`, `stratify` and `part`: a column, or an array of an .npz file."""

    group: Text | None = Field(
        default=None, description="Rows with one value of it stay in one part."
    )
    time: Text | None = Field(
        default=None, description="Numbers or dates: first rows train, last ones test."
    )
    stratify: Text | None = Field(
        default=None, description="Each value of it has the same share in every part."
    )
    format: Text | None = Field(
        default=None, description="How the dates of `time` are written, as %Y-%m-%d."
    )
    part: Text | None = Field(default=None, description="Names the part of each row.")
    validation: Text | None = Field(default=None, description="Its value for validation.")
    test: Text | None = Field(default=None, description="Its value for the test.")

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in KINDS) != 1:
            raise PydanticCustomError(
                "nnspec", "rows are split by one column: `group`, `time`, `stratify` or `part`"
            )
        given = [value for value in (self.validation, self.test) if value is not None]
        if given and self.part is None:
            raise PydanticCustomError(
                "nnspec",
                "`validation` and `test` within `split` are values of the column of `part`",
            )
        if self.part is not None and len(set(given)) != max(len(given), 1):
            raise PydanticCustomError(
                "nnspec",
                "`part` is a column: say by `validation`, `test` or both, and not alike, which "
                "value of it rows of these parts have",
            )
        if self.format is not None:
            from nnspec.language.preparation import require_format

            if self.time is None:
                raise PydanticCustomError("nnspec", "`format` is of the dates of `time`")
            require_format(self.format, ())
        return self

    @property
    def kind(self) -> str:
        """The key that is given."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def column(self) -> str:
        """The column, or the array."""
        return str(getattr(self, self.kind))
