"""Verifies every spec, each in a process of its own: `python -m scripts.verify_all`.

The zoo's are verified at the size of their papers, without the exporters, which are tested on the
specs before. It says how long the rest will take: by what each took the last time, which
build/verify-all.json keeps, or else the mean of those of its kind.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "build" / "verify-all.json"
FOLDERS = ("", "sequences", "digits", "zoo")
ZOO = ("--no-exporters", "--batch", "2", "--steps", "1")


def commands() -> dict[str, tuple[str, ...]]:
    """Return the words after `nnspec verify` of each spec."""
    paths = [path for name in FOLDERS for path in sorted((ROOT / "specs" / name).glob("*.yaml"))]
    return {
        path.relative_to(ROOT).as_posix(): ZOO if path.parent.name == "zoo" else ()
        for path in paths
    }


def seconds_left(
    names: Sequence[str], kinds: Mapping[str, object], took: Mapping[str, float]
) -> tuple[float, bool]:
    """Return how long specs will take, and whether something tells of all of them.

    kinds: of each, what it is verified with. took: seconds that any of them have taken.
    """
    total, knows_all = 0.0, True
    for name in names:
        alike = [seconds for each, seconds in took.items() if kinds.get(each) == kinds[name]]
        if name in took or alike:
            total += took[name] if name in took else statistics.fmean(alike)
        else:
            knows_all = False
    return total, knows_all


def told(seconds: float, knows_all: bool) -> str:
    """Return a time in words, empty where nothing tells."""
    if not seconds:
        return ""
    about = "about" if knows_all else "at least"
    return (
        f", {about} {seconds / 60:.0f} min left"
        if seconds >= 90
        else f", {about} {seconds:.0f} s left"
    )


def kept() -> dict[str, float]:
    """Return what each spec took the last time, as far as that is known."""
    try:
        known = json.loads(KEPT.read_text(encoding="utf-8"))
        return {str(name): float(seconds) for name, seconds in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def main() -> int:
    """Verify all, and return the exit code."""
    known, took, failed = commands(), kept(), []
    for i, (name, options) in enumerate(known.items()):
        left = told(*seconds_left([*known][i:], known, took))
        print(f"== {i + 1}/{len(known)}{left}: nnspec verify {name}", flush=True)
        start = time.perf_counter()
        words = [sys.executable, "-m", "nnspec", "verify", name, *options]
        if subprocess.run(words, cwd=ROOT, check=False).returncode != 0:
            failed.append(name)
        took[name] = round(time.perf_counter() - start, 1)
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(took, indent=1) + "\n", encoding="utf-8")
    if failed:
        print(f"not verified: {' '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
