"""Writes the folder of specs/sounds: four kinds of sounds, in a folder for each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "specs" / "data" / "calls"
RATE = 4000
"""Samples a second."""
KINDS = ("bell", "buzz", "rattle", "whistle")
EACH = 50
"""Files of each kind."""


def call(kind: str, draw: np.random.Generator) -> NDArray[np.float64]:
    """Return a sound of 0.25 to 0.45 seconds, as samples from -1 to 1.

    A bell has two partials that fade, a buzz the odd harmonics of a low pitch, a rattle bursts of
    noise, a whistle one steady pitch; pitch, loudness and the length are drawn, and noise is added.
    """
    count = int(draw.integers(1000, 1800))
    time = np.arange(count) / RATE
    if kind == "bell":
        pitch, fading = draw.uniform(350, 650), np.exp(-time * draw.uniform(8, 14))
        made = (np.sin(2 * np.pi * pitch * time) + np.sin(5.52 * np.pi * pitch * time)) * fading
    elif kind == "buzz":
        pitch = draw.uniform(80, 160)
        made = np.sum([np.sin(2 * np.pi * n * pitch * time) / n for n in (1, 3, 5, 7, 9)], axis=0)
    elif kind == "rattle":
        bursts = np.sin(np.pi * draw.uniform(15, 30) * time) ** 8
        made = draw.normal(0, 0.8, count) * bursts
    else:
        made = np.sin(2 * np.pi * draw.uniform(350, 1300) * time)
    made = made * draw.uniform(0.05, 0.5) + draw.normal(0, 0.01, count)
    return np.asarray(made.clip(-1, 1))


def calls() -> dict[str, NDArray[np.int16]]:
    """Return the samples of each file by its path."""
    draw = np.random.default_rng(8)
    return {
        f"{kind}/{i:02}.flac": np.rint(call(kind, draw) * 32767).astype(np.int16)
        for kind in KINDS
        for i in range(EACH)
    }


def main() -> None:
    """Write the files."""
    for name, samples in calls().items():
        path = DATA / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, samples, RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
