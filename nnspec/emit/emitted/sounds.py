"""Sounds of files, as the network takes them."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import soundfile
import soxr

from nnspec.emit.emitted.csv_rows import column, where

SOUND_FORMATS = ("WAV",)
MOST_SAMPLES = 2**27
HAS_NORMALIZED = True
HAS_PEAK = True
HAS_FIRST = True
HAS_RATES = True


def at_rate(samples: np.ndarray, rate: int, how: dict[str, Any]) -> np.ndarray:
    """Return samples, shaped (samples, channels), at the rate that is declared."""
    if rate == how["rate"]:
        return samples
    if HAS_RATES and how["resample"]:
        found = soxr.resample(samples, rate, how["rate"], quality="HQ")
        if not len(found):
            raise ValueError(f"it has {len(samples)} samples, too few to resample")
        return np.asarray(found)
    given = f"{rate} samples a second"
    raise ValueError(f"it has {given}, and {how['rate']} are expected")


def heard(path: Path, how: dict[str, Any], channels: int) -> np.ndarray:
    """Return a sound, shaped (samples, channels), from -1 to 1."""
    with soundfile.SoundFile(path) as opened:
        if opened.format not in SOUND_FORMATS:
            raise ValueError(f"it is {opened.format}, not one of {SOUND_FORMATS}")
        rate = opened.samplerate
        if opened.channels != channels and not how["mix"]:
            raise ValueError(f"it has {opened.channels} channels, not {channels}")
        frames = opened.frames
        longest = frames * max(1.0, how["rate"] / rate)
        if not 0 < longest * opened.channels <= MOST_SAMPLES:
            raise ValueError(f"it has {frames} samples")
        # libsndfile takes a file whose header says more for a shorter one.
        if "should be" in opened.extra_info:
            raise ValueError("it is cut off: its header says that there is more")
        samples: np.ndarray = opened.read(dtype="float32", always_2d=True)
    if len(samples) != frames or not np.isfinite(samples).all():
        raise ValueError("it is cut off, or has a sample that is no finite number")
    samples = at_rate(samples, rate, how)
    if how["mix"]:
        samples = samples.mean(axis=1, keepdims=True, dtype="float64")
        samples = samples.astype("float32")
    return samples


def samples_of(
    rows: pl.DataFrame, kind: dict[str, Any], path: Path, chosen: Any = None
) -> Iterator[np.ndarray]:
    """Yield so many samples of sounds, of all rows or of some; refuse what is none."""
    (name,) = kind["columns"]
    how, shape = kind["sound"], kind["shape"]
    count, channels = (shape[0], 1) if len(shape) == 1 else shape
    if HAS_FIRST and len(shape) == 2:
        channels, count = shape
    files = column(rows, name, path).cast(pl.String)
    folder = path if path.is_dir() else path.parent
    for row in range(len(files)) if chosen is None else chosen.tolist():
        file = folder / files[row]
        try:
            if not file.resolve().is_relative_to(folder.resolve()):
                raise ValueError(
                    "it is outside of the folder that paths are relative to"
                )
            samples = heard(file, how, channels)
        except (OSError, RuntimeError, ValueError) as error:
            place = where(path, name, row + 1)
            raise ValueError(f"{place}: {file}: {error}") from None
        spare = len(samples) - count
        start = {"start": 0, "middle": abs(spare) // 2, "end": abs(spare)}[how["keep"]]
        if spare >= 0:
            yield samples[start : start + count]
        else:
            yield np.pad(samples, ((start, -spare - start), (0, 0)))


def learnt_samples(
    rows: pl.DataFrame, kind: dict[str, Any], path: Path, train: np.ndarray
) -> dict[str, Any]:
    """Return how sounds become numbers, with mean and deviation of the training files."""
    count, total, square = 0, 0.0, 0.0
    for samples in samples_of(rows, kind, path, train):
        values = samples.astype("float64")
        count += values.size
        total += float(values.sum())
        square += float((values**2).sum())
    mean = total / count
    spread = math.sqrt(max(square / count - mean * mean, 0.0))
    return {**kind["sound"], "mean": mean, "std": spread or 1.0}


def sounds(rows: pl.DataFrame, kind: dict[str, Any], path: Path) -> np.ndarray:
    """Return the sounds of a column as the network takes them; refuse what is none."""
    how, arrays = kind["sound"], []
    for samples in samples_of(rows, kind, path):
        values = samples.astype("float64")
        if HAS_PEAK and how["peak"]:
            values = values / (np.abs(values).max() or 1.0)
        if HAS_NORMALIZED and "mean" in how:
            values = (values - how["mean"]) / how["std"]
        if HAS_FIRST:
            values = values.T
        arrays.append(values.reshape(kind["shape"]).astype(kind["dtype"]))
    if not arrays:
        raise ValueError(f"{path}: there are no rows")
    return np.stack(arrays)
