"""Changes of images that training draws anew in each epoch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Count, Frozen, Number

Share = Annotated[float, Field(strict=True, gt=0, le=1)]
Alpha = Annotated[float, Field(strict=True, ge=0.1, le=100)]
"""Of a Beta(alpha, alpha); of less nearly every number is 0 or 1."""

COLOURS = ("brightness", "contrast", "saturation")
"""Keys that change the colours of an image, in the order in which they do."""
MIXTURES = ("mixup", "cutmix")
"""Keys that mix images of two rows, and their targets."""


class Augmentation(Frozen):
    """Changes of the images of an input, by numbers drawn for each: places, colours, mixtures.

    A flip is drawn with the chance 1/2, a shift with equal chances from -n to n pixels, then a turn
    about the middle, of which a part is cut and made as large as the image. What comes in at an
    edge is its last row or column. Brightness, contrast and saturation are factors from 1 - n to
    1 + n. mixup: Zhang et al. 2018, arXiv 1710.09412. cutmix: Yun et al. 2019, arXiv 1905.04899.
    """

    flip: Literal["horizontal", "vertical", "both"] | None = Field(
        default=None, description="horizontal: left and right change places, or not."
    )
    shift: Count | Annotated[tuple[Count, Count], Field(strict=False)] | None = Field(
        default=None, description="At most so many pixels, or [down, across]."
    )
    rotate: Annotated[float, Field(strict=True, gt=0, le=180)] | None = Field(
        default=None, description="At most so many degrees, to either side."
    )
    crop: Share | None = Field(
        default=None, description="A part of at least this share of the area is cut and resized."
    )
    brightness: Share | None = Field(default=None, description="0.2: times 0.8 to 1.2.")
    contrast: Share | None = Field(default=None, description="0.2: 0.8 to 1.2 times as strong.")
    saturation: Share | None = Field(default=None, description="0.2: 0.8 to 1.2 times as strong.")
    range: Annotated[tuple[Number, Number], Field(strict=False)] | None = Field(
        default=None, description="Black and white of images of no file, for their colours."
    )
    mixup: Alpha | None = Field(
        default=None, description="Of two rows and their targets a mean, by Beta(n, n)."
    )
    cutmix: Alpha | None = Field(
        default=None, description="A box of another row's image, as large as Beta(n, n) says."
    )

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        given = [self.moves, self.samples, self.colours, self.mixtures]
        if not any(given):
            raise PydanticCustomError(
                "nnspec",
                "say what is drawn: `flip`, `shift`, `rotate`, `crop`, `brightness`, `contrast`, "
                "`saturation`, `mixup` or `cutmix`",
            )
        if self.range is not None and not self.range[0] < self.range[1]:
            raise PydanticCustomError("nnspec", "`range` is [black, white], and black is less")
        if self.range is not None and not self.colours:
            raise PydanticCustomError(
                "nnspec", "`range` is for `brightness`, `contrast` and `saturation`"
            )
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

    @property
    def moves(self) -> bool:
        """Whether whole pixels change places."""
        return self.flip is not None or any(self.shifts)

    @property
    def samples(self) -> bool:
        """Whether places between pixels are asked for their colours."""
        return self.rotate is not None or self.crop is not None

    @property
    def colours(self) -> dict[str, float]:
        """The changes of colours, in their order."""
        found = {key: getattr(self, key) for key in COLOURS}
        return {key: value for key, value in found.items() if value is not None}

    @property
    def mixtures(self) -> dict[str, float]:
        """The mixtures of rows, by the alpha of their Beta."""
        found = {key: getattr(self, key) for key in MIXTURES}
        return {key: value for key, value in found.items() if value is not None}
