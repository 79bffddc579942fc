"""The split of rows into training, validation and test: by a column, or by their files."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Frozen, Text

KINDS = ("group", "time", "stratify", "part")


class Split(Frozen):
    """One of `group`, `time`, `stratify` and `part`: a column, or an array of an .npz file.

    Or none of them, and the rows of validation and test are in files of their own.
    """

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
    validation: Text | None = Field(
        default=None, description="Its value for validation; without `part` a file."
    )
    test: Text | None = Field(
        default=None, description="Its value for the test; without `part` a file."
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        given = [value for value in (self.validation, self.test) if value is not None]
        columns = sum(getattr(self, kind) is not None for kind in KINDS)
        if columns > 1 or not (columns or given):
            raise PydanticCustomError(
                "nnspec",
                "rows are split by one column, `group`, `time`, `stratify` or `part`, or by the "
                "files of `validation` and `test`",
            )
        if given and columns and self.part is None:
            raise PydanticCustomError(
                "nnspec",
                "`validation` and `test` within `split` are values of the column of `part`, or "
                "files, where no column is named",
            )
        if given and not columns and len(set(given)) != len(given):
            raise PydanticCustomError("nnspec", "`validation` and `test` are two files")
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
        """The key that is given; `files` where none is."""
        return next((kind for kind in KINDS if getattr(self, kind) is not None), "files")

    @property
    def column(self) -> str:
        """The column, or the array; of files there is none."""
        return str(getattr(self, self.kind))

    @property
    def columns(self) -> tuple[str, ...]:
        """The column, or the array, if there is one."""
        return () if self.kind == "files" else (self.column,)

    @property
    def names_parts(self) -> bool:
        """Whether it says of each row which part it is in, and nothing is drawn."""
        return self.kind in ("part", "files")

    @property
    def files(self) -> dict[str, str]:
        """The files of the parts that have one of their own, by the names of the parts."""
        if self.kind != "files":
            return {}
        found = {"validation": self.validation, "test": self.test}
        return {part: file for part, file in found.items() if file is not None}
