"""Writes the series of specs/series: what a logger in each of three harbours wrote down."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

DATA = Path(__file__).parents[1] / "specs" / "data"
HARBOURS = {"Aldport": (1.0, 0.0), "Brenhaven": (0.72, 1.6), "Corrie": (1.31, 3.1)}
"""Name -> size of its tide, and hours by which it is later."""
SILL = 330
"""Centimetres below which no harbour falls: the water behind its sill stays."""
BEGIN = datetime(2025, 3, 1)  # the hours of a logger, which has no zone


def harbours(hours: int = 900) -> pl.DataFrame:
    """Return hourly levels in centimetres, and the wind that moves them some hours later.

    A harbour's level is two tides of nearly one period, and a surge that follows the square of the
    wind, but never less than its sill; of the wind 3 % are missing. Rows are in order of time, the
    harbours among one another.
    """
    draw = np.random.default_rng(4)
    hour, tables = np.arange(hours), []
    for name, (size, later) in HARBOURS.items():
        gusts = draw.normal(0, 1, hours)
        wind, surge = np.zeros(hours), np.zeros(hours)
        for i in range(1, hours):
            wind[i] = 0.93 * wind[i - 1] + 1.3 * gusts[i]
            before = wind[max(i - 3, 0)]
            surge[i] = 0.8 * surge[i - 1] + 0.4 * before * abs(before)
        tide = 100 * np.sin(2 * np.pi * (hour - later) / 12.42)
        tide += 46 * np.sin(2 * np.pi * (hour - later) / 12.0)
        level = 400 + size * tide + surge
        level = np.maximum(level, SILL) + draw.normal(0, 3, hours)
        rounded = np.round(wind, 1) + 0.0  # no -0.0
        missing = draw.random(hours) < 0.03
        tables.append(
            pl.DataFrame({
                "time": [BEGIN + timedelta(hours=int(i)) for i in hour],
                "harbour": [name] * hours,
                "level": np.rint(level).astype(int),
                "wind": [None if lost else value for value, lost in
                         zip(rounded.tolist(), missing, strict=True)],
            })
        )  # fmt: skip
    table = pl.concat(tables).sort("time", "harbour")
    return table.with_columns(pl.col("time").dt.strftime("%Y-%m-%d %H:%M"))


def main() -> None:
    """Write the file."""
    harbours().write_csv(DATA / "harbours.csv")


if __name__ == "__main__":
    main()
