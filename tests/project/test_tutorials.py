"""The tutorials of docs/tutorials: every command of theirs runs, in their order, and ends well."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_docs import ROOT, fences

TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))


def test_every_family_has_one() -> None:
    named = {path.stem for path in TUTORIALS}
    assert named == {"mlp", "cnn", "recurrent", "transformer", "gan"}


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_every_command_runs(page: Path, tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "specs", tmp_path / "specs", ignore=shutil.ignore_patterns("invalid", "zoo")
    )
    commands = [
        line for fence in fences(page) if fence.language == "" for line in fence.text.splitlines()
    ]
    assert len(commands) >= 5
    for command in commands:
        program, *words = shlex.split(command)
        assert program in ("nnspec", "python")
        ended = subprocess.run(
            [sys.executable, *(["-m", "nnspec"] if program == "nnspec" else []), *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
