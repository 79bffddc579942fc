"""What `check` and `verify` found, as annotations of GitHub and as SARIF."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from click.testing import CliRunner, Result

from nnspec.cli import main
from nnspec.cli.findings import NOT_CHECKED, Finding, Findings, Place, of_verification
from nnspec.cli.github import commands
from nnspec.cli.sarif import log
from nnspec.network.loader import load_any
from nnspec.show.rules import rules
from nnspec.verification.checks import TITLES, Check, IllConditioned, NotChecked
from nnspec.verification.report import Report
from nnspec.verification.several import Reports

ROOT = Path(__file__).parents[2]
# The official schema without descriptions, and without the properties that nnspec does not write.
SCHEMA = json.loads((Path(__file__).parent / "sarif-2.1.0.json").read_text(encoding="utf-8"))
EVIL = """\
nnspec: 1
name: Evil
inputs: {x: {shape: [4]}}
layers:
  - {name: first, type: dense, units: 8, usebias: false}
  - {type: "a\\n::error file=b::100%0A, \\e[2J [c](http://d) {0}"}
"""
COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")
"""A workflow command, as the runner of GitHub reads one line."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_WORKSPACE", raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def read(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as GitHub's runner does."""
    match = COMMAND.fullmatch(line)
    assert match, line
    pairs = dict(each.split("=", 1) for each in match[2].split(","))
    for escaped, sign in ((":", "%3A"), (",", "%2C"), ("\n", "%0A"), ("%", "%25")):
        pairs = {name: value.replace(sign, escaped) for name, value in pairs.items()}
    return match[1], pairs, match[3].replace("%0A", "\n").replace("%25", "%")


def sarif_of(result: Result) -> dict[str, Any]:
    return valid(json.loads(result.stdout))


def valid(found: dict[str, Any]) -> dict[str, Any]:
    jsonschema.Draft4Validator(SCHEMA).validate(found)
    (only,) = found["runs"]
    assert [only["tool"]["driver"]["rules"][each["ruleIndex"]]["id"] for each in only["results"]] \
        == [each["ruleId"] for each in only["results"]]  # fmt: skip
    return dict(only)


def test_an_error_is_an_annotation_at_its_line(folder: Path) -> None:
    (folder / "a b,c.yaml").write_text(EVIL)
    result = run("check", "--format", "github", "a b,c.yaml")
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    kind, properties, message = read(lines[0])
    assert (kind, properties) == (
        "error",
        {"file": "a b,c.yaml", "line": "5", "col": "42", "endColumn": "48",
         "title": "nnspec unknown-key"},
    )  # fmt: skip
    assert message.startswith('"dense" has no key "usebias"; did you mean "use_bias"?\nhelp: its')


def test_no_text_of_a_spec_is_a_command_of_its_own(folder: Path) -> None:
    (folder / "evil.yaml").write_text(EVIL)
    result = run("check", "--format", "github", "evil.yaml")
    assert "\x1b" not in result.stdout
    assert [line[:8] for line in result.stdout.splitlines()] == ["::error "] * 2
    _, _, message = read(result.stdout.splitlines()[1])
    assert '"a\n::error file=b::100%0A, \\x1b[2J' in message


def test_advice_is_a_warning_and_a_right_spec_says_nothing(folder: Path) -> None:
    rule = rules()["redundant-bias"]
    (folder / "net.yaml").write_text(rule.bad)
    (folder / "mended.yaml").write_text(rule.mended)
    result = run("check", "--format", "github", "net.yaml", "mended.yaml")
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    kind, properties, _ = read(line)
    assert (kind, properties["line"], properties["title"]) == (
        "warning", "4", "nnspec redundant-bias",
    )  # fmt: skip


def test_paths_are_those_of_the_checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "é #.yaml").write_text(EVIL)
    monkeypatch.chdir(folder / "deep")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder))
    assert "file=deep/é #.yaml," in run("check", "--format", "github", "é #.yaml").stdout
    given = sarif_of(run("check", "--format", "sarif", "é #.yaml"))["results"][0]
    artifact = given["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": "deep/%C3%A9%20%23.yaml", "uriBaseId": "%SRCROOT%"}
    monkeypatch.setenv("GITHUB_WORKSPACE", str(folder / "elsewhere"))
    given = sarif_of(run("check", "--format", "sarif", "é #.yaml"))["results"][0]
    uri = given["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert unquote(uri) == f"file://{folder}/deep/é #.yaml"


def test_sarif_has_rules_regions_fixes_and_no_markup_of_a_spec(folder: Path) -> None:
    (folder / "evil.yaml").write_text(EVIL)
    result = run("check", "--format", "sarif", "evil.yaml")
    assert result.exit_code == 2
    only = sarif_of(result)
    assert only["invocations"] == [{"executionSuccessful": True, "exitCode": 2}]
    first, second = only["results"]
    assert first["level"] == "error"
    assert first["locations"][0]["physicalLocation"]["region"] == {
        "startLine": 5, "startColumn": 42, "endColumn": 49,
    }  # fmt: skip
    (change,) = first["fixes"][0]["artifactChanges"]
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 5, "startColumn": 42, "endLine": 5, "endColumn": 49},
            "insertedContent": {"text": "use_bias"},
        }
    ]
    assert "[c] (http://d) {{0}}" in second["message"]["text"]
    assert "\x1b" not in second["message"]["text"]
    rule = only["tool"]["driver"]["rules"][0]
    assert rules()["unknown-key"].mend in rule["help"]["text"]
    assert "```yaml" in rule["help"]["markdown"]


