"""The calls of `nnspec mcp` by themselves: what they answer, and the processes that they run in."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="of the extra `mcp`, which requirements.lock holds")

import anyio
from click.testing import CliRunner

from nnspec.cli import main
from nnspec.cli.assistant import work
from nnspec.cli.assistant.child import answer_of, packages
from nnspec.cli.assistant.server import Tools
from nnspec.cli.compare import compare
from nnspec.cli.verify import verify
from nnspec.errors import UsageError
from nnspec.verification.checks import Check
from nnspec.verification.report import Report

SPEC = """\
nnspec: 1
name: Small
inputs: {x: {shape: [4]}}
layers:
  - {name: hidden, type: dense, units: 8, activation: relu}
  - {name: scores, type: dense, units: 3}
  - {name: chances, type: softmax}
"""


def test_a_call_takes_by_default_what_the_command_takes() -> None:
    for command, tool, names in (
        (verify, Tools.verify, ("batch", "seed")), (compare, Tools.compare, ("batch", "seed")),
    ):  # fmt: skip
        options = {each.name: each.default for each in command.params}
        given = signature(tool).parameters
        for name in names:
            assert given[name].default == options[name], (command.name, name)


@pytest.mark.parametrize(
    ("name", "given"), [("backends", ["torch"]), ("exporters", False), ("steps", 5)]
)
def test_what_a_file_has_not_is_refused_and_not_ignored(
    name: str, given: object, tmp_path: Path
) -> None:
    request = dict.fromkeys(("backends", "exporters", "steps")) | {"against": "net.onnx"}
    with pytest.raises(UsageError, match=f"`{name}` does not go with `against`"):
        work.verify(tmp_path, request | {name: given})


def checked(root: Path, spec: str, *, fix: bool = False) -> dict[str, Any]:
    return work.check(root, {"spec": spec, "variables": None, "fix": fix})


def test_check_says_all_that_the_command_says(tmp_path: Path) -> None:
    text = SPEC + "data: {source: rows.csv, features: {x: [a, b, c, d]}, target: y}\n"
    text += "training: {task: multiclass}\n"
    (tmp_path / "spec.yaml").write_text(text)
    result = CliRunner().invoke(main, ["check", "--json", str(tmp_path / "spec.yaml")])
    (problem,) = json.loads(result.stdout)["files"][0]["problems"]
    assert problem["message"] == "rows.csv: there is no such file"
    (told,) = checked(tmp_path, "spec.yaml")["problems"]
    assert told == {name: problem[name] for name in told}
    assert told["line"] == 8
    # A text is placed in itself, and not in a file of its name; what is mended as it then is.
    (tmp_path / "Small.yaml").write_text("\n\n" + text)
    assert checked(tmp_path, text)["problems"] == [told]
    found = checked(tmp_path, text.replace("units: 8,", "units: 8,\n     usebias: true,"), fix=True)
    assert (found["ok"], len(found["fixed"])) == (True, 1)
    assert found["problems"] == [told | {"line": 9}]
    (tmp_path / "rows.csv").write_text("a,b,c,d,y\n")
    assert checked(tmp_path, "spec.yaml")["problems"] == []


@pytest.mark.parametrize("fix", [False, True])
def test_a_file_that_is_no_text_is_a_mistake_of_the_spec(fix: bool, tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_bytes(SPEC.encode("utf-16"))
    found = checked(tmp_path, "spec.yaml", fix=fix)
    assert (found["ok"], [each["code"] for each in found["problems"]]) == (False, ["not-text"])


def test_of_many_comparisons_none_that_failed_is_left_out() -> None:
    def told(failed: int, passed: int) -> dict[str, Any]:
        report = Report("Net", "0", {}, 5)
        for is_same in [True] * passed + [False] * failed:
            report.checks.append(Check("forward", ("a", "b"), "float64", 0.5, 0.1, is_same))
        return work._verified(report)

    for failed, passed, kept in ((3, 99, 100), (130, 7, 130), (130, 0, 130), (3, 97, 100)):
        found = told(failed, passed)
        assert [each["passed"] for each in found["checks"][:failed]] == [False] * failed
        assert len(found["checks"]) == kept
        rest = failed + passed - kept
        note = f"{rest} comparisons that passed are left out"
        assert found["notes"] == ([note] if rest else [])


def test_data_are_opened_without_python(tmp_path: Path) -> None:
    for name in ("w.npz", "w.safetensors", "net.onnx"):
        (tmp_path / name).write_bytes(b"")
        assert work._foreign(tmp_path, name, {"allow_python": False}) == str(tmp_path / name)


SLEEPER = """\
import os, pathlib, time
from nnspec.cli.assistant import work

def sleep(root, request):
    (root / "pid.part").write_text(str(os.getpid()))
    (root / "pid.part").rename(root / "pid")
    time.sleep(600)

work.TOOLS["explain"] = sleep
work.main()
"""
ASKER = """\
import sys, anyio
from nnspec.cli.assistant import child

child.COMMAND = (sys.executable, "-c", sys.argv[1])
request = {"do": "explain", "root": sys.argv[2], "allow_python": False, "seconds": 600}
anyio.run(child.answer_of, request, 600)
"""


def test_a_call_ends_with_a_server_that_is_killed(tmp_path: Path) -> None:
    asker = subprocess.Popen([sys.executable, "-c", ASKER, SLEEPER, str(tmp_path)])
    mark = tmp_path / "pid"
    end = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < end:
        time.sleep(0.1)
    number = int(mark.read_text())
    os.kill(number, 0)
    asker.kill()
    asker.wait()
    end = time.monotonic() + 10  # whoever has taken over the process collects it
    while is_running(number) and time.monotonic() < end:
        time.sleep(0.1)
    assert not is_running(number)


def is_running(number: int) -> bool:
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_call_ends_itself_when_the_server_did_not(tmp_path: Path) -> None:
    limited = "import os; from nnspec.cli.assistant import child; child.LATER = 0.1; "
    limited += "child.watch(os.getppid(), 0.1)"
    done = subprocess.run([sys.executable, "-c", limited], start_new_session=True, timeout=60)
    assert done.returncode == -signal.SIGKILL


def test_packages_are_not_taken_from_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `python -m nnspec mcp` in it would take them."""
    root = tmp_path / "root"
    installed = root / ".venv" / "lib" / "site-packages"
    for folder in (installed, tmp_path / "root-2"):
        folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(root)
    (root / "out").symlink_to(tmp_path)
    theirs = [root, root / "src", tmp_path / "link", root / "out"]
    ours = [installed, tmp_path / "root-2", tmp_path]
    monkeypatch.setattr("sys.path", [*map(str, theirs + ours), *sys.path])
    found = packages(root, allow_python=False)
    assert found[:3] == [str(each) for each in ours]
    assert not {str(each) for each in theirs} & set(found)
    assert packages(root, allow_python=True)[: len(theirs)] == [str(each) for each in theirs]
    # So that nothing of it is run.
    (root / "json.py").write_text("raise SystemExit('the folder was imported')\n")
    request = {"do": "layers", "names": ["dense"], "root": str(root), "allow_python": False}
    answer = anyio.run(answer_of, {**request, "seconds": 60.0}, 60.0)
    assert answer["words"][0]["name"] == "dense"
