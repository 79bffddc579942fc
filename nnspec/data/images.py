"""Images of files as numbers of the network; how they are made stays with the weights.

Pillow decodes and resizes. What it would change in silence (alpha, 16 bits, ink) is refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nnspec.errors import MissingDependencyError
from nnspec.language.pictures import (
    Interpolation,
    Normalization,
    Pair,
    Picture,
    channels_of,
    sides_of,
)
from nnspec.layers.fields import Finite, Frozen, Positive, Size

if TYPE_CHECKING:
    from PIL import Image

Array = NDArray[Any]

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".webp")
"""The ends of the names of images in a folder."""
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")
"""The formats that are decoded, by Pillow's names."""
MOST_PIXELS = 2**26
"""Pixels of the largest image: a file of few bytes may hold billions."""


class Unreadable(Exception):
    """A file that is no image that is taken; the message says why."""


class Pictured(Frozen):
    """The way of the files of an input to numbers, with what the training images said."""

    mode: Literal["RGB", "L"]
    """Pillow's name of the colours: L is grayscale."""
    layout: Literal["channels_first", "channels_last"]
    """The place of the channels in the input."""
    resize: Size | Pair | None = None
    """The shorter side, or height and width."""
    crop: Pair | None = None
    """Height and width of what is kept of the middle."""
    interpolation: Interpolation = "bilinear"
    """The weights of `resize`."""
    range: Annotated[tuple[Finite, Finite], Field(strict=False)] | None = None
    """The numbers for the bytes 0 and 255; None where they stay bytes."""
    mean: Annotated[tuple[Finite, ...], Field(strict=False)] | None = None
    """Subtracted from each channel after that."""
    std: Annotated[tuple[Positive, ...], Field(strict=False)] | None = None
    """The divisor of each channel after that."""

    @property
    def channels(self) -> int:
        """The bytes of a pixel."""
        return 3 if self.mode == "RGB" else 1

    def size_in(self, shape: tuple[int | str, ...]) -> tuple[int, int]:
        """Return the height and width of every image of an input of this shape."""
        if self.crop is not None:
            return self.crop
        if isinstance(self.resize, tuple):
            return self.resize
        height, width = sides_of(shape, self.layout)
        assert isinstance(height, int)
        assert isinstance(width, int)
        return height, width

    def numbers(self, pixels: Array) -> Array:
        """Return bytes, shaped (..., height, width, channels), as numbers in float64."""
        if self.range is None:
            return pixels
        low, high = self.range
        values: Array = pixels.astype(np.float64) / 255 * (high - low) + low
        if self.mean is not None and self.std is not None:
            values = (values - self.mean) / self.std
        return values

    def arranged(self, values: Array, shape: tuple[int, ...]) -> Array:
        """Return (rows, height, width, channels) in the layout of the input."""
        if self.layout == "channels_first":
            values = np.moveaxis(values, -1, 1)
        return values.reshape(len(values), *shape)


def pictured(
    wanted: Picture, shape: tuple[int | str, ...], data_format: str, *, is_float: bool
) -> Pictured:
    """Return how files become numbers, before anything is learned; the shape fits."""
    crop = wanted.size if wanted.crop is not None else None
    given = wanted.normalize if isinstance(wanted.normalize, Normalization) else None
    return Pictured(
        mode="RGB" if channels_of(shape, data_format) == 3 else "L",
        layout=data_format,  # type: ignore[arg-type]  # checked by the record
        resize=wanted.resize,
        crop=crop,
        interpolation=wanted.interpolation,
        range=wanted.range if is_float else None,
        mean=given.mean if given is not None else None,
        std=given.std if given is not None else None,
    )


