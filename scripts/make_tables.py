"""Writes the data of specs/tables: a table of mixed columns, some of its values missing."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

DATA = Path(__file__).parents[1] / "specs" / "data"
STATIONS = {
    "Central": 1.6,
    "Harbour": 1.3,
    "University": 1.4,
    "Museum": 1.0,
    "Park": 1.1,
    "Zoo": 0.9,
    "Market": 1.2,
    "Hospital": 0.8,
    "Stadium": 0.7,
    "Airport": 0.6,
    "Quarry": 0.5,
    "Mill": 0.5,
}
"""Station -> what its place does to the rides; the last two are rare."""
WEATHER = {"clear": 1.0, "clouds": 0.85, "rain": 0.5, "snow": 0.3}
WEEK = (1.0, 1.0, 1.05, 1.05, 1.1, 1.3, 1.2)
"""What the day of the week does, from Monday on."""


def rentals(rows: int = 1500) -> pl.DataFrame:
    """Return how many bicycles were hired at a station on a day, of what the day was like.

    rides: a product of what station, docks, season, weekday, weather, temperature and wind do, and
    of a noise of 8 %, in whole numbers.
    """
    draw = np.random.default_rng(4)
    days = draw.integers(0, 730, rows)
    dates = [date(2022, 1, 1) + timedelta(int(each)) for each in days]
    likely = np.array([*[0.097] * 10, 0.018, 0.012])
    stations = draw.choice(list(STATIONS), rows, p=likely / likely.sum())
    season = np.cos(2 * np.pi * (days % 365 - 200) / 365)
    temperature = (11 + 11 * season + draw.normal(0, 4, rows)).round(1)
    wet = draw.random(rows)
    kinds = np.where(wet < 0.5, "clear", np.where(wet < 0.75, "clouds", "rain"))
    kinds = np.where((kinds == "rain") & (temperature < 1), "snow", kinds)
    wind = draw.lognormal(2.3, 0.6, rows).round(1)
    docks = np.rint(draw.pareto(2.0, rows) * 12 + 10).clip(10, 400).astype(int)
    holiday = draw.random(rows) < 0.06
    rides = 6 * docks**0.6 * np.exp(0.35 * season)
    rides *= np.array([STATIONS[each] for each in stations])
    rides *= np.array([WEATHER[each] for each in kinds])
    rides *= np.array([WEEK[each.weekday()] for each in dates])
    rides *= 1 - 0.25 * np.log1p(wind) / np.log1p(40) + 0.25 * holiday
    rides *= np.exp(-(((temperature - 22) / 25) ** 2)) * np.exp(draw.normal(0, 0.08, rows))
    table = pl.DataFrame(
        {
            "day": dates,
            "station": stations,
            "docks": docks,
            "weather": kinds,
            "temperature": temperature,
            "wind": wind,
            "holiday": np.where(holiday, "yes", "no"),
            "rides": np.rint(rides).astype(int),
        }
    )
    unknown = {"weather": 0.05, "temperature": 0.08, "wind": 0.03}
    return table.with_columns(
        table[name].set(pl.Series(draw.random(rows) < share), None)
        for name, share in unknown.items()
    )


if __name__ == "__main__":
    rentals().write_csv(DATA / "rentals.csv")
