"""`nnspec mcp`, through the official SDK's own client, over standard input and output."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="of the extra `mcp`, which requirements.lock holds")

import anyio
from click.testing import CliRunner
from mcp import Client
from mcp.client.stdio import StdioServerParameters

from nnspec.cli import main
from nnspec.cli.assistant.access import inside
from nnspec.errors import UsageError

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
