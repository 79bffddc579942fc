"""Holds emitted Python to ruff's own defaults, as a reader's project would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

RUFF = Path(sys.executable).parent / "ruff"


def assert_clean(folder: Path) -> None:
    """Assert that ruff finds nothing in the files of a folder, and would format none of them."""
    for command in (["check"], ["format", "--diff"]):
        run = subprocess.run(
            [RUFF, *command, "--isolated", "--no-cache", folder], capture_output=True, text=True
        )
        assert run.returncode == 0, run.stdout + run.stderr