def test_fingerprints_survive_lines_above_and_tell_results_apart(folder: Path) -> None:
    wrong = "nnspec: 1\nname: A\ninputs: {x: {shape: [4]}}\nlayers:\n" + "  - {type: dens}\n" * 2

    def prints() -> list[str]:
        found = sarif_of(run("check", "--format", "sarif", "a.yaml"))["results"]
        return [each["partialFingerprints"]["nnspec/v1"] for each in found]

    (folder / "a.yaml").write_text(wrong)
    before = prints()
    assert len(set(before)) == 2
    (folder / "a.yaml").write_text("# a comment\n\n" + wrong)
    assert prints() == before
    (folder / "a.yaml").write_text(wrong.replace("dens", "densee"))
    assert not set(prints()) & set(before)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "specs/invalid").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_code_is_valid_sarif_and_a_line_for_each_result(path: Path) -> None:
    found = sarif_of(run("check", "--format", "sarif", str(path)))
    lines = run("check", "--format", "github", str(path)).stdout.splitlines()
    assert len(lines) == len(found["results"]) > 0
    for line, each in zip(lines, found["results"], strict=True):
        kind, properties, _ = read(line)
        assert properties["title"] == f"nnspec {each['ruleId']}"
        assert {"error": "error", "warning": "warning"}[kind] == each["level"]
        region = each["locations"][0]["physicalLocation"].get("region", {})
        assert str(region.get("startLine")) == properties.get("line", "None")
        assert region.get("endColumn", 2) > region.get("startColumn", 1)


def test_json_is_a_format_and_excludes_the_others(folder: Path) -> None:
    (folder / "a.yaml").write_text(EVIL)
    as_json = run("check", "--json", "a.yaml").stdout
    assert json.loads(as_json)["files"][0]["ok"] is False
    for both in (["--format", "json"], ["--json", "--format", "json"]):
        assert run("check", *both, "a.yaml").stdout == as_json
    for both in (["--json", "--format", "sarif"], ["--format", "text", "--json"]):
        result = run("check", *both, "a.yaml")
        assert result.exit_code == 2
        assert "exclude each other" in result.stderr


def test_standard_input_has_formats_unless_it_is_mended() -> None:
    result = CliRunner().invoke(main, ["check", "-", "--format", "github"], input=EVIL)
    assert read(result.stdout.splitlines()[0])[1]["file"] == "<stdin>"
    result = CliRunner().invoke(main, ["check", "-", "--fix", "--format", "sarif"], input=EVIL)
    assert result.exit_code == 2
    assert "leave out --format sarif" in result.stderr


