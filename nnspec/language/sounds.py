"""Sounds of files: how they become as long as their input, and their samples numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nnspec.layers.fields import Flag, Frozen, Size

Keep = Literal["start", "middle", "end"]
SUFFIXES = (".flac", ".ogg", ".wav")
"""The ends of the names of sounds in a folder."""


class Sound(Frozen):
    """A sound of a file: samples from -1 to 1."""

    rate: Size = Field(description="Samples a second.")
    resample: Flag = Field(default=False, description="Whether files of other rates are resampled.")
    keep: Keep = Field(
        default="start",
        description="What of a longer file is kept; where a shorter one stands.",
    )
    mix: Flag = Field(default=False, description="Whether channels become their mean.")
    normalize: Literal["learned", "peak"] | None = Field(
        default=None,
        description="learned: less mean, over deviation of training files; peak: over its largest.",
    )


def channels_of(shape: tuple[int | str, ...], data_format: str) -> int | str:
    """Return the number of channels of an input that holds a sound."""
    if len(shape) == 1:
        return 1
    return shape[0] if data_format == "channels_first" else shape[-1]


def samples_of(shape: tuple[int | str, ...], data_format: str) -> int | str:
    """Return the number of samples of an input that holds a sound."""
    return shape[-1] if data_format == "channels_first" else shape[0]


def misfit(
    wanted: Sound, shape: tuple[int | str, ...], data_format: str, *, is_float: bool
) -> str | None:
    """Return why an input of this shape holds no such sound, or None."""
    shown = "[channels, samples]" if data_format == "channels_first" else "[samples, channels]"
    if len(shape) not in (1, 2) or any(isinstance(size, str) for size in shape):
        return f"sounds are [samples] or {shown}, of fixed sizes, where {data_format} is so"
    if not is_float:
        return "sounds are numbers from -1 to 1, and it takes whole numbers"
    channels = channels_of(shape, data_format)
    if wanted.mix and channels != 1:
        return f"`mix` makes one channel, and it has {channels}"
    return None
