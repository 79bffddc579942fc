"""Writes the pairs and triplets of digits that specs/digits learns from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

DATA = Path(__file__).parents[1] / "specs" / "data"
LEARNT = 1200
"""The first so many digits are in pairs; the others are kept to judge by."""
ROWS = 4000

Array = NDArray[Any]


def digits() -> tuple[Array, Array]:
    """Return all digits as (rows, 1, 8, 8) of uint8, and their labels."""
    table = pl.read_csv(DATA / "digits.csv")
    pixels = table.select([f"pixel_{place}" for place in range(64)]).to_numpy().astype(np.uint8)
    return pixels.reshape(-1, 1, 8, 8), table["label"].to_numpy()


def drawn(labels: Array, rows: int, seed: int) -> tuple[Array, Array, Array]:
    """Return places of anchors, of others of the same class, and of others of another one."""
    draw = np.random.default_rng(seed)
    anchor = draw.integers(0, len(labels), rows)
    of = [np.flatnonzero(labels == number) for number in range(10)]
    other = (labels[anchor] + draw.integers(1, 10, rows)) % 10
    positive = np.array([draw.choice(of[number]) for number in labels[anchor]])
    negative = np.array([draw.choice(of[number]) for number in other])
    return anchor, positive, negative


def pairs(images: Array, labels: Array, rows: int, seed: int) -> dict[str, Array]:
    """Return pairs of digits, each second one of the same class."""
    anchor, positive, negative = drawn(labels, rows, seed)
    alike = np.arange(rows) % 2 == 0
    right = np.where(alike, positive, negative)
    return {"left": images[anchor], "right": images[right], "alike": alike.astype(np.uint8)}


def triplets(images: Array, labels: Array, rows: int, seed: int) -> dict[str, Array]:
    """Return an anchor, a digit of its class and one of another class."""
    anchor, positive, negative = drawn(labels, rows, seed)
    found = {"anchor": anchor, "positive": positive, "negative": negative}
    return {name: images[places] for name, places in found.items()}


def main() -> None:
    """Write the files."""
    images, labels = digits()
    learnt = images[:LEARNT], labels[:LEARNT]
    np.savez_compressed(DATA / "pairs.npz", **pairs(*learnt, ROWS, seed=1))
    np.savez_compressed(DATA / "triplets.npz", **triplets(*learnt, ROWS, seed=2))


if __name__ == "__main__":
    main()
