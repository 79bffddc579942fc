"""Images of files: how they become one size, and their bytes numbers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Frozen, Number, Positive, Size

Interpolation = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]
Pair = Annotated[tuple[Size, Size], Field(strict=False)]


def _as_many(value: object) -> object:
    return (value,) if isinstance(value, int | float) and not isinstance(value, bool) else value


PerChannel = Annotated[
    tuple[Number, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_as_many, json_schema_input_type=float | list[float]),
]
Divisors = Annotated[
    tuple[Positive, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_as_many, json_schema_input_type=float | list[float]),
]


class Normalization(Frozen):
    """The mean that each channel loses, in the units of `range`, and its divisor after that."""

    mean: PerChannel = Field(description="A number for each channel, or one for all.")
    std: Divisors = Field(description="A number for each channel, or one for all.")


class Picture(Frozen):
    """An image of a file: RGB of an input of 3 channels, grayscale of one, turned as EXIF says.

    The file has 8 bits a channel and no transparent pixel. First resized, then cropped, each where
    that is declared; its size is then that of the input.
    """

    resize: Size | Pair | None = Field(
        default=None,
        description="A number: of the shorter side, the other one in proportion; [height, width]: "
        "of both. By Pillow, whose windows grow where it makes smaller (antialias).",
    )
    crop: Size | Pair | None = Field(
        default=None, description="The size, or [height, width], of what is kept of the middle."
    )
    interpolation: Interpolation = Field(
        default="bilinear", description="What `resize` weighs pixels by."
    )
    range: Annotated[tuple[Number, Number], Field(strict=False)] = Field(
        default=(0.0, 1.0),
        description="What the bytes 0 and 255 become; an input of whole numbers takes the bytes.",
    )
    normalize: Literal["learned"] | Normalization | None = Field(
        default=None,
        description="Each channel less a mean, over a deviation: {mean, std}, in the units of "
        "`range`, or learned of the training images.",
    )

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if not self.range[0] < self.range[1]:
            raise PydanticCustomError("nnspec", "`range` is [low, high], and low is less")
        if "interpolation" in self.model_fields_set and self.resize is None:
            raise PydanticCustomError(
                "nnspec", "`interpolation` is of `resize`, which is not there"
            )
        return self

    @property
    def size(self) -> tuple[int, int] | None:
        """The height and width that every image gets; None where files decide."""
        if self.crop is not None:
            return self.crop if isinstance(self.crop, tuple) else (self.crop, self.crop)
        return self.resize if isinstance(self.resize, tuple) else None


def channels_of(shape: tuple[int | str, ...], data_format: str) -> int | str:
    """Return the number of channels of an input that holds an image."""
    if len(shape) == 2:
        return 1
    return shape[0] if data_format == "channels_first" else shape[-1]


def sides_of(shape: tuple[int | str, ...], data_format: str) -> tuple[int | str, ...]:
    """Return the height and the width of an input that holds an image."""
    if len(shape) == 2:
        return shape
    return shape[1:] if data_format == "channels_first" else shape[:-1]


def misfit(
    wanted: Picture, shape: tuple[int | str, ...], data_format: str, *, is_float: bool
) -> str | None:
    """Return why an input of this shape holds no such image, or None."""
    if len(shape) not in (2, 3) or channels_of(shape, data_format) not in (1, 3):
        shown = "[3, height, width] or [1, height, width]"
        if data_format == "channels_last":
            shown = "[height, width, 3] or [height, width, 1]"
        return f"images are {shown}, where {data_format} is the data_format"
    channels = channels_of(shape, data_format)
    if isinstance(wanted.normalize, Normalization):
        for name in ("mean", "std"):
            count = len(getattr(wanted.normalize, name))
            if count not in (1, channels):
                return f"`{name}` has {count} numbers, and its images have {channels} channels"
    if not is_float and (wanted.normalize is not None or "range" in wanted.model_fields_set):
        key = "normalize" if wanted.normalize is not None else "range"
        return f"it takes whole numbers, the bytes as they are, which have no `{key}`"
    size, sides = wanted.size, sides_of(shape, data_format)
    if isinstance(wanted.resize, int) and wanted.crop is None:
        return (
            "images of a given shorter side have no one size: give `crop`, or resize to "
            "[height, width]"
        )
    if size is None:
        if any(isinstance(side, str) for side in sides):
            return "it has a dynamic axis, and its images get no one size: give `resize` or `crop`"
        return None
    if any(isinstance(side, int) and side != got for side, got in zip(sides, size, strict=True)):
        return f"its images become {size[0]} high and {size[1]} wide"
    resize, crop = wanted.resize, wanted.crop
    if crop is not None and resize is not None:
        least = (resize, resize) if isinstance(resize, int) else resize
        if any(kept > side for kept, side in zip(size, least, strict=True)):
            return f"`crop` {list(size)} is more than `resize` leaves"
    return None
