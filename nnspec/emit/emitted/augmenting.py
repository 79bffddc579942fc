"""Images of the training rows, changed anew in each epoch."""

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

AUGMENTED: dict[int, dict[str, Any]] = {}
ALL_BRIGHTNESS = False
ALL_COLOURED = False
ALL_CONTRAST = False
ALL_CROP = False
ALL_MOVED = False
ALL_ROTATE = False
ALL_SAMPLED = False
ALL_SATURATION = False
CLASSES = 2
HAS_BRIGHTNESS = True
HAS_CLASSES = True
HAS_COLOURED = True
HAS_CONTRAST = True
HAS_CROP = True
HAS_CUTMIX = True
HAS_FIRST = True
HAS_FLAT = True
HAS_FLIP = True
HAS_GIVEN = True
HAS_MIXTURES = True
HAS_MIXUP = True
HAS_MOVED = True
HAS_ROTATE = True
HAS_SAMPLED = True
HAS_SATURATION = True
HAS_SHIFT = True
HAS_WHOLE = True
IS_COLOURFUL = False
IS_FLAT = False
IS_GIVEN = False
IS_GREY = False
IS_WHOLE = False
SEED = 0


def random_numbers(count: int, width: int, key: list[int | str]) -> np.ndarray:
    """Return numbers from 0 to 1 for each row, which depend on the key alone."""
    text = json.dumps(["augment", SEED, *key])
    digest = hashlib.sha256(text.encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    raw = bits.random_raw(width * count).reshape(-1, width)
    return (raw >> np.uint64(11)) * 2.0**-53


def pixel_places(
    side: int, flips: np.ndarray, shifts: np.ndarray, how: dict[str, Any], axis: int
) -> np.ndarray:
    """Return the place along an axis that each pixel comes from, for each image."""
    place = np.tile(np.arange(side), (len(flips), 1))
    if HAS_SHIFT:
        most = how["shift"][axis]
        shift = np.floor(shifts * (2 * most + 1)).astype(int) - most
        place = np.clip(place - shift[:, None], 0, side - 1)
    if HAS_FLIP and how["flip"][axis]:
        place = np.where(flips[:, None] < 0.5, side - 1 - place, place)
    return place


def moved(images: np.ndarray, how: dict[str, Any], numbers: np.ndarray) -> np.ndarray:
    """Return images flipped and shifted by the numbers that are drawn for each."""
    down = pixel_places(images.shape[1], numbers[:, 0], numbers[:, 2], how, 0)
    across = pixel_places(images.shape[2], numbers[:, 1], numbers[:, 3], how, 1)
    rows = np.arange(len(images))[:, None, None]
    return images[rows, down[:, :, None], across[:, None, :]]


def sampled(images: np.ndarray, how: dict[str, Any], numbers: np.ndarray) -> np.ndarray:
    """Return images turned about their middle, of which a part is cut and resized."""
    count, height, width = images.shape[:3]
    down = np.tile(np.arange(height) + 0.5, (count, 1))
    across = np.tile(np.arange(width) + 0.5, (count, 1))
    if ALL_CROP or (HAS_CROP and "crop" in how):
        area = (how["crop"] + (1 - how["crop"]) * numbers[:, 0]) * (height * width)
        narrow, wide = math.log(3 / 4), math.log(4 / 3)
        shape = np.exp(narrow + (wide - narrow) * numbers[:, 1])  # width by height
        rows = np.minimum(np.sqrt(area / shape), height)
        columns = np.minimum(np.sqrt(area * shape), width)
        down = down * (rows / height)[:, None]
        down = (numbers[:, 2] * (height - rows))[:, None] + down
        across = across * (columns / width)[:, None]
        across = (numbers[:, 3] * (width - columns))[:, None] + across
    y, x = down[:, :, None] - height / 2, across[:, None, :] - width / 2
    if ALL_ROTATE or (HAS_ROTATE and "rotate" in how):
        angle = ((2 * numbers[:, 4] - 1) * math.radians(how["rotate"]))[:, None, None]
        sine, cosine = np.sin(angle), np.cos(angle)
        y, x = cosine * y - sine * x, sine * y + cosine * x
    y = np.clip(y + (height - 1) / 2, 0, height - 1)
    x = np.clip(x + (width - 1) / 2, 0, width - 1)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    lower, farther = (y - top)[..., None], (x - left)[..., None]
    i = np.arange(count)[:, None, None]
    above = images[i, top, left] * (1 - farther) + images[i, top, right] * farther
    below = images[i, bottom, left] * (1 - farther) + images[i, bottom, right] * farther
    return as_before(above * (1 - lower) + below * lower, images)


def as_before(values: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return numbers in the type of images."""
    if IS_WHOLE or (HAS_WHOLE and images.dtype.kind in "iu"):
        values = np.rint(values)
    return values.astype(images.dtype)


def grey(colours: np.ndarray) -> np.ndarray:
    """Return the grey of each pixel."""
    if IS_COLOURFUL:
        return (colours @ np.array([0.299, 0.587, 0.114]))[..., None]
    if IS_GREY:
        return colours.mean(axis=-1, keepdims=True)
    if colours.shape[-1] == 3:
        return (colours @ np.array([0.299, 0.587, 0.114]))[..., None]
    return colours.mean(axis=-1, keepdims=True)


def recoloured(
    images: np.ndarray,
    how: dict[str, Any],
    numbers: np.ndarray,
    black: np.ndarray,
    white: np.ndarray,
) -> np.ndarray:
    """Return images whose colours are changed by the numbers that are drawn for each."""
    colours = (images - black) / (white - black)
    if ALL_BRIGHTNESS or (HAS_BRIGHTNESS and "brightness" in how):
        factor = (1 + (2 * numbers[:, 0] - 1) * how["brightness"])[:, None, None, None]
        colours = np.clip(factor * colours, 0, 1)
    if ALL_CONTRAST or (HAS_CONTRAST and "contrast" in how):
        factor = (1 + (2 * numbers[:, 1] - 1) * how["contrast"])[:, None, None, None]
        middle = grey(colours).mean(axis=(1, 2, 3), keepdims=True)
        colours = np.clip(middle + factor * (colours - middle), 0, 1)
    if ALL_SATURATION or (HAS_SATURATION and "saturation" in how):
        factor = (1 + (2 * numbers[:, 2] - 1) * how["saturation"])[:, None, None, None]
        middle = grey(colours)
        colours = np.clip(middle + factor * (colours - middle), 0, 1)
    return as_before(black + colours * (white - black), images)


def black_and_white(
    how: dict[str, Any], record: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Return what black and white are as the network takes images."""
    if IS_GIVEN or (HAS_GIVEN and "black" in how):
        return np.array(how["black"]), np.array(how["white"])
    image = record["inputs"][how["name"]]["image"]
    low, high = image["range"]
    mean, std = np.array(image["mean"]), np.array(image["std"])
    return (low - mean) / std, (high - mean) / std


def beta(
    alpha: float, first: np.ndarray, second: np.ndarray, third: np.ndarray
) -> np.ndarray:
    """Return numbers of the law Beta(alpha, alpha) (Devroye 1996) of three for each."""
    ratio = ((1 - first) ** (-1 / alpha) - 1) * np.cos(2 * np.pi * second) ** 2
    distance = np.sqrt(ratio / (1 + ratio)) / 2
    return np.where(third < 0.5, 0.5 - distance, 0.5 + distance)


def boxes(
    share: np.ndarray, numbers: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return which pixels lie in the box of each image, and what share is outside."""
    half = np.sqrt(1 - share) / 2
    middle, reach = np.floor(numbers[:, 5] * height), np.floor(half * height)
    top, bottom = np.clip(middle - reach, 0, height), np.clip(middle + reach, 0, height)
    middle, reach = np.floor(numbers[:, 6] * width), np.floor(half * width)
    left, right = np.clip(middle - reach, 0, width), np.clip(middle + reach, 0, width)
    down, across = np.arange(height), np.arange(width)
    rows = (down >= top[:, None]) & (down < bottom[:, None])
    columns = (across >= left[:, None]) & (across < right[:, None])
    outside = 1 - (bottom - top) * (right - left) / (height * width)
    return (rows[:, :, None] & columns[:, None, :])[..., None], outside


def class_shares(target: np.ndarray) -> np.ndarray:
    """Return the share of each class in each row, where its number may be given."""
    if target.dtype.kind == "i":
        return np.eye(CLASSES, dtype="float32")[target]
    return target


def mixed(
    images: np.ndarray, target: np.ndarray, how: dict[str, Any], epoch: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the images and targets of the rows, mixed with those of others."""
    numbers = random_numbers(len(images), 7, [epoch, how["name"], "mix"])
    other = np.floor(numbers[:, 4] * len(images)).astype(int)
    if HAS_MIXUP:
        share = beta(how["mixup"], numbers[:, 0], numbers[:, 1], numbers[:, 2])
        each = share[:, None, None, None]
        found = as_before(images * each + images[other] * (1 - each), images)
    if HAS_CUTMIX:
        wanted = beta(how["cutmix"], numbers[:, 0], numbers[:, 1], numbers[:, 2])
        inside, outside = boxes(wanted, numbers, *images.shape[1:3])
        boxed = np.where(inside, images[other], images)
    if HAS_MIXUP and HAS_CUTMIX:
        is_box = numbers[:, 3] < 0.5
        share = np.where(is_box, outside, share)
        found = np.where(is_box[:, None, None, None], boxed, found)
    elif HAS_CUTMIX:
        share, found = outside, boxed
    if HAS_CLASSES:
        target = class_shares(target)
    share = share.reshape(-1, *[1] * (target.ndim - 1))
    blended = target * share + target[other] * (1 - share)
    return found, blended.astype(target.dtype)


def augmented(
    arrays: tuple[np.ndarray, ...], epoch: int, record: Any = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the arrays that change, by their number, as an epoch from 1 takes them."""
    for i, how in AUGMENTED.items():
        images, count, name = arrays[i], len(arrays[i]), how["name"]
        if IS_FLAT or (HAS_FLAT and images.ndim == 3):
            images = images[..., None]
        elif HAS_FIRST:
            images = np.moveaxis(images, 1, -1)
        if ALL_MOVED or (HAS_MOVED and how.keys() & {"flip", "shift"}):
            images = moved(images, how, random_numbers(count, 4, [epoch, name]))
        if ALL_SAMPLED or (HAS_SAMPLED and how.keys() & {"crop", "rotate"}):
            numbers = random_numbers(count, 5, [epoch, name, "sample"])
            # So many at once: each pixel takes some hundred bytes meanwhile.
            some = [slice(start, start + 64) for start in range(0, count, 64)]
            parts = [sampled(images[at], how, numbers[at]) for at in some]
            images = np.concatenate(parts)
        if ALL_COLOURED or (
            HAS_COLOURED and how.keys() & {"brightness", "contrast", "saturation"}
        ):
            numbers = random_numbers(count, 3, [epoch, name, "colour"])
            black, white = black_and_white(how, record)
            images = recoloured(images, how, numbers, black, white)
        if HAS_MIXTURES:
            images, target = mixed(images, arrays[1], how, epoch)
            yield 1, target
        if IS_FLAT or (HAS_FLAT and arrays[i].ndim == 3):
            images = images[..., 0]
        elif HAS_FIRST:
            images = np.moveaxis(images, -1, 1)
        yield i, np.ascontiguousarray(images)
