"""The log of a long run in child processes: what is done is not done again."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

_LOCK = threading.Lock()


def write(log: Path, entry: dict[str, Any]) -> None:
    """Add an entry, whole, whichever thread has it."""
    with _LOCK, log.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def entries(log: Path) -> list[dict[str, Any]]:
    """Return the entries in their order; none where there is no log yet."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
