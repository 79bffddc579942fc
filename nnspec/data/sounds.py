"""Sounds of files as numbers of the network; how they are made stays with the weights.

libsndfile decodes, by the package soundfile. It would give a file that is cut off as a shorter one,
and files of any rate: both are refused, unless other rates are to be resampled.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from nnspec.data.named_files import Files
from nnspec.errors import MissingDependencyError
from nnspec.language.sounds import Keep, Sound, channels_of, samples_of
from nnspec.layers.fields import Finite, Flag, Frozen, Positive, Size

if TYPE_CHECKING:
    from soundfile import SoundFile

Array = NDArray[Any]

FORMATS = ("WAV", "WAVEX", "FLAC", "OGG")
"""The formats that are decoded, by the names that libsndfile has for them."""
MOST_SAMPLES = 2**27
"""Samples of the longest file, over its channels: a file of few bytes may say that it has more."""
HELD = 2**30
"""Bytes of the sounds of an input that are held in memory; more are decoded for each batch."""


class Unhearable(Exception):
    """A file that is no sound that is taken; the message says why."""


class Sounded(Frozen):
    """The way of the files of an input to numbers, with what the training files said."""

    layout: Literal["channels_first", "channels_last"]
    """The place of the channels in the input."""
    rate: Size
    """Samples a second of every file."""
    resample: Flag = False
    """Whether files of other rates are resampled to it, by soxr."""
    keep: Keep = "start"
    """The part that is kept of a longer file."""
    mix: Flag = False
    """Whether channels become their mean."""
    peak: Flag = False
    """Whether each file is divided by its largest sample."""
    mean: Finite | None = None
    """Subtracted from each sample."""
    std: Positive | None = None
    """The divisor of each sample after that."""

    def numbers(self, samples: Array) -> Array:
        """Return samples as numbers in float64."""
        values: Array = samples.astype(np.float64)
        if self.peak:
            values = values / (np.abs(values).max() or 1.0)
        if self.mean is not None and self.std is not None:
            values = (values - self.mean) / self.std
        return values

    def arranged(self, values: Array, shape: tuple[int, ...]) -> Array:
        """Return (samples, channels) in the layout of the input."""
        return (values.T if self.layout == "channels_first" else values).reshape(shape)


def sounded(wanted: Sound, data_format: str) -> Sounded:
    """Return how files become numbers, before anything is learned."""
    return Sounded(
        layout=data_format,  # type: ignore[arg-type]  # checked by the record
        rate=wanted.rate,
        resample=wanted.resample,
        keep=wanted.keep,
        mix=wanted.mix,
        peak=wanted.normalize == "peak",
    )


def learned(by: Sounded, sounds: Iterable[Array]) -> Sounded:
    """Return the record with the mean and the deviation of all samples of these sounds."""
    count, total, square = 0, 0.0, 0.0
    for samples in sounds:
        values = samples.astype(np.float64)
        count += values.size
        total += float(values.sum())
        square += float((values**2).sum())
    mean = total / count
    spread = math.sqrt(max(square / count - mean * mean, 0.0))
    return by.model_copy(update={"mean": mean, "std": spread or 1.0})


def decoded(path: Path, by: Sounded, channels: int) -> Array:
    """Return a sound, float32 of (samples, channels) from -1 to 1; raises Unhearable."""
    samples = as_in_file(path, by, channels)
    if by.mix:
        samples = samples.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return samples


def as_in_file(path: Path, by: Sounded, channels: int) -> Array:
    """Return a sound with all the channels of its file; raises Unhearable."""
    try:
        import soundfile
    except ImportError:
        raise MissingDependencyError("soundfile", "sounds") from None
    if not path.is_file():
        raise Unhearable("it is a folder" if path.is_dir() else "there is no such file")
    if not path.stat().st_size:
        raise Unhearable("the file is empty")
    try:
        with soundfile.SoundFile(path) as opened:
            _require(opened, by, channels)
            samples: Array = opened.read(dtype="float32", always_2d=True)
            frames, rate = opened.frames, opened.samplerate
    except (soundfile.SoundFileError, OSError) as error:
        told = getattr(error, "error_string", None) or str(error)
        raise Unhearable(f"it cannot be decoded as {', '.join(FORMATS)}: {told}") from None
    if len(samples) != frames:
        raise Unhearable(f"it is cut off: {len(samples):,} of {frames:,} samples are there")
    if not np.isfinite(samples).all():
        raise Unhearable("it has a sample that is no finite number")
    return resampled(samples, rate, by.rate) if rate != by.rate else samples


def resampled(samples: Array, rate: int, wanted: int) -> Array:
    """Return (samples, channels) at another rate, float32: band-limited, by soxr's "HQ"."""
    try:
        import soxr
    except ImportError:
        raise MissingDependencyError("soxr", "sounds") from None
    found: Array = soxr.resample(samples, rate, wanted, quality="HQ")
    if not len(found):
        raise Unhearable(f"it has {len(samples)} samples at {rate:,} a second, too few to resample")
    return found


