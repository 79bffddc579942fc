"""Images of files, as the network takes them."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image, ImageOps

from nnspec.emit.emitted.csv_rows import column, where

FORMATS = ("PNG",)
MOST_PIXELS = 2**26
HAS_CROP = True
HAS_FLAT = True
HAS_FIRST = True
HAS_NORMALIZED = True
HAS_OWN_SIZE = True
HAS_RANGE = True
HAS_RESIZE = True
HAS_SHORTER = True
HAS_SIDES = True
IS_CROPPED = False
IS_FLAT = False
IS_RANGED = False
IS_NORMALIZED = False
IS_RESIZED = False


def decoded(path: Path, mode: str) -> Image.Image:
    """Return an image as RGB or grayscale (L), turned as EXIF says."""
    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"it has more than {MOST_PIXELS:,} pixels")
        # Some telephones add frames (MPO) to a photograph, which is the first.
        if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
            raise ValueError("it has several frames, and one is expected")
        # Pillow gives 16 bits of a channel as 8 where there are several channels.
        is_deep = image.mode in ("F", "I") or image.mode.startswith("I;")
        if is_deep or ";16" in str(getattr(image, "tile", "")):
            raise ValueError("it has more than 8 bits a channel")
        if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"):
            raise ValueError(f"its colours are {image.mode}, not RGB or grayscale")
        upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        upright = upright.convert("RGBA")
        if upright.getchannel("A").getextrema() != (255, 255):
            raise ValueError("it has transparent pixels")
    return upright.convert(mode)


def resized(image: Image.Image, how: dict[str, Any]) -> Image.Image:
    """Return an image of the wanted height and width, or of the wanted shorter side."""
    wanted = how["resize"]
    if HAS_SHORTER and HAS_SIDES:
        if isinstance(wanted, int):
            shorter = min(image.size)
            size = (image.width * wanted // shorter, image.height * wanted // shorter)
        else:
            size = (wanted[1], wanted[0])
    elif HAS_SHORTER:
        shorter = min(image.size)
        size = (image.width * wanted // shorter, image.height * wanted // shorter)
    else:
        size = (wanted[1], wanted[0])
    resample = Image.Resampling[how["interpolation"].upper()]
    # Across, then down: versions of Pillow differ in which they do first, and round.
    return image.resize((size[0], image.height), resample).resize(size, resample)


def cropped(pixels: np.ndarray, wanted: list[int]) -> np.ndarray:
    """Return the middle of an image."""
    height, width = wanted
    top = round((pixels.shape[0] - height) / 2)
    left = round((pixels.shape[1] - width) / 2)
    if top < 0 or left < 0 or pixels.shape[0] < height or pixels.shape[1] < width:
        given = f"{pixels.shape[0]} high and {pixels.shape[1]} wide"
        raise ValueError(f"it is {given}, and {wanted} are kept")
    return pixels[top : top + height, left : left + width]


def fitted(path: Path, how: dict[str, Any]) -> np.ndarray:
    """Return an image as bytes, shaped (height, width, channels)."""
    image = decoded(path, how["mode"])
    if IS_RESIZED or (HAS_RESIZE and "resize" in how):
        image = resized(image, how)
    pixels = np.asarray(image).reshape(image.height, image.width, -1)
    if IS_CROPPED or (HAS_CROP and "crop" in how):
        pixels = cropped(pixels, how["crop"])
    return pixels


def pixels_of(
    rows: pl.DataFrame, kind: dict[str, Any], path: Path, chosen: Any = None
) -> Iterator[np.ndarray]:
    """Yield the bytes of images, of all rows or of some; refuse what is none."""
    (name,) = kind["columns"]
    files = column(rows, name, path).cast(pl.String)
    folder = path if path.is_dir() else path.parent
    for row in range(len(files)) if chosen is None else chosen.tolist():
        file = folder / files[row]
        try:
            if not file.resolve().is_relative_to(folder.resolve()):
                raise ValueError(
                    "it is outside of the folder that paths are relative to"
                )
            pixels = fitted(file, kind["image"])
        except (
            EOFError,
            Image.DecompressionBombError,
            LookupError,
            OSError,
            SyntaxError,
            ValueError,
        ) as error:
            place = where(path, name, row + 1)
            raise ValueError(f"{place}: {file}: {error}") from None
        yield pixels


def learnt_channels(
    rows: pl.DataFrame, kind: dict[str, Any], path: Path, train: np.ndarray
) -> dict[str, Any]:
    """Return how images become numbers, with mean and deviation of the training images."""
    how = kind["image"]
    low, high = how["range"]
    # Sums of whole numbers are exact, and the same in any order.
    count = 0
    total: Any = 0
    square: Any = 0
    for pixels in pixels_of(rows, kind, path, train):
        flat = pixels.reshape(-1, pixels.shape[-1]).astype("int64")
        count += len(flat)
        total = total + flat.sum(axis=0).astype(object)
        square = square + (flat**2).sum(axis=0).astype(object)
    mean, std = [], []
    for first, second in zip(total, square):
        spread = math.sqrt((count * second - first * first) / (count * count))
        mean.append(first / count / 255 * (high - low) + low)
        std.append(spread / 255 * (high - low) or 1.0)
    return {**how, "mean": mean, "std": std}


def numbered(pixels: np.ndarray, kind: dict[str, Any]) -> np.ndarray:
    """Return the bytes of an image as the network takes them."""
    how, values = kind["image"], pixels
    if IS_RANGED or (HAS_RANGE and "range" in how):
        low, high = how["range"]
        values = values.astype("float64") / 255 * (high - low) + low
    if IS_NORMALIZED or (HAS_NORMALIZED and "mean" in how):
        values = (values - how["mean"]) / how["std"]
    if IS_FLAT or (HAS_FLAT and len(kind["shape"]) == 2):
        values = values[:, :, 0]
    elif HAS_FIRST:
        values = np.moveaxis(values, -1, 0)
    return values.astype(kind["dtype"])


def images(rows: pl.DataFrame, kind: dict[str, Any], path: Path) -> np.ndarray:
    """Return the images of a column as the network takes them; refuse what is none."""
    arrays = [numbered(pixels, kind) for pixels in pixels_of(rows, kind, path)]
    if not arrays:
        raise ValueError(f"{path}: there are no rows")
    if HAS_OWN_SIZE:
        for row, values in enumerate(arrays):
            if list(values.shape) != kind["shape"]:
                place = where(path, kind["columns"][0], row + 1)
                raise ValueError(f"{place}: {list(values.shape)}, not {kind['shape']}")
    return np.stack(arrays)
