"""Windows over series: consecutive rows that are one row of the network."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Count, Frozen, Size, Text


class Windows(Frozen):
    """Each row of the network is a window: consecutive rows, as many as the first axis says."""

    series: Text | None = Field(
        default=None, description="The column that tells several series apart."
    )
    order: Text | None = Field(
        default=None,
        description="Numbers or dates that order the rows of a series; by default as they are.",
    )
    format: Text | None = Field(
        default=None, description="How the dates of `order` are written, as %Y-%m-%d."
    )
    horizon: Count = Field(
        default=1, description="Rows after a window that are its target; 0 for its own last."
    )
    gap: Count = Field(default=0, description="Rows between a window and its target.")
    stride: Size = Field(default=1, description="Rows from a window to the next.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.format is not None:
            from nnspec.language.preparation import require_format

            if self.order is None:
                raise PydanticCustomError("nnspec", "`format` is of the dates of `order`")
            require_format(self.format, ())
        if self.gap and not self.horizon:
            raise PydanticCustomError(
                "nnspec", "`gap` is between a window and the `horizon` after it, which is 0"
            )
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that say which rows follow one another."""
        return tuple(name for name in (self.series, self.order) if name is not None)
