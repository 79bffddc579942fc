"""`nnspec mcp`, through the official SDK's own client, over standard input and output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="of the extra `mcp`, which requirements.lock holds")

import anyio
from click.testing import CliRunner
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from nnspec.cli import main
from nnspec.cli.assistant import work
from nnspec.cli.assistant.access import inside
from nnspec.cli.assistant.child import answer_of, packages
from nnspec.cli.assistant.server import Tools
from nnspec.cli.compare import compare
from nnspec.cli.verify import verify
from nnspec.errors import UsageError
from nnspec.verification.checks import Check
from nnspec.verification.report import Report

BROKEN = """\
nnspec: 1
name: Small
inputs: {x: {shape: [4]}}
layers:
  - {name: hidden, type: dense, units: 8, activation: relu, usebias: true}
  - {name: scores, type: dense, units: 3}
  - {name: chances, type: softmax}
"""
SPEC = BROKEN.replace(", usebias: true", "")
PORT = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.fc1 = nn.Linear(4, width)
        self.fc2 = nn.Linear(width, 3)

    def forward(self, x):
        return torch.softmax(self.fc2(torch.relu(self.fc1(x))), dim=-1)
"""
Talk = Callable[[Client], Awaitable[None]]


def talk(root: Path, session: Talk, *options: str) -> None:
    """Start a server as an assistant's program does, and hold a session with it."""
    program = "from nnspec.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    started = StdioServerParameters(
        command=sys.executable,
        args=["-c", program, "mcp", "--root", str(root), *options],
        env=environment,
    )

    async def run() -> None:
        with anyio.fail_after(240):
            async with Client(started) as client:
                await session(client)

    anyio.run(run)


async def call(client: Client, tool: str, **given: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, given)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    # What a client without structured content reads is the same.
    assert json.loads(result.content[0].text) == result.structured_content  # type: ignore[union-attr]
    return result.structured_content


async def refused(client: Client, tool: str, **given: Any) -> str:
    result = await client.call_tool(tool, given)
    assert result.is_error, result.structured_content
    return str(result.content[0].text)  # type: ignore[union-attr]


