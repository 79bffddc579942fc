"""The hook for pre-commit and the action for GitHub, as those who use them run them."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
HOOKS = {
    hook["id"]: hook
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
}
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step.get("name", "python"): step for step in ACTION["runs"]["steps"]}
RIGHT = "nnspec: 1\nname: A\ninputs: {x: {shape: [4]}}\nlayers:\n  - {type: dense, units: 2}\n"
WRONG = RIGHT.replace("units", "unit")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a folder with specs, and beside it a `nnspec` for the path."""
    commands = tmp_path / "bin"
    commands.mkdir()
    program = commands / "nnspec"
    call = shlex.join([sys.executable, "-c", "from nnspec.cli import main; main()"])
    program.write_text(f'#!/bin/sh\nexec {call} "$@"\n')
    program.chmod(0o755)
    folder = tmp_path / "checkout"
    (folder / "deep").mkdir(parents=True)
    (folder / "right.nnspec.yaml").write_text(RIGHT)
    (folder / "deep" / "a wrong.nnspec.yaml").write_text(WRONG)
    return folder


def run_step(name: str, folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run a step of the action as GitHub's runner does, with its inputs and their defaults."""
    given = {key: entry["default"] for key, entry in ACTION["inputs"].items()} | {
        key.replace("_", "-"): value for key, value in inputs.items()
    }
    assert given.keys() == ACTION["inputs"].keys()
    values = {f"inputs.{key}": value for key, value in given.items()}
    values["github.action_path"] = str(ROOT)
    step = STEPS[name]
    environment = {
        key: re.sub(r"\$\{\{ (.+?) \}\}", lambda match: values[match[1]], value)
        for key, value in step["env"].items()
    }
    script = folder.parent / "step.sh"
    script.write_text(step["run"])
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{folder.parent / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "GITHUB_OUTPUT": str(folder.parent / "output"),
            "GITHUB_WORKSPACE": str(folder),
            **environment,
        },
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_run_on_specs_alone(name: str, checkout: Path) -> None:
    hook = HOOKS[name]
    assert hook["language"] == "python"
    pattern = re.compile(hook["files"])
    assert [path for path in ("a.nnspec.yaml", "b/c.nnspec.yml", "d.nnspec.json", "e.yaml",
                              "docs/nnspec.yaml", "f.nnspec.yaml.bak") if pattern.search(path)] \
        == ["a.nnspec.yaml", "b/c.nnspec.yml", "d.nnspec.json"]  # fmt: skip
    command = shlex.split(hook["entry"])
    for file, code in (("right.nnspec.yaml", 0), ("deep/a wrong.nnspec.yaml", 2)):
        program = str(checkout.parent / "bin" / command[0])
        run = subprocess.run(
            [program, *command[1:], file], cwd=checkout, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        # The fix mends the wrong one, and pre-commit then fails because a file has changed.
        assert run.returncode == (0 if name == "nnspec-fix" else code), run.stderr


def test_no_input_of_the_action_is_part_of_a_command() -> None:
    scripts = [step["run"] for step in STEPS.values() if "run" in step]
    assert len(scripts) == 2
    assert all("${{" not in script for script in scripts)
    used = {name for step in STEPS.values() for name in re.findall(r"inputs\.([\w-]+)", str(step))}
    assert used == set(ACTION["inputs"])
    assert all(entry["description"] for entry in ACTION["inputs"].values())


def test_the_action_annotates_what_is_wrong(checkout: Path) -> None:
    run = run_step("Run nnspec", checkout)
    assert run.returncode == 2, run.stderr
    assert run.stdout.startswith("::error file=deep/a wrong.nnspec.yaml,line=5,col=")
    assert len(run.stdout.splitlines()) == 1
    assert run_step("Run nnspec", checkout, specs="right.nnspec.yaml\n").returncode == 0


def test_the_action_writes_sarif_and_says_where(checkout: Path) -> None:
    run = run_step("Run nnspec", checkout, format="sarif", sarif_file="out.sarif")
    assert run.returncode == 2, run.stderr
    found = json.loads((checkout / "out.sarif").read_text())["runs"][0]["results"]
    assert [each["ruleId"] for each in found] == ["unknown-key"]
    assert (checkout.parent / "output").read_text() == "sarif-file=out.sarif\n"


@pytest.mark.slow
def test_the_action_verifies_against_a_file(checkout: Path) -> None:
    (checkout / "net.py").write_text(
        "from torch import nn\n\n\ndef build(width):\n    return nn.Linear(4, width)\n"
    )
    given: dict[str, Any] = {"command": "verify", "specs": "right.nnspec.yaml",
                             "against": "net.py:build"}  # fmt: skip
    run = run_step("Run nnspec", checkout, **given, arguments="--args\n[2]\n--level\noutputs")
    assert run.returncode == 0, run.stdout + run.stderr
    assert all(line.startswith("::notice") for line in run.stdout.splitlines())
    run = run_step("Run nnspec", checkout, **given, arguments="--args\n[3]")
    assert run.returncode == 1
    assert "::error file=net.py" in run.stdout


EVIL = "$(touch pwned) `touch pwned`; touch pwned #\n'\"; touch pwned"


@pytest.mark.parametrize("name", [name for name in ACTION["inputs"] if name != "python-version"])
def test_an_input_is_never_run(name: str, checkout: Path) -> None:
    for command in ("check", "verify"):
        given = {"command": command, "specs": "right.nnspec.yaml", "format": "sarif"}
        run_step("Run nnspec", checkout, **(given | {name.replace("-", "_"): EVIL}))
    assert not list(checkout.parent.rglob("pwned"))
    output = checkout.parent / "output"
    lines = output.read_text().splitlines() if output.exists() else []
    assert all(line.startswith("sarif-file=") for line in lines)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"command": "rm"}, "the input command is check or verify"),
        ({"format": "html"}, "the input format is"),
        ({"specs": "none/*.yaml"}, "no file is one of those"),
        ({"specs": " \n"}, "names no file"),
        ({"against": "net.onnx"}, "goes with the command verify"),
        ({"command": "verify", "against": "net.onnx", "specs": "**/*.nnspec.yaml"}, "one spec"),
        ({"command": "verify", "format": "sarif", "specs": "**/*.nnspec.yaml"}, "takes one spec"),
    ],
)
def test_a_wrong_input_is_refused(given: dict[str, str], told: str, checkout: Path) -> None:
    run = run_step("Run nnspec", checkout, **given)
    assert run.returncode == 2
    assert run.stdout.startswith("::error title=nnspec::")
    assert told in run.stdout


def test_an_old_bash_is_refused_in_words(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As that of macOS answers: a function takes the place of the builtin.
    fake = '() { echo "shopt: globstar: invalid shell option name" >&2; return 1; }'
    monkeypatch.setenv("BASH_FUNC_shopt%%", fake)
    run = run_step("Run nnspec", checkout)
    assert (run.returncode, run.stderr) == (2, "")
    assert run.stdout.startswith("::error title=nnspec::the action takes bash 4 or later")


def test_a_check_installs_no_framework(checkout: Path) -> None:
    pip = checkout.parent / "bin" / "python"
    pip.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > ../asked\n')
    pip.chmod(0o755)
    asked = checkout.parent / "asked"
    assert run_step("Install nnspec", checkout).returncode == 0
    assert asked.read_text().splitlines()[-1] == str(ROOT)
    assert run_step("Install nnspec", checkout, command="verify", extras="torch").returncode == 0
    assert asked.read_text().splitlines()[-1] == f"{ROOT}[torch]"
