"""Backends from elsewhere are found by their entry points, add to the language, and train.

All that they are is in `tests/toy_backend`: nothing of nnspec knows their names.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import nnspec
from nnspec.backend import Can, backend_names, default_backends, get_backend
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
OWN = """
nnspec: 1
name: Swinging
inputs: {x: {shape: [4]}}
layers:
  - {name: first, type: dense, units: 5, activation: {type: swing, amplitude: 0.25}}
  - {name: bend, type: swing}
  - {name: last, type: dense, units: 1}
data: {source: rows.csv, features: {x: "x*"}, target: y}
training:
  task: regression
  loss: soft_absolute
  optimizer: {type: rms, learning_rate: {schedule: harmonic, initial: 0.02, steps: 40}}
  epochs: 3
  batch_size: 8
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(SPEC)
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a spec of what the toy brings, beside its rows."""
    draw = np.random.default_rng(1)
    rows = draw.normal(size=(40, 4))
    lines = [",".join(f"{x:.4f}" for x in (*row, row.sum())) for row in rows]
    (tmp_path / "rows.csv").write_text("x1,x2,x3,x4,y\n" + "\n".join(lines) + "\n")
    path = tmp_path / "own.yaml"
    path.write_text(OWN)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], catch_exceptions=False)


@pytest.mark.usefixtures("toy")
def test_it_is_found() -> None:
    assert {"toy", "toy_twin"} <= set(backend_names())
    assert default_backends()[:2] == ("torch", "keras")
    assert set(default_backends()) == set(backend_names())


@pytest.mark.usefixtures("toy")
def test_it_compiles_from_the_command_line(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "small.py"
    result = run("compile", spec, "--to", "toy", "-o", out)
    assert result.exit_code == 0, result.output
    assert 'weights["stack.1.linear.weight"].T' in out.read_text()


@pytest.mark.usefixtures("toy")
def test_it_is_verified_beside_the_others(spec: Path) -> None:
    report = nnspec.verify(spec, backends=("torch", "toy", "onnx"))
    assert report.passed, report.to_json()
    for kind in ("forward", "gradient", "training"):
        pairs = {frozenset(check.pair) for check in report.checks if check.kind == kind}
        assert frozenset(("torch", "toy")) in pairs, kind
    assert frozenset(("toy", "onnx")) in {
        frozenset(check.pair) for check in report.checks if check.kind == "forward"
    }


@pytest.mark.usefixtures("toy")
def test_a_mistake_of_its_own_is_found(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnspec_toy import lowerings

    wrong = lowerings.Lines("np.abs({x})", "{g} * np.sign({x})", {})
    monkeypatch.setitem(lowerings.LAYERS, nnspec.layers.Relu, lambda layer, path: wrong)
    report = nnspec.verify(spec, backends=("torch", "toy"))
    failed = [check for check in report.checks if not check.passed and check.kind == "forward"]
    assert {check.layer for check in failed} == {"stack.0.linear"}


@pytest.mark.usefixtures("toy")
def test_what_it_cannot_express_is_refused_with_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "tanh.yaml"
    path.write_text(
        "nnspec: 1\nname: T\ninputs: {a: {shape: [2]}}\nlayers: [{name: bend, type: tanh}]\n"
        "training: {task: binary, optimizer: {type: adam, learning_rate: "
        "{schedule: cosine, peak: 0.1, steps: 3}}}\n"
    )
    with pytest.raises(nnspec.UnsupportedError, match=r'"bend" \(tanh\): a toy does without it'):
        nnspec.compile(path, "toy")
    with pytest.raises(nnspec.UnsupportedError) as caught:
        nnspec.compile(path, "toy", training=True)
    for named in ("loss binary_cross_entropy", "optimizer adam", "schedule cosine"):
        assert f"the {named}: a toy does without it" in str(caught.value)


def test_an_unknown_backend_is_refused(spec: Path) -> None:
    with pytest.raises(nnspec.UsageError, match='no backend "troch"; did you mean "torch"'):
        nnspec.compile(spec, "troch")


# A layer, a loss, an optimizer, a schedule and an option of its own, by the command line


@pytest.mark.usefixtures("toy")
def test_a_spec_of_its_own_additions_is_checked(own: Path) -> None:
    result = run("check", own)
    assert result.exit_code == 0, result.output
    for right, wrong, said in (
        ("type: swing, amp", "type: swung, amp", 'no activation "swung"; did you mean "swing"?'),
        ("bend, type: swing", "bend, type: swung", 'no layer type "swung"; did you mean "swing"?'),
        ("soft_absolute", "soft_absolut", 'no loss "soft_absolut"; did you mean "soft_absolute"?'),
        ("type: rms", "type: rmss", 'no optimizer "rmss"; did you mean "rms"?'),
        ("harmonic", "harmonik", 'no schedule "harmonik"; did you mean "harmonic"?'),
        ("amplitude: 0.25", "amplitude: -1", "`activation.amplitude` is -1, and more than 0"),
        ("steps: 40", "stops: 40", 'has no key "stops"; did you mean "steps"?'),
    ):
        own.write_text(OWN.replace(right, wrong))
        result = run("check", own)
        assert result.exit_code == 2
        assert said in result.output + result.stderr, said


def test_without_the_package_they_are_unknown(own: Path) -> None:
    result = run("check", own)
    assert result.exit_code == 2
    for said in ('layer type "swing"', 'loss "soft_absolute"', 'optimizer "rms"'):
        assert f"no {said}" in result.output + result.stderr


@pytest.mark.usefixtures("toy")
def test_it_compiles_with_an_option_of_its_own(own: Path) -> None:
    result = run("compile", own, "--to", "toy", "--training", "--header", "made for a test")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("# made for a test\nimport numpy as np\n")
    assert "0.25 * np.sin(x0)" in result.stdout
    assert "return 0.02 / (1 + step / 40)" in result.stdout
    shown = run("compile", "--to", "toy", "--help").stdout
    assert "--header TEXT" in shown
    assert "--opset" not in shown
    refused = run("compile", own, "--to", "torch", "--header", "made for a test")
    assert refused.exit_code == 2
    assert "--header is an option of the backend toy and toy_twin" in refused.stderr
    with pytest.raises(nnspec.UsageError, match="header is 3, and a text is expected"):
        nnspec.compile(own, "toy", header=3)


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("processes", ["--processes", "--no-processes"])
def test_its_additions_are_verified(own: Path, processes: str) -> None:
    result = run(
        "verify", own, "--backends", "toy,toy_twin", "--header", "x", "--steps", 30, processes,
        "--json",
    )  # fmt: skip
    report = json.loads(result.stdout)
    assert result.exit_code == 0, report
    kinds = {check["kind"] for check in report["checks"] if check["pair"] == ["toy", "toy_twin"]}
    assert {"forward", "gradient", "training"} <= kinds


@pytest.mark.usefixtures("toy")
def test_a_network_is_compared_where_its_training_cannot_be(spec: Path) -> None:
    spec.write_text(SPEC + "training: {task: regression, optimizer: adam}\n")
    report = nnspec.verify(spec, backends=("torch", "toy", "keras"), steps=1)
    assert report.passed, report.to_json()
    pairs = {kind: {each.pair for each in report.checks if each.kind == kind}
             for kind in ("forward", "training")}  # fmt: skip
    assert ("torch", "toy") in pairs["forward"]
    assert pairs["training"] == {("torch", "keras")}
    reasons = {each.kind: each.reason for each in report.not_checked if each.pair == ("toy",)}
    said = "toy cannot express the optimizer adam: a toy does without it"
    assert reasons["gradient"] == reasons["training"] == said


@pytest.mark.usefixtures("toy")
def test_others_say_that_they_have_not_its_additions(own: Path) -> None:
    for backend in ("torch", "keras", "onnx"):
        result = run("compile", own, "--to", backend)
        assert result.exit_code == 2
        assert 'layer "bend" (swing): it has no lowering for it' in result.stderr
    own.write_text(OWN.replace("activation: {type: swing, amplitude: 0.25}", "activation: relu")
                   .replace("type: swing", "type: relu"))  # fmt: skip
    for backend in ("torch", "keras"):
        assert run("compile", own, "--to", backend).exit_code == 0
        result = run("compile", own, "--to", backend, "--training")
        assert result.exit_code == 2
        for what in ("loss soft_absolute", "optimizer rms", "schedule harmonic"):
            assert f"the {what}: it has no lowering for it" in result.stderr


@pytest.mark.usefixtures("toy")
def test_it_trains_and_resumes_by_the_command_line(own: Path, tmp_path: Path) -> None:
    for backend in ("toy", "toy_twin"):
        result = run("train", own, "--backend", backend, "-o", tmp_path / backend)
        assert result.exit_code == 0, result.output
    folder = tmp_path / "resumed"
    assert run("train", own, "--backend", "toy", "-o", folder, "--epochs", 2).exit_code == 0
    assert run("train", own, "--backend", "toy", "-o", folder, "--resume").exit_code == 0
    whole = tmp_path / "toy" / "last.safetensors"
    assert (folder / "last.safetensors").read_bytes() == whole.read_bytes()
    record = json.loads((tmp_path / "toy" / "run.json").read_text())
    assert record["versions"]["nnspec-toy"] == "0.1"
    losses = [epoch["loss"] for epoch in json.loads((folder / "history.json").read_text())]
    assert losses[-1] < losses[0]


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("name: Swinging", "name: toys", 'the name "toys" of the network'),
        ("name: bend", "name: toys", 'the name "toys" of a layer'),
        ("x: {shape", "toys: {shape", 'the name "toys" of an input'),
    ],
)
def test_names_that_its_source_keeps_are_refused_by_it_alone(
    own: Path, right: str, wrong: str, said: str
) -> None:
    text = OWN.replace(right, wrong)
    own.write_text(text.replace("features: {x:", "features: {toys:") if "shape" in wrong else text)
    assert run("check", own).exit_code == 0
    result = run("compile", own, "--to", "toy")
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.usefixtures("toy")
def test_it_is_no_exporter(own: Path, tmp_path: Path) -> None:
    assert Can.EXPORT not in get_backend("toy").can
    result = run("export", own, "-o", tmp_path / "x.onnx", "--via", "toy")
    assert result.exit_code == 2
    assert 'no exporter "toy": direct, keras, torch' in result.stderr


def test_an_ordinary_spec_looks_for_no_other_package(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**chosen: object) -> None:
        raise AssertionError("the installed packages were searched")

    from nnspec.layers import extensions

    monkeypatch.setattr("importlib.metadata.entry_points", refuse)
    monkeypatch.setattr(sys, "path", [*sys.path, str(spec.parent)])  # nothing is known of this path
    assert run("check", spec).exit_code == 0
    with pytest.raises(AssertionError):
        extensions.brought("layer")
    assert entry_points is not refuse