def learned(by: Pictured, images: Iterable[Array]) -> Pictured:
    """Return the record with the mean and deviation of each channel of these images.

    They are sums of whole numbers, which are the same in any order. A channel that never changes
    is only shifted.
    """
    count, sums, squares = 0, [0] * by.channels, [0] * by.channels
    for pixels in images:
        flat = pixels.reshape(-1, by.channels).astype(np.int64)
        count += len(flat)
        for i in range(by.channels):
            sums[i] += int(flat[:, i].sum())
            squares[i] += int((flat[:, i] ** 2).sum())
    low, high = by.range or (0.0, 255.0)
    mean, std = [], []
    for total, square in zip(sums, squares, strict=True):
        spread = math.sqrt((count * square - total * total) / (count * count))
        mean.append(total / count / 255 * (high - low) + low)
        std.append(spread / 255 * (high - low) or 1.0)
    return by.model_copy(update={"mean": tuple(mean), "std": tuple(std)})


def decoded(path: Path, mode: Literal["RGB", "L"]) -> Image.Image:
    """Return an image as RGB or grayscale, turned as EXIF says; raises Unreadable."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError:
        raise MissingDependencyError("Pillow", "images") from None
    try:
        with Image.open(path, formats=FORMATS) as image:
            _require(image)
            upright = ImageOps.exif_transpose(image)
            if upright.has_transparency_data:
                upright = upright.convert("RGBA")
                if upright.getchannel("A").getextrema() != (255, 255):
                    raise Unreadable("it has transparent pixels: save it over a background")
            return upright.convert(mode)
    except FileNotFoundError:
        raise Unreadable("there is no such file") from None
    except IsADirectoryError:
        raise Unreadable("it is a folder, and an image is expected") from None
    except UnidentifiedImageError:
        raise Unreadable(f"it is no image of {', '.join(FORMATS)}") from None
    except (Unreadable, MemoryError):
        raise
    # Whatever a decoder raises for a damaged file, of which there are many kinds.
    except Exception as error:
        reason = str(error).strip().splitlines()
        told = reason[0] if reason else type(error).__name__
        raise Unreadable(f"it cannot be decoded: {told}") from None


def _require(image: Image.Image) -> None:
    """Raise Unreadable for an image that is not taken, before its pixels are decoded."""
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise Unreadable(
            f"it has {width} x {height} pixels, and {MOST_PIXELS:,} in all are the most"
        )
    # Some telephones add frames (MPO) to a photograph, which is the first.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise Unreadable("it has several frames, and one is expected")
    # Pillow gives 16 bits of a channel as 8 where there are several channels.
    is_deep = image.mode in ("F", "I") or image.mode.startswith("I;")
    if is_deep or ";16" in str(getattr(image, "tile", "")):
        raise Unreadable("it has more than 8 bits a channel")
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"):
        raise Unreadable(f"its colours are {image.mode}; RGB or grayscale are expected")


def fitted(image: Image.Image, by: Pictured, size: tuple[int, int]) -> Array:
    """Return an image as bytes, shaped (height, width, channels); raises Unreadable.

    A shorter side of n pixels has the other one floor(n · longer / shorter); the middle begins at
    (side - kept) / 2, rounded to the even one of two that are as near.
    """
    from PIL import Image

    if by.resize is not None:
        width, height = image.size
        if isinstance(by.resize, tuple):
            height, width = by.resize
        elif width < height:
            width, height = by.resize, by.resize * height // width
        else:
            width, height = by.resize * width // height, by.resize
        resample = Image.Resampling[by.interpolation.upper()]
        # One pass at a time: versions of Pillow differ in which they do first, and round between.
        image = image.resize((width, image.height), resample).resize((width, height), resample)
    pixels: Array = np.asarray(image).reshape(image.height, image.width, by.channels)
    if by.crop is not None:
        for axis, kept in enumerate(by.crop):
            spare = pixels.shape[axis] - kept
            if spare < 0:
                break
            start = round(spare / 2)
            pixels = pixels[start : start + kept] if axis == 0 else pixels[:, start : start + kept]
    if pixels.shape[:2] != size:
        what = "before it is cropped, " if by.crop is not None else ""
        raise Unreadable(
            f"it is {image.height} high and {image.width} wide {what}and {size[0]} high and "
            f"{size[1]} wide is expected" + ("" if by.resize is not None else " (see `resize`)")
        )
    return pixels
