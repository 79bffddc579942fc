"""The log of a long run in child processes: what is done is not done again."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MEASURED = ("nnspec", "backends", "specs", "tests/cases", "tests/networks")
"""What the results of a long run are of, beside the run's own folder."""
_LOCK = threading.Lock()


def write(log: Path, entry: dict[str, Any]) -> None:
    """Add an entry, whole, whichever thread has it."""
    with _LOCK, log.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def entries(log: Path) -> list[dict[str, Any]]:
    """Return the entries in their order; none where there is no log yet."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@cache
def code_of(*folders: str) -> str:
    """Return a digest of the code that is measured, and of these folders that measure it."""
    found = hashlib.sha256()
    for folder in (*MEASURED, *folders):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".yaml", ".json", ".csv"):
                found.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:12]


def require_of(log: Path, code: str, mode: str = "") -> None:
    """Raise SystemExit where a log holds what was found of other code, or by other questions."""
    found: Iterable[tuple[str, str]] = {
        (each.get("code", "none"), each.get("mode", "")) for each in entries(log)
    }
    if others := sorted(set(found) - {(code, mode)}):
        told = ", ".join(f"code {of}{f' ({by})' if by else ''}" for of, by in others)
        now = f"code {code}{f' ({mode})' if mode else ''}"
        raise SystemExit(f"{log} holds results of {told}, and this is {now}: begin another log")
