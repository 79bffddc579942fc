"""A backend from elsewhere is found by its entry point, compiles, runs, and is verified."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import nnspec
from nnspec.backend import backend_names
from nnspec.cli import main

SPEC = """
nnspec: 1
name: Small
inputs: {x: {shape: [4]}}
blocks:
  layer:
    variables: {units: 3}
    inputs: [given]
    layers:
      - {name: linear, type: dense, units: "${units}", activation: relu}
layers:
  - {name: stack, type: layer, repeat: 2}
  - {name: last, type: dense, units: 2}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


@pytest.mark.usefixtures("toy")
def test_it_is_found() -> None:
    assert "toy" in backend_names()


@pytest.mark.usefixtures("toy")
def test_it_compiles_from_the_command_line(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.py"
    result = CliRunner().invoke(main, ["compile", str(spec), "--to", "toy", "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert 'weights["stack.1.linear.weight"].T' in out.read_text()


@pytest.mark.usefixtures("toy")
def test_it_is_verified_beside_the_others(spec: Path) -> None:
    report = nnspec.verify(spec, backends=("torch", "toy", "onnx"))
    assert report.passed, report.to_json()
    pairs = {frozenset(check.pair) for check in report.checks if check.kind == "forward"}
    assert frozenset(("torch", "toy")) in pairs
    assert frozenset(("toy", "onnx")) in pairs
    assert any("toy runs networks, and trains none" in note for note in report.notes)


@pytest.mark.usefixtures("toy")
def test_a_mistake_of_its_own_is_found(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nnspec_toy

    table = nnspec_toy.LOWERINGS
    monkeypatch.setitem(table, nnspec.layers.Relu, lambda layer, path, given: f"np.abs({given})")
    report = nnspec.verify(spec, backends=("torch", "toy"))
    failed = [check for check in report.checks if not check.passed]
    assert {check.layer for check in failed} == {"stack.0.linear"}


@pytest.mark.usefixtures("toy")
def test_what_it_cannot_express_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "tanh.yaml"
    path.write_text(
        "nnspec: 1\nname: T\ninputs: {a: {shape: [2]}}\nlayers: [{name: bend, type: tanh}]\n"
    )
    with pytest.raises(nnspec.UnsupportedError, match=r'"bend" \(tanh\): a toy does without it'):
        nnspec.compile(path, "toy")


def test_an_unknown_backend_is_refused(spec: Path) -> None:
    with pytest.raises(nnspec.UsageError, match='no backend "troch"; did you mean "torch"'):
        nnspec.compile(spec, "troch")