def _require(opened: SoundFile, by: Sounded, channels: int) -> None:
    """Raise Unhearable for a file that is not taken, before its samples are decoded."""
    if opened.format not in FORMATS:
        raise Unhearable(f"it is {opened.format}, and one of {', '.join(FORMATS)} is expected")
    if opened.samplerate != by.rate and not by.resample:
        raise Unhearable(
            f"it has {opened.samplerate:,} samples a second, and {by.rate:,} are expected: "
            "resample it, or let `resample: true` do so"
        )
    if opened.channels != channels and not by.mix:
        noun = "channel" if opened.channels == 1 else "channels"
        hint = "; `mix: true` makes one of several" if channels == 1 else ""
        raise Unhearable(f"it has {opened.channels} {noun}, and the input {channels}{hint}")
    if opened.frames * opened.channels > MOST_SAMPLES:
        raise Unhearable(f"it has more than {MOST_SAMPLES:,} samples")
    if opened.frames * opened.channels * by.rate > MOST_SAMPLES * opened.samplerate:
        raise Unhearable(
            f"it has {opened.samplerate:,} samples a second, and at {by.rate:,} it would have more "
            f"than {MOST_SAMPLES:,} samples"
        )
    if not opened.frames:
        raise Unhearable("it has no samples")
    # libsndfile takes a file whose header says more than is there for a shorter one.
    if "should be" in opened.extra_info:
        raise Unhearable("it is cut off: its header says that there is more")


def fitted(samples: Array, keep: Keep, count: int) -> Array:
    """Return so many samples: a part of them, or with silence (0) beside them."""
    spare = len(samples) - count
    start = {"start": 0, "middle": abs(spare) // 2, "end": abs(spare)}[keep]
    if spare >= 0:
        return samples[start : start + count]
    return np.pad(samples, ((start, -spare - start), (0, 0)))


class Sounds(Files):
    """The sounds of an input, row by row, decoded when NumPy is asked for an array of them."""

    noun = "sounds"
    by: Sounded

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return (len(self), *map(int, self.declared))

    def samples(self) -> Iterator[Array]:
        """Yield the samples of each sound, shaped (samples, channels); raises DataError."""
        count = int(samples_of(self.declared, self.by.layout))
        for samples in self._each(decoded):
            yield fitted(samples, self.by.keep, count)

    def raw(self) -> Iterator[Array]:
        """Yield the samples of each sound as they are in the file; raises DataError."""
        return self._each(as_in_file)

    def _each(self, read: Callable[[Path, Sounded, int], Array]) -> Iterator[Array]:
        channels = int(channels_of(self.declared, self.by.layout))
        for row in self.rows.tolist():
            try:
                yield read(self.path(row), self.by, channels)
            except Unhearable as error:
                raise self._refused(row, str(error)) from None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = np.empty(self.shape, self.dtype)
        for i, samples in enumerate(self.samples()):
            array[i] = self.by.arranged(self.by.numbers(samples), self.shape[1:])
        return array if dtype is None else array.astype(dtype)

    def held(self, *, whole: bool = False) -> Array:
        """Return the array where it is small (or `whole`), else the sounds: none is wrong."""
        if whole or self.nbytes <= HELD:
            return np.asarray(self)
        for _ in self.samples():
            pass
        return cast(Array, self)
