"""The emitted files of the examples: as kept, formatted, linted, free of nnspec, and running."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nnspec.network.loader import load
from tests.formatting import assert_clean
from tests.golden_files import GOLDEN, NETWORKS, ROOT, SPECS, emitted, files_of
from tests.golden_rows import pages

CASES = [(spec, file) for spec in (*SPECS, *NETWORKS) for file in files_of(spec)]
PYTHON_FILES = [(spec, file) for spec, file in CASES if file.endswith(".py")]


def ids(case: object) -> str:
    return case.stem if isinstance(case, Path) else str(case)


@pytest.mark.parametrize(("spec", "file"), CASES, ids=ids)
def test_emitted_file_is_the_golden_one(spec: Path, file: str) -> None:
    kept = (GOLDEN / spec.stem / file).read_text(encoding="utf-8")
    assert emitted(spec, file) == kept, "if the change is meant, run `make golden`"


def test_every_golden_file_belongs_to_a_spec_or_is_a_page() -> None:
    kept = {path.relative_to(GOLDEN) for path in GOLDEN.rglob("*") if path.is_file()}
    kept = {path for path in kept if "__pycache__" not in path.parts}
    shown = {Path(path) for path, _ in pages()}
    assert kept == {Path(spec.stem) / file for spec, file in CASES} | shown


def test_ruff_accepts_the_files_as_they_are() -> None:
    assert_clean(GOLDEN)


@pytest.mark.parametrize(("spec", "file"), PYTHON_FILES, ids=ids)
def test_emitted_python_owes_nnspec_nothing(spec: Path, file: str) -> None:
    text = (GOLDEN / spec.stem / file).read_text(encoding="utf-8")
    assert "nnspec" not in text


# Runs scripts one after the other, since to import a framework takes longer than they do. An import
# of nnspec would fail: the script's own folder and site-packages are all that a script sees.
RUN_ALONE = """
import contextlib, io, json, os, runpy, sys, traceback
sys.modules["nnspec"] = None
results = {}
for script, folder, arguments in json.load(sys.stdin):
    os.chdir(folder)
    sys.argv = [script, *arguments]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            runpy.run_path(script, run_name="__main__")
            error = ""
        except BaseException:
            error = traceback.format_exc()
    results[script] = printed.getvalue(), error
json.dump(results, sys.stdout)
"""


@pytest.mark.parametrize("file", ["torch_training.py", "keras_training.py"])
def test_emitted_scripts_run_on_their_own(file: str, tmp_path: Path) -> None:
    asked = []
    for spec in SPECS:
        data = load(spec).model.data
        assert data is not None
        folder = tmp_path / spec.stem
        folder.mkdir()
        arguments = ["--data", str(ROOT / "specs" / data.source), "--epochs", "1"]
        asked.append((str(GOLDEN / spec.stem / file), str(folder), arguments))
    ended = subprocess.run(
        [sys.executable, "-c", RUN_ALONE],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    results: dict[str, tuple[str, str]] = json.loads(ended.stdout)
    assert len(results) == len(SPECS)
    for script, (printed, error) in results.items():
        assert not error, f"{script}: {error}"
        assert "loss" in printed, script


def test_simple_nn_is_as_short_as_by_hand() -> None:
    lines = (GOLDEN / "simple_nn" / "torch.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 20


def test_no_emitted_number_shows_digits_of_rounding() -> None:
    """What is computed of the numbers of a spec is emitted as it is computed."""
    files = [path for path in GOLDEN.rglob("*.*") if path.suffix in (".md", ".py")]
    odd = re.compile(r"\d\.\d*(?:99999999|00000000)\d")
    assert [*filter(None, (odd.findall(path.read_text()) for path in files))] == []
