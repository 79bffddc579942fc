"""The stages of long work on a terminal, and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.judge.both import compare
from nnspec.verification.settings import Settings
from nnspec.verification.verifier import verify_spec

SPEC = {
    "nnspec": 1,
    "name": "Net",
    "inputs": {"x": {"shape": [4]}},
    "layers": [{"type": "dense", "units": 3, "activation": "tanh"}],
}
TERMINAL = {"TTY_COMPATIBLE": "1", "TERM": "xterm", "COLUMNS": "120"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "net.json"
    found.write_text(json.dumps(SPEC))
    return found


@pytest.mark.parametrize("words", [["verify"], ["compare"]])
def test_a_terminal_shows_what_is_at_work(words: list[str], path: Path) -> None:
    command = [*words, str(path), *([str(path)] if words == ["compare"] else [])]
    command += ["--no-processes", "--no-exporters", "--steps", "1"] if words == ["verify"] else []
    shown = CliRunner().invoke(main, command, env=TERMINAL)
    assert shown.exit_code == 0, shown.output
    stage = "left about" if words == ["verify"] else "gradients and training"
    assert stage in shown.output
    plain = CliRunner().invoke(main, command, env={"TTY_COMPATIBLE": "0"})
    assert stage not in plain.output
    option = ["--format", "json"] if words == ["verify"] else ["--json"]
    json.loads(CliRunner().invoke(main, [*command, *option], env=TERMINAL).stdout)


def test_every_part_of_a_verification_is_counted() -> None:
    counts: list[tuple[int, int]] = []
    verify_spec(
        nnspec.check(SPEC),
        Settings(steps=1, exporters=False, levels=("outputs",), count=lambda *n: counts.append(n)),
    )
    total = counts[-1][1]
    assert counts == [(done, total) for done in range(1, total + 1)]


def test_a_comparison_tells_its_stages(path: Path) -> None:
    stages: list[str] = []
    assert compare(path, path, progress=stages.append).passed
    assert stages[0] == "which tensor is which parameter"
    assert stages[-1] == "gradients and training"
    (path.parent / "model.py").write_text(nnspec.compile(nnspec.load(path), "torch").source)
    stages.clear()
    model = f"{path.parent / 'model.py'}:Net"
    assert compare(model, model, inputs=["x=4"], progress=stages.append).passed
    assert "which inputs are which" in stages
    assert stages[-1] == "gradients"