def test_what_is_mended_is_not_told(folder: Path) -> None:
    (folder / "a.yaml").write_text(rules()["redundant-bias"].bad)
    result = run("check", "--fix", "--format", "sarif", "a.yaml")
    assert result.exit_code == 0
    assert sarif_of(result)["results"] == []
    assert "use_bias" in (folder / "a.yaml").read_text()


def test_a_wrong_spec_is_a_result_of_verify_too(folder: Path) -> None:
    (folder / "a.yaml").write_text(EVIL)
    result = run("verify", "a.yaml", "--format", "sarif")
    assert result.exit_code == 2
    assert [each["ruleId"] for each in sarif_of(result)["results"]] == [
        "unknown-key", "unknown-layer",
    ]  # fmt: skip


# Of verifications

PART = """\
nnspec: 1
name: Parts
inputs: {x: {shape: [4]}}
blocks:
  part:
    layers:
      - {name: inner, type: dense, units: 4}
layers:
  - {name: both, type: part, repeat: 2}
  - {name: last, type: dense, units: 2, activation: relu}
"""


def report_of(*checks: Check, left_out: tuple[NotChecked, ...] = ()) -> Report:
    return Report("Parts", "0", {}, 5, checks=list(checks), not_checked=list(left_out))


def check_of(layer: str | None, kind: Any = "forward", *, passed: bool = False) -> Check:
    return Check(kind, ("torch", "keras"), "float64", 0.5, 1e-9, passed, layer, "Why, in words.")


def test_a_failed_check_stands_at_the_line_of_its_layer(folder: Path) -> None:
    (folder / "parts.yaml").write_text(PART)
    report = report_of(
        check_of("both.1.inner"), check_of("last", "gradient"), check_of(None, "training"),
        check_of(None, "export", passed=True),
        left_out=(NotChecked("export", ("onnx",), "not asked:\n::error::x"),),
    )  # fmt: skip
    findings = of_verification("parts.yaml", load_any("parts.yaml"), report)
    assert findings.code == 1
    only = valid(log(findings))
    lines = [
        each["locations"][0]["physicalLocation"].get("region", {}).get("startLine")
        for each in only["results"]
    ]
    assert lines == [7, 10, None]
    rules = ["verify-forward", "verify-gradient", "verify-training"]
    assert [each["ruleId"] for each in only["results"]] == rules
    assert "differ in outputs as at inference" in only["results"][0]["message"]["text"]
    (notification,) = only["invocations"][0]["toolExecutionNotifications"]
    assert notification["message"]["text"].startswith("not checked: exported ONNX")
    given = [read(line) for line in commands(findings)]
    assert [(kind, told.get("line")) for kind, told, _ in given] == [
        ("error", "7"), ("error", "10"), ("error", None), ("notice", None),
    ]  # fmt: skip


def test_every_kind_of_check_is_a_rule(folder: Path) -> None:
    (folder / "parts.yaml").write_text(PART)
    report = report_of(*(check_of("last", kind) for kind in TITLES))
    only = valid(log(of_verification("parts.yaml", load_any("parts.yaml"), report)))
    assert len(only["tool"]["driver"]["rules"]) == len(TITLES)


def test_what_did_not_pass_without_a_difference_is_a_result(folder: Path) -> None:
    (folder / "parts.yaml").write_text(PART)
    report = report_of(left_out=(NotChecked(None, ("torch",), "it is not installed"),))
    only = valid(log(of_verification("parts.yaml", load_any("parts.yaml"), report)))
    assert [each["ruleId"] for each in only["results"]] == [NOT_CHECKED]
    assert "it is not installed" in only["results"][0]["message"]["text"]


def test_a_required_level_that_was_not_checked_is_a_result(folder: Path) -> None:
    (folder / "parts.yaml").write_text(PART)
    report = report_of(check_of("last", passed=True))
    report.required = ("gradients",)
    only = valid(log(of_verification("parts.yaml", load_any("parts.yaml"), report)))
    assert [each["ruleId"] for each in only["results"]] == [NOT_CHECKED]
    assert only["results"][0]["message"]["text"].startswith("gradients is required")


