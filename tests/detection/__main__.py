"""Measures what nnspec finds of faults: `make detection`.

Faults of the catalogue are put into emitted files, and judged like files of others; others into an
engine, and verified. `python -m tests.detection --count 2000 --seed 0` goes on where it was
stopped; words choose kinds, networks or injections.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.detection.catalogue import KINDS
from tests.detection.catalogue.networks import ROOT
from tests.detection.catalogue.page import written
from tests.detection.catalogue.run import (
    SIDES,
    Key,
    all_keys,
    chosen,
    injections,
    right_engines,
    run,
    without_faults,
)
from tests.detection.catalogue.table import Entry, Figures, lines, told

FOUND = 0.99
BLAMED = 0.95


def main() -> int:
    """Print what was found, by kind; 1 where it is too little."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="that the name of an injection must hold")
    parser.add_argument("--count", type=int, default=2400, help="injections into files, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", default="", help="of the catalogue, separated by commas")
    parser.add_argument("--sides", default=",".join((*SIDES, "engine")))
    parser.add_argument("-n", type=int, default=2, help="processes at a time")
    parser.add_argument("--log", type=Path, default=ROOT / "build" / "detection" / "log.jsonl")
    parser.add_argument("--fresh", action="store_true", help="forget what was measured before")
    parser.add_argument("--write", action="store_true", help="keep the figures: docs/detection.md")
    arguments = parser.parse_args()
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    if arguments.fresh:
        arguments.log.unlink(missing_ok=True)
    start = time.perf_counter()
    keys = _keys(arguments)
    found_of = run(keys, arguments.log, arguments.n)
    entries = [*found_of.values()]
    for key in keys:
        if key not in found_of:
            print(f"NO OUTCOME {' '.join(map(str, key))}")
    for line in _complaints(entries):
        print(line)
    for line in lines(entries):
        print(line)
    seconds = time.perf_counter() - start
    found = Figures(entries)
    print(f"\n{_kinds(entries)} kinds, in {seconds:.0f} s")
    for line in told(found):
        print(line)
    if arguments.write:
        written(entries, arguments.count, arguments.seed)
    return 0 if _is_enough(found) and len(entries) == len(keys) else 1


def _keys(arguments: argparse.Namespace) -> list[Key]:
    sides = arguments.sides.split(",")
    kinds = set(arguments.kinds.split(",")) if arguments.kinds else {*KINDS, "none"}
    unknown = kinds - {*KINDS, "none"}
    if unknown:
        sys.exit(f"no kind of fault: {', '.join(sorted(unknown))}")
    files = [side for side in SIDES if side in sides]
    keys = [key for key in all_keys(files) if key[0] in kinds and _is_named(key, arguments.words)]
    picked = chosen(keys, arguments.count, arguments.seed)
    if "engine" in sides:
        made: list[Key] = [(kind, "engine", name, 0) for name, (_, kind) in injections().items()]
        picked += [key for key in made if key[0] in kinds and _is_named(key, arguments.words)]
    if "none" in kinds:
        right = without_faults(files)
        if "engine" in sides:
            right += [("none", "engine", name, 0) for name in right_engines()]
        picked += [key for key in right if _is_named(key, arguments.words)]
    return picked


def _is_named(key: Key, words: Sequence[str]) -> bool:
    return not words or any(word in " ".join(map(str, key)) for word in words)


def _complaints(entries: Sequence[Entry]) -> list[str]:
    """Return a line for each that was missed, blamed wrongly, or accused without a fault."""
    found = Figures(entries)
    named = {
        "MISSED": found.missed, "BLAMED": found.misblamed, "PLACED": found.misplaced,
        "ALARM": found.alarms,
    }  # fmt: skip
    return [
        f"{what} {' '.join(map(str, each['key']))} {each['verdict']} "
        f"{each.get('effect', 0):.1e} {each.get('bound', '')} {each.get('told', '')[:200]} "
        f"{each.get('truth', '')}"
        for what, some in named.items()
        for each in some
    ]


def _kinds(entries: Sequence[Entry]) -> int:
    return len({each["key"][0] for each in entries} & KINDS.keys())


def _is_enough(found: Figures) -> bool:
    blames = [each["is_blamed"] for each in found.faults if each.get("is_blamed") is not None]
    caught = len(found.faults) - len(found.missed)
    return (
        caught >= FOUND * len(found.faults)
        and (not blames or sum(blames) >= BLAMED * len(blames))
        and not found.alarms
    )


if __name__ == "__main__":
    sys.exit(main())
