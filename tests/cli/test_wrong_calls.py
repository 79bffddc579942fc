"""Calls that cannot be meant: told before any work, in the format that was asked for."""

from __future__ import annotations

import json
import math
import re
from datetime import date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from versus_cases import text_of, write

import nnspec
from nnspec.cli import main
from nnspec.errors import UsageError, VariableError
from nnspec.network.loader import load_networks
from nnspec.network.networks import Networks
from nnspec.support.plain_json import json_text
from nnspec.verification import several
from nnspec.verification.report import Report
from nnspec.verification.settings import Settings

SPEC = (
    "nnspec: 1\nname: Net\nvariables: {units: 3}\ninputs: {x: {shape: [4]}}\n"
    "layers: [{name: out, type: dense, units: '${units}'}]\n"
)
TORCH = (
    "from torch import nn\n\nclass Net(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.out = nn.Linear(4, 2)\n\n"
    "    def forward(self, x):\n        return self.out(x)\n"
)


def run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)], input=stdin, catch_exceptions=False)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return path


def test_json_has_no_number_that_is_none() -> None:
    value = {"a": [math.inf, -math.inf, math.nan, 1.5], "b": (date(2024, 2, 1),)}
    assert json.loads(json_text(value)) == {"a": [None, None, None, 1.5], "b": ["2024-02-01"]}
    assert json.loads(json_text(datetime(2024, 2, 1, 3))) == "2024-02-01T03:00:00"


