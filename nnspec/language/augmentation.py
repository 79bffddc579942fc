"""Changes of images that training draws anew in each epoch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Count, Frozen


class Augmentation(Frozen):
    """Changes of the images of an input: flipped, then shifted, by numbers drawn for each.

    A flip is drawn with the chance 1/2, a shift with equal chances from -n to n pixels; what comes
    in at an edge is its last row or column.
    """

    flip: Literal["horizontal", "vertical", "both"] | None = Field(
        default=None, description="horizontal: left and right change places, or not."
    )
    shift: Count | Annotated[tuple[Count, Count], Field(strict=False)] | None = Field(
        default=None, description="At most so many pixels, or [down, across]."
    )

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.flip is None and not any(self.shifts):
            raise PydanticCustomError("nnspec", "say what is drawn: `flip`, `shift`, or both")
        return self

    @property
    def shifts(self) -> tuple[int, int]:
        """The largest shift down and across."""
        if self.shift is None:
            return 0, 0
        return self.shift if isinstance(self.shift, tuple) else (self.shift, self.shift)

    @property
    def axes(self) -> tuple[bool, bool]:
        """Whether it flips upside down, and left and right."""
        return self.flip in ("vertical", "both"), self.flip in ("horizontal", "both")
