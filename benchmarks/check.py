"""`nnspec check` as a whole process, against the imports that no checker of YAML can do without."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import Action, Figure, interleaved, ratio

TARGET = 2.0
ROUNDS = 41
NNSPEC = str(Path(sys.executable).with_name("nnspec"))
COMMANDS = {
    "ours": [NNSPEC, "check", "specs/digits_cnn.yaml"],
    "floor": [sys.executable, "-c", "from pydantic import BaseModel; import yaml"],
    "help": [NNSPEC, "--help"],
    "python": [sys.executable, "-c", "pass"],
}


def run() -> list[Figure]:
    """Return the figure, and two that say where the time goes."""
    times = interleaved(
        {name: _process(command) for name, command in COMMANDS.items()}, rounds=ROUNDS
    )
    floor = times["floor"]
    return [
        ratio("nnspec check digits_cnn.yaml", times["ours"], floor, TARGET, "pydantic and yaml"),
        ratio("nnspec --help", times["help"], floor, None, "pydantic and yaml"),
        ratio("python -c pass", times["python"], floor, None, "pydantic and yaml"),
    ]


def _process(command: list[str]) -> Action:
    # An installed nnspec has its bytecode beside it, as pydantic and yaml have; a checkout gets it
    # at the first, uncounted, run, unless the environment forbids that.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return lambda: subprocess.run(command, check=True, capture_output=True, env=environment)