def test_a_file_of_another_shape_is_told_in_json_that_every_reader_takes(
    spec: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text(TORCH)
    result = run("verify", spec, "--against", f"{tmp_path / 'model.py'}:Net", "--json")
    assert result.exit_code == 1

    def refuse(text: str) -> object:
        raise AssertionError(text)

    found = json.loads(result.stdout, parse_constant=refuse)
    assert not found["passed"]
    assert None in [each["error"] for each in found["checks"]]


@pytest.mark.parametrize(
    "more",
    [
        ["--steps", 50],
        ["--backends", "keras"],
        ["--memory", "1GB"],
        ["--no-exporters"],
        ["--no-processes"],
        ["--opset", 20],
    ],
)
def test_what_a_file_has_not_does_not_go_with_it(
    more: list[object], spec: Path, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text(TORCH)
    result = run("verify", spec, "--against", f"{tmp_path / 'model.py'}:Net", *more)
    assert result.exit_code == 2
    assert "does not go with --against" in result.output


@pytest.mark.parametrize("form", ["json", "github", "sarif"])
@pytest.mark.parametrize("what", ["wrong", "missing"])
def test_verify_tells_a_wrong_spec_as_check_does(form: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    if what == "wrong":
        path.write_text(SPEC.replace("type: dense", "type: dens"))
    code = "unknown-layer" if what == "wrong" else "unreadable-file"
    results = [run(command, path, "--format", form) for command in ("check", "verify")]
    assert [each.exit_code for each in results] == [2, 2]
    assert results[0].stdout == results[1].stdout
    assert code in results[1].stdout


def test_a_variable_that_the_spec_has_not_is_the_call_s_fault(spec: Path) -> None:
    for more in ([], ["--format", "github"], ["--fix"]):
        result = run("check", spec, "--set", "unts=8", *more)
        assert result.exit_code == 2
        assert "unreadable-file" not in result.output
        assert 'the spec has no variable "unts"' in result.output
    with pytest.raises(VariableError):
        nnspec.loads(SPEC, variables={"layers.none.units": 3})


def test_a_text_stays_where_nothing_is_mended() -> None:
    wrong = SPEC.replace("${units}", "${unit}")
    assert run("check", "--fix", "-", stdin=wrong).stdout == wrong


def test_a_fix_of_what_is_set_is_in_no_format(spec: Path) -> None:
    spec.write_text(SPEC.replace("'${units}'", "3, activation: tanh"))
    result = run("check", spec, "--set", "layers.out.activation=RELU", "--format", "sarif")
    assert "fixes" not in result.stdout
    result = run("check", spec, "--set", "layers.out.activation=RELU", "--json")
    (problem,) = json.loads(result.stdout)["files"][0]["problems"]
    assert problem.get("fix") is None


def test_sarif_has_the_fixes_that_fix_makes(spec: Path) -> None:
    for name, count in (("RELU", 1), ("nesterov", 0)):
        text = SPEC.replace("'${units}'", "3, activation: RELU")
        if name == "nesterov":
            text = SPEC + "training: {task: regression, momentum: 0.9}\n"
        spec.write_text(text)
        (log,) = json.loads(run("check", spec, "--format", "sarif").stdout)["runs"]
        assert sum("fixes" in each for each in log["results"]) == count


@pytest.mark.parametrize("form", ["github", "sarif", "json", "text"])
def test_no_format_tells_a_password(form: str, spec: Path) -> None:
    source = "[postgresql://clerk:s3cret@db.example/visits]"
    spec.write_text(SPEC + f"data: {{source: {source}, features: {{x: 'x*'}}, target: y}}\n")
    result = run("check", spec, "--format", form)
    assert result.exit_code == 2
    assert "s3cret" not in result.output
    assert "clerk" in result.output


def test_names_of_files_are_printed_so_that_they_can_be(tmp_path: Path) -> None:
    for name in ("a\x1b[2J.yaml", "caf\udce9.yaml"):
        path = tmp_path / name
        path.write_text(SPEC)
        for more in ([], ["--format", "sarif"], ["--fix"]):
            result = CliRunner().invoke(main, ["check", str(path), *more])
            assert result.exit_code == 0, result.exception
            assert "\x1b[2J" not in result.output


def test_outputs_have_the_ending_of_what_they_are(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(TORCH)
    for call in (
        ["plot", spec, "-o", tmp_path / "net.png"],
        ["verify", spec, "--report", tmp_path / "page.json"],
        ["verify", spec, "--against", tmp_path / "model.py", "--report", tmp_path / "page.txt"],
        ["compare", spec, spec, "--report", tmp_path / "page.pdf"],
        ["init", tmp_path / "new.json"],
    ):
        result = run(*call)
        assert result.exit_code == 2, call
        assert "give a name that ends in" in result.output
    assert sorted(each.name for each in tmp_path.iterdir()) == ["model.py", "net.yaml"]


def test_outputs_are_written_apart_or_refused_before_any_work(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(TORCH)
    model = f"{tmp_path / 'model.py'}:Net"
    page = tmp_path / "page.html"
    for call, told in (
        (["compare", model, model, "--report", tmp_path / "no" / "p.html"], "there is no folder"),
        (["compare", model, model, "--report", page, "--save-map", page], "another path"),
        (["verify", spec, "--against", model, "--report", page, "--save-map", page], "another"),
        (["verify", spec, "--against", model, "--save-weights", tmp_path / "w.safetensors"],
         "weights alone"),
        (["verify", spec, "--against", model, "--data", spec, "--save-map", spec], "another"),
    ):  # fmt: skip
        result = run(*call)
        assert result.exit_code == 2, call
        assert told in result.output, result.output
    assert not page.exists()


def test_a_seed_that_nothing_takes_is_refused_before_a_tuning_is_replaced(tmp_path: Path) -> None:
    for seed in (-1, 2**32):
        with pytest.raises(UsageError, match="a seed from 0"):
            nnspec.tune(
                tmp_path / "net.yaml", {"units": "2..4"}, tmp_path / "tuned", seed=seed,
                overwrite=True,
            )  # fmt: skip


def test_a_network_that_is_called_training_keeps_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = text_of("non_saturating")
    name = next(iter(load_networks(write(tmp_path, text)).models))
    networks = load_networks(write(tmp_path, re.sub(rf"\b{name}\b", "training", text)))
    assert isinstance(networks, Networks)
    told = iter("abc")

    def reported(*arguments: object) -> Report:
        return Report(next(told), "", {}, 1)

    monkeypatch.setattr(several, "verify_spec", reported)
    monkeypatch.setattr(several, "verify_versus", reported)
    found = several.verify_networks(networks, Settings())
    assert [each.spec for each in found.reports.values()] == ["a", "b", "c"]


def test_a_training_of_networks_that_is_not_chosen_is_not_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = load_networks(write(tmp_path, text_of("non_saturating")))
    monkeypatch.setattr(several, "verify_spec", lambda spec, *_: Report(spec.name, "", {}, 1))
    found = several.verify_networks(networks, Settings(levels=("outputs",)))
    assert [*found.reports] == ["maker", "judge"]
    for report in found.reports.values():
        (left_out,) = report.not_checked
        assert left_out.told() == 'adversarial training: the level "training" is not chosen'
        assert left_out.by_call


def test_a_certificate_is_of_a_text_too(tmp_path: Path) -> None:
    made = nnspec.certify(
        SPEC, tmp_path / "c.json", steps=1, batch=2, exporters=False, levels="outputs"
    )
    assert made.written, made.reason
    assert (made.folder / "spec.yaml").read_text() == SPEC
