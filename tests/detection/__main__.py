"""Measures what `nnspec verify` finds: `make detection`."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys
from collections import defaultdict

import pytest

from tests.detection import INJECTIONS, Outcome, measure

MAY_BE_MISSED = 3
"""Of those that verify once missed; of the others none."""
BLAMED = 0.95


def main() -> int:
    """Print what was caught, by kind; 1 where it is too little."""
    chosen = sys.argv[1:]
    injections = [
        each
        for each in INJECTIONS
        if not chosen or any(word in f"{each.kind} {each.id}" for word in chosen)
    ]
    outcomes = []
    for injection in injections:
        outcome = measure(injection, pytest.MonkeyPatch())
        outcomes.append(outcome)
        blamed = ", ".join(str(layer) for layer in outcome.blamed)
        verdict = "caught" if outcome.is_caught else "MISSED"
        if outcome.is_blamed is False:
            wanted = injection.part or injection.says or ", ".join(injection.layers)
            verdict += f", BLAMED ON {blamed} INSTEAD OF {wanted}"
        print(f"{injection.kind:14} {injection.id:55} {outcome.seconds:5.1f} s  {verdict}")
    return summary(outcomes)


def summary(outcomes: list[Outcome]) -> int:
    """Print the table of kinds, and return the exit code."""
    kinds: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        kinds[outcome.injection.kind].append(outcome)
    print(f"\n{'kind':16} {'caught':>10} {'blamed':>10}")
    for kind, those in sorted(kinds.items()):
        print(f"{kind:16} {_share([each.is_caught for each in those]):>10} {_blames(those):>10}")
    listed = [each.is_caught for each in outcomes if each.injection.is_listed]
    others = [each.is_caught for each in outcomes if not each.injection.is_listed]
    print(f"{'once missed':16} {_share(listed):>10}")
    print(f"{'others':16} {_share(others):>10}")
    print(f"{'all':16} {_share([*listed, *others]):>10} {_blames(outcomes):>10}")
    blames = [each.is_blamed for each in outcomes if each.is_blamed is not None]
    enough = (
        listed.count(False) <= MAY_BE_MISSED
        and all(others)
        and (not blames or sum(blames) >= BLAMED * len(blames))
    )
    return 0 if enough else 1


def _share(given: list[bool]) -> str:
    return f"{sum(given)} of {len(given)}"


def _blames(outcomes: list[Outcome]) -> str:
    return _share([each.is_blamed for each in outcomes if each.is_blamed is not None])


if __name__ == "__main__":
    sys.exit(main())
