"""Writes the database of specs/databases: a shop's customers, items and orders, in SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "specs" / "data"
KINDS = {"shoes": 1.6, "coat": 0.9, "shirt": 0.2, "book": -2.0, "toy": -0.8}
"""Kind of an item -> what it does to the odds of a return."""
TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, born INTEGER, city TEXT);
CREATE TABLE items (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, price REAL NOT NULL);
CREATE TABLE orders (
  id INTEGER PRIMARY KEY, day TEXT NOT NULL, customer INTEGER REFERENCES customers,
  item INTEGER REFERENCES items, pieces INTEGER NOT NULL, returned INTEGER NOT NULL
);
"""


def rows(orders: int = 2400) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of each table; one order in ten is sent back.

    It is where a threshold is passed by a sum of what the kind, the price against that of its kind,
    the pieces and the customer's years do, and of a little noise. Of a tenth of the customers the
    year of birth is unknown.
    """
    draw = np.random.default_rng(6)
    born = draw.integers(1945, 2006, 200)
    known = draw.random(200) > 0.1
    cities = draw.choice(["Aldport", "Brenhaven", "Corrie"], 200, p=[0.6, 0.3, 0.1])
    customers: list[tuple[object, ...]] = [
        (i + 1, int(born[i]) if known[i] else None, str(cities[i])) for i in range(200)
    ]
    kinds = draw.choice(list(KINDS), 60)
    prices = np.round(draw.lognormal(3.3, 0.7, 60), 2)
    items: list[tuple[object, ...]] = [(i + 1, str(kinds[i]), float(prices[i])) for i in range(60)]
    who, what = draw.integers(0, 200, orders), draw.integers(0, 60, orders)
    pieces = draw.integers(1, 5, orders)
    odds = np.array([KINDS[str(kind)] for kind in kinds[what]])
    odds = odds + 1.1 * np.log(prices[what] / 27) + 0.5 * (pieces - 2)
    odds = odds + np.where(born[who] > 1990, 0.9, 0.0) + draw.normal(0, 0.25, orders)
    returned = odds > np.quantile(odds, 0.9)
    days = np.sort(draw.integers(0, 365, orders))
    dates = np.datetime64("2025-01-01") + days
    listed: list[tuple[object, ...]] = [
        (i + 1, str(dates[i]), int(who[i]) + 1, int(what[i]) + 1, int(pieces[i]), int(returned[i]))
        for i in range(orders)
    ]
    return {"customers": customers, "items": items, "orders": listed}


def write(path: Path) -> None:
    """Write the file anew."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(TABLES)
        for name, values in rows().items():
            places = ", ".join("?" * len(values[0]))
            connection.executemany(f"INSERT INTO {name} VALUES ({places})", values)


if __name__ == "__main__":
    write(DATA / "shop.db")
