"""Trains every row of the table, in processes of their own, and prints its size and worst row."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys

from tests.parity.rows import Row, rows
from tests.parity.training import Result, compared

TOLERANCE = 1e-7


def main() -> None:
    """Print the table's size, its worst row, and what exceeds the tolerance."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("words", nargs="*", help="that the name of a row must hold")
    parser.add_argument("-n", type=int, default=2, help="processes; 2 by default")
    arguments = parser.parse_args()
    table = [row for row in rows() if all(word in row.name for word in arguments.words)]
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    results: list[tuple[Result, Row]] = []
    # A process ends after some rows: frameworks keep memory.
    spawn = multiprocessing.get_context("spawn")
    with spawn.Pool(arguments.n, maxtasksperchild=40) as pool:
        for row, result in zip(table, pool.imap(compared, table), strict=True):
            results.append((result, row))
            print(f"{result.error:.1e}  {row.name} ({result.where})", flush=True)
    wrong = [pair for pair in results if not pair[0].error <= TOLERANCE]
    worst, row = max(results, key=lambda pair: pair[0].error)
    print(f"{len(results)} rows; worst {worst.error:.1e}: {row.name} ({worst.where})")
    for result, row in wrong:
        print(f"exceeds {TOLERANCE:.0e}: {result.error:.1e} {row.name} ({result.where})")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