@pytest.mark.slow
def test_an_assistant_is_told_the_truth_about_its_port(tmp_path: Path) -> None:
    (tmp_path / "port.py").write_text(PORT)
    (tmp_path / "wrong.py").write_text(PORT.replace("torch.relu", "torch.tanh"))

    async def session(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert list(tools) == ["check", "compile", "verify", "compare", "explain", "layers"]
        for tool in tools.values():
            assert tool.description
            assert tool.output_schema is not None
            assert all("description" in each for each in tool.input_schema["properties"].values())
        # The spec is wrong, and says where; its code is explained; it is mended.
        found = await call(client, "check", spec=BROKEN)
        assert found["ok"] is False
        (problem,) = found["problems"]
        assert (problem["code"], problem["line"]) == ("unknown-key", 5)
        assert "use_bias" in problem["message"]
        assert "mend" in await call(client, "explain", code=problem["code"])
        mended = await call(client, "check", spec=BROKEN, fix=True)
        assert (mended["ok"], len(mended["fixed"])) == (True, 1)
        (tmp_path / "small.yaml").write_text(mended["text"])
        assert (await call(client, "check", spec="small.yaml"))["problems"] == []
        # It is compiled, by the words of the layers.
        (word,) = (await call(client, "layers", names=["Linear"]))["words"]
        assert word["name"] == "dense"
        source = (await call(client, "compile", spec="small.yaml", to="torch"))["source"]
        assert "nn.Linear(4, 8)" in source
        # The right port is the same, and the wrong one is not, at its line.
        right = await call(client, "verify", spec="small.yaml", against="port.py:Net")
        assert (right["passed"], right["verdict"]) == (True, "verified"), right
        assert right["levels"]["outputs"] == right["levels"]["gradients"] == "same"
        assert right["not_checked"]
        wrong = await call(client, "verify", spec="small.yaml", against="wrong.py:Net")
        assert (wrong["passed"], wrong["verdict"]) == (False, "not the same")
        told = " ".join(wrong["failures"])
        assert "hidden" in told
        assert "wrong.py:12" in told
        assert "tanh" in told
        # What was asked for, and nobody checked, is no success.
        given = {"spec": "small.yaml", "against": "port.py:Net", "arguments": {"width": 9}}
        assert (await call(client, "verify", **given))["passed"] is False

    talk(tmp_path, session, "--allow-python")


@pytest.mark.slow
def test_two_files_and_a_text_are_compared(tmp_path: Path) -> None:
    (tmp_path / "port.py").write_text(PORT)
    (tmp_path / "wrong.py").write_text(PORT.replace("torch.relu", "torch.tanh"))

    async def session(client: Client) -> None:
        asked = {"a": "port.py:Net", "inputs": ["x=4"]}
        same = await call(client, "compare", b="port.py:Net", **asked)
        assert (same["passed"], same["verdict"]) == (True, "the same"), same
        wrong = await call(client, "compare", b="wrong.py:Net", **asked)
        assert (wrong["passed"], wrong["verdict"]) == (False, "not the same")
        assert "port.py:12" in wrong["failures"][0]
        assert "wrong.py:12" in wrong["failures"][0]
        assert (await call(client, "compare", a="port.py:Net", b=SPEC))["passed"] is True
        assert "leave it out" in await refused(client, "compare", b=SPEC, **asked)

    talk(tmp_path, session, "--allow-python")


def test_what_nnspec_writes_is_verified_too(tmp_path: Path) -> None:
    async def session(client: Client) -> None:
        found = await call(
            client, "verify", spec=SPEC, backends=["torch", "onnx"], require=["gradients"]
        )
        assert (found["passed"], found["verdict"]) == (False, "not checked as required")
        assert found["failures"] == []
        assert "gradients is required" in found["unmet"][0]
        assert all(check["passed"] for check in found["checks"])

    talk(tmp_path, session)


@pytest.mark.slow
def test_files_outside_and_python_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    ran = tmp_path / "ran"
    (root / "port.py").write_text(f"open({str(ran)!r}, 'w')\n{PORT}")
    (root / "spec.yaml").write_text(SPEC)
    (tmp_path / "secret.yaml").write_text("password: hunter2\n")
    (tmp_path / "secret.csv").write_text("hunter2\n")
    (root / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (root / "up").symlink_to(tmp_path)
    outside = "is outside the folder"

    async def session(client: Client) -> None:
        secret = str(tmp_path / "secret.yaml")
        paths = ["../secret.yaml", secret, "link.yaml", "up/secret.yaml", "../root/../secret.yaml"]
        for path in [*paths, "../missing.yaml", "/etc/passwd"]:
            for tool, more in (("check", {}), ("compile", {"to": "torch"}), ("verify", {})):
                message = await refused(client, tool, spec=path, **more)
                assert outside in message
                assert "hunter2" not in message
        given = {"spec": "spec.yaml", "against": "../secret.onnx"}
        assert outside in await refused(client, "verify", **given)
        # Nor does a spec lead there.
        for source in ("../secret.csv", str(tmp_path / "secret.csv"), "up/secret.csv"):
            data = f"data: {{source: {source}, features: {{x: '*'}}, target: y}}\n"
            training = "training: {task: multiclass}\n"
            for fix in (False, True):
                assert outside in await refused(
                    client, "check", spec=SPEC + data + training, fix=fix
                )
            given = {"spec": SPEC + data + training, "to": "torch", "training": True}
            assert outside in await refused(client, "compile", **given)
        rows = "source: rows.csv, features: {x: [a, b]}, target: y"
        for more in (
            "split: {validation: ../secret.csv}",
            "split: {validation: other.csv, test: up/secret.csv}",
            "prepare: {a: {text: {tokenizer: ../secret.json, length: 3}}}",
        ):
            given = {"spec": f"{SPEC}data: {{{rows}, {more}}}\n{training}"}
            assert outside in await refused(client, "check", **given)
        served = rows.replace("rows.csv", '"postgresql://user@host/rows"')
        given = {"spec": f"{SPEC}data: {{{served}, query: SELECT 1}}\n{training}"}
        assert "asks no other for rows" in await refused(client, "check", **given)
        message = await refused(client, "verify", spec="spec.yaml", against="port.py:Net")
        other = await refused(client, "compare", a="spec.yaml", b="port.py:Net")
        assert other == message.replace("verify", "compare")
        assert "--allow-python" in message
        assert "there is no such file" in await refused(client, "check", spec="none.yaml")

    talk(root, session)
    assert not ran.exists()


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


def test_wrong_calls_are_told_and_the_server_goes_on(tmp_path: Path) -> None:
    async def session(client: Client) -> None:
        assert "did you mean" in await refused(client, "explain", code="unknown-keys")
        assert "unknown-key" in await refused(client, "compile", spec=BROKEN, to="torch")
        assert "no backend" in await refused(client, "compile", spec=SPEC, to="tensorflow")
        assert "spec" in await refused(client, "check")
        assert "batch" in await refused(client, "verify", spec=SPEC, batch=0)
        found = await call(client, "check", spec="a: *b\n\x1b[2J")
        assert found["ok"] is False
        assert (await call(client, "check", spec=SPEC))["ok"] is True

    talk(tmp_path, session)


@pytest.mark.slow
def test_a_call_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    mark = tmp_path / "pid"
    (tmp_path / "slow.py").write_text(
        f"import os, time, torch\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\n"
        f"time.sleep(600)\n{PORT}"
    )

    async def session(client: Client) -> None:
        message = await refused(client, "verify", spec="spec.yaml", against="slow.py:Net")
        assert "was ended: it took more than 15 s" in message
        assert (await call(client, "check", spec="spec.yaml"))["ok"] is True

    talk(tmp_path, session, "--allow-python", "--seconds", "15")
    end = time.monotonic() + 10  # whoever has taken over the process collects it
    while Path(f"/proc/{mark.read_text()}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


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


def test_the_language_is_a_resource(tmp_path: Path) -> None:
    async def session(client: Client) -> None:
        found = {str(each.uri) for each in (await client.list_resources()).resources}
        assert found == {
            "nnspec://llms.txt", "nnspec://llms-training.txt", "nnspec://schema",
            "nnspec://schema/compact",
        }  # fmt: skip
        text = (await client.read_resource("nnspec://llms.txt")).contents[0]
        page = Path(__file__).parents[2] / "docs" / "llms.txt"
        assert text.text == page.read_text()  # type: ignore[union-attr]
        schema = (await client.read_resource("nnspec://schema/compact")).contents[0]
        assert json.loads(schema.text)["type"] == "object"  # type: ignore[union-attr]

    talk(tmp_path, session)


def test_a_loop_of_links_is_no_path(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for path in ("a\0b", "~root/../../x"):
        with pytest.raises(UsageError):
            inside(tmp_path, path)
    result = CliRunner().invoke(main, ["mcp", "--root", str(tmp_path / "a")])
    assert result.exit_code == 2
    assert "is no folder" in result.stderr


def test_without_the_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = CliRunner().invoke(main, ["mcp"])
    assert result.exit_code == 2
    assert 'pip install "nnspec[mcp]"' in result.stderr
