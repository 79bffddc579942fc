"""Runs a certificate's checker where nothing but what it needs can be imported."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

NEEDED = ("onnxruntime", "numpy", "safetensors")
ABSENT = ("nnspec", "nnspec_onnx", "torch", "keras", "tensorflow", "onnx", "polars", "pydantic")

_PROGRAM = f"""
import importlib.util, runpy, sys
sys.path.append(sys.argv[1])
for name in {ABSENT!r}:
    assert importlib.util.find_spec(name) is None, name
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def packages(folder: Path) -> Path:
    """Return a folder that holds the packages which the checker needs, and no other."""
    folder.mkdir()
    for name in NEEDED:
        found = find_spec(name)
        assert found is not None
        assert found.origin is not None
        home = Path(found.origin).parent
        for each in (home, home.with_name(f"{name}.libs")):
            if each.is_dir():
                (folder / each.name).symlink_to(each)
    return folder


def replay(statement: Path, bare: Path, checker: Path | None = None) -> tuple[int, str]:
    """Return the exit code of the checker, and what it prints."""
    checker = checker or statement.with_suffix("") / "check_certificate.py"
    done = subprocess.run(
        # -S: no site-packages; -I: no PYTHONPATH, and no current folder.
        [sys.executable, "-S", "-I", "-c", _PROGRAM, str(bare), str(checker), str(statement)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