SEVERAL = """\
nnspec: 1
name: Two
models:
  maker:
    inputs: {x: {shape: [4]}}
    layers:
      - {name: out, type: dense, units: 4}
  judge:
    inputs: {x: {shape: [4]}}
    layers:
      - {name: out, type: dense, units: 1}
"""


def test_of_several_networks_every_sentence_says_which(folder: Path) -> None:
    (folder / "two.yaml").write_text(SEVERAL)
    differing, lacking = report_of(check_of("out")), report_of(check_of("out", passed=True))
    lacking.required = ("gradients",)
    reports = Reports("Two", "0", {"maker": differing, "judge": lacking, "third": report_of()})
    findings = of_verification("two.yaml", load_any("two.yaml"), reports)
    told = [each["message"]["text"] for each in valid(log(findings))["results"]]
    assert told[0].startswith("maker: torch – keras differ in outputs")
    assert told[1].startswith("judge: gradients is required")
    assert told[2] == "third: not compared"
    assert [read(line)[2] for line in commands(findings)] == told


def test_what_agreement_says_less_by_is_a_note(folder: Path) -> None:
    (folder / "parts.yaml").write_text(PART)
    report = report_of(check_of("last", passed=True))
    report.blank = "no output is finite, so that no value was compared"
    report.ill_conditioned.append(IllConditioned("float32", 2.0))
    for name in ("", "judge"):
        result = Reports("Two", "0", {name: report}) if name else report
        findings = of_verification("parts.yaml", load_any("parts.yaml"), result)
        only = valid(log(findings))
        assert (findings.code, only["results"]) == (0, [])
        said = [report.blank, *report.remarks()]
        told = [f"{name}: {each}" if name else each for each in said]
        assert only["invocations"][0]["toolExecutionNotifications"] == [
            {"level": "note", "message": {"text": f"remark: {each}"}} for each in told
        ]
        (line,) = commands(findings)
        assert read(line) == ("notice", {"title": "nnspec: remarks"}, "\n".join(told))


def test_a_line_without_its_text_is_known_by_its_message_without_numbers() -> None:
    def printed(message: str) -> str:
        finding = Finding("verify-forward", "error", message, Place("a.yaml", 3))
        result = log(Findings([finding], 1))["runs"][0]["results"][0]
        return str(result["partialFingerprints"]["nnspec/v1"])

    assert printed("differ: 1.5e-3 > 1e-9") == printed("differ: 2.5e-4 > 1e-9")
    assert printed("differ: 1.5e-3 > 1e-9") != printed("agree: 2.5e-4 > 1e-9")


def test_a_verification_that_holds_is_an_empty_log_with_what_was_not_checked(folder: Path) -> None:
    (folder / "parts.yaml").write_text(PART)
    result = run("verify", "parts.yaml", "--backends", "torch,onnx", "--no-exporters",
                 "--no-processes", "--format", "sarif")  # fmt: skip
    assert result.exit_code == 0
    only = sarif_of(result)
    assert only["results"] == []
    assert only["invocations"][0]["toolExecutionNotifications"]


def test_a_fault_of_a_judged_file_stands_at_its_own_line(folder: Path) -> None:
    (folder / "parts.yaml").write_text(PART)
    (folder / "port.py").write_text(
        "import torch\nfrom torch import nn\n\n\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)\n\n"
        "    def forward(self, x):\n"
        "        x = self.b(self.a(x))\n"
        "        return torch.tanh(self.c(x))\n"
    )
    given = ["verify", "parts.yaml", "--against", "port.py:Net", "--format"]
    result = run(*given, "sarif")
    assert result.exit_code == 1
    first = sarif_of(result)["results"][0]
    physical = first["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "port.py"
    assert physical["region"]["startLine"] == 12
    (related,) = first["relatedLocations"]
    assert related["physicalLocation"]["region"]["startLine"] == 10
    assert related["message"]["text"] == 'the layer "last" of the spec'
    kind, properties, message = read(run(*given, "github").stdout.splitlines()[0])
    assert (kind, properties["file"]) == ("error", "port.py")
    assert int(properties["line"]) == physical["region"]["startLine"]
    assert message.endswith('the layer "last" of the spec: parts.yaml:10')
