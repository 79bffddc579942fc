"""Writes the data of specs/sequences: waves, tides, and the text of this repository's own pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).parents[1]
DATA = ROOT / "specs" / "data"
PAGES = ("README.md", "docs/architecture.md", "docs/training.md", "docs/spec-language.md",
         "docs/verification.md", "docs/add-a-layer.md", "CONTRIBUTING.md")  # fmt: skip
SIGNS = "\n abcdefghijklmnopqrstuvwxyz0123456789.,:;-_'\"`()[]{}/*|=#+<>$"
"""The signs of the text, each by its number; others are left out, capitals are small letters."""
LENGTH = 48
"""Signs of one row."""
KINDS = ("sine", "square", "triangle", "sawtooth")


def waves(rows: int = 1500, steps: int = 32) -> pl.DataFrame:
    """Return noisy waves of four forms, at any period, phase and size, in whole hundredths."""
    draw = np.random.default_rng(3)
    kind = draw.integers(0, len(KINDS), rows)
    period, phase = draw.uniform(8, 20, rows), draw.uniform(0, 1, rows)
    place = (np.arange(steps) / period[:, None] + phase[:, None]) % 1
    forms = np.stack(
        [
            np.sin(2 * np.pi * place),
            np.where(place < 0.5, 1.0, -1.0),
            4 * np.abs(place - 0.5) - 1,
            2 * place - 1,
        ]
    )
    values = draw.uniform(0.5, 1.0, (rows, 1)) * forms[kind, np.arange(rows)]
    values += draw.normal(0, 0.05, values.shape)
    columns = {f"v_{i}": np.rint(100 * values[:, i]).astype(int) for i in range(steps)}
    return pl.DataFrame({**columns, "form": np.array(KINDS)[kind]})


def tides(rows: int = 800, steps: int = 36) -> pl.DataFrame:
    """Return the level of two tides that beat against one another, by hours, and three later."""
    draw = np.random.default_rng(2)
    start = draw.uniform(0, 5_000, rows)[:, None]
    hour = start + np.append(np.arange(steps), steps + 2)
    level = 100 * np.sin(2 * np.pi * hour / 12.42) + 46 * np.sin(2 * np.pi * hour / 12.0)
    level += 30 * np.sin(2 * np.pi * hour / 23.93) + draw.normal(0, 4, level.shape)
    columns = {f"h_{i}": np.rint(level[:, i]).astype(int) for i in range(steps)}
    return pl.DataFrame({**columns, "level": np.rint(level[:, -1]).astype(int)})


def text() -> dict[str, np.ndarray]:
    """Return rows of signs by their numbers, and for each position the sign that follows."""
    whole = "\n".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES).lower()
    known = {sign: number for number, sign in enumerate(SIGNS)}
    ids = np.array([known[sign] for sign in whole if sign in known], np.uint8)
    rows = (len(ids) - 1) // LENGTH
    return {
        "text": ids[: rows * LENGTH].reshape(rows, LENGTH),
        "next": ids[1 : rows * LENGTH + 1].reshape(rows, LENGTH),
    }


def main() -> None:
    """Write the files."""
    waves().write_csv(DATA / "waves.csv")
    tides().write_csv(DATA / "tides.csv")
    np.savez_compressed(DATA / "pages.npz", **text())


if __name__ == "__main__":
    main()
