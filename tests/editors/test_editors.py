"""Hover, completion and mistakes in an editor: yaml-language-server with the schema of `docs/`.

`make editors` installs the server, and sets NNSPEC_EDITOR to the folder that has it.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

HOME = os.environ.get("NNSPEC_EDITOR", "")
NODE = shutil.which("node")
SCHEMA = Path(__file__).parents[2] / "docs" / "nnspec.schema.json"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(NODE is None, reason="there is no node"),
    pytest.mark.skipif(
        not HOME, reason="NNSPEC_EDITOR names no folder with a server: `make editors` makes one"
    ),
]

SPEC = """\
nnspec: 1
name: Net
inputs: {x: {shape: [8]}}
layers:
  - type: dense
    units: 4
  - {type: relu}
"""


class Server:
    """A client of a language server over standard input and output."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.heard: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.count = 0
        self.diagnostics: dict[str, list[dict[str, Any]]] = {}

    def _listen(self) -> None:
        pipe = self.process.stdout
        assert pipe is not None
        while line := pipe.readline():
            if line.lower().startswith(b"content-length:"):
                size = int(line.split(b":")[1])
                pipe.readline()
                self.heard.put(json.loads(pipe.read(size)))

    def _say(self, **message: Any) -> None:
        pipe = self.process.stdin
        assert pipe is not None
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        pipe.write(b"Content-Length: %d\r\n\r\n%s" % (len(content), content))
        pipe.flush()

    def tell(self, method: str, **params: Any) -> None:
        self._say(method=method, params=params)

    def ask(self, method: str, **params: Any) -> Any:
        self.count += 1
        number = self.count
        self._say(id=number, method=method, params=params)
        while True:
            message = self._next()
            if message.get("id") == number and "method" not in message:
                return message.get("result")

    def mistakes(self, uri: str) -> list[str]:
        while uri not in self.diagnostics:
            self._next()
        return [each["message"] for each in self.diagnostics[uri]]

    def _next(self) -> dict[str, Any]:
        """Return the next message; answer it where the server asks for the settings."""
        message = self.heard.get(timeout=60)
        if message.get("method") == "textDocument/publishDiagnostics":
            told = message["params"]
            self.diagnostics[told["uri"]] = told["diagnostics"]
        elif "method" in message and "id" in message:
            settings = [SETTINGS.get(each.get("section")) for each in asked(message)]
            self._say(id=message["id"], result=settings or None)
        return message

    def end(self) -> None:
        with suppress(OSError):
            self.process.kill()
            self.process.communicate()


def asked(message: dict[str, Any]) -> list[dict[str, Any]]:
    params = message.get("params") or {}
    return params.get("items", []) if isinstance(params, dict) else []


SETTINGS: dict[str | None, Any] = {
    "yaml": {
        "schemas": {SCHEMA.as_uri(): ["*.nnspec.yaml"]},
        "schemaStore": {"enable": False},
        "hover": True,
        "completion": True,
        "validate": True,
    }
}
"""As an editor has them: the schema belongs to every file of that name."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    script = Path(HOME) / "node_modules" / ".bin" / "yaml-language-server"
    found = Server([str(NODE), str(script), "--stdio"])
    found.ask(
        "initialize",
        processId=None,
        rootUri=None,
        capabilities={
            "workspace": {"configuration": True},
            "textDocument": {
                "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
                "hover": {"contentFormat": ["markdown"]},
            },
        },
    )
    found.tell("initialized")
    found.tell("workspace/didChangeConfiguration", settings=SETTINGS)
    yield found
    found.end()


def opened(server: Server, folder: Path, text: str) -> str:
    uri = (folder / "model.nnspec.yaml").as_uri()
    item = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    server.tell("textDocument/didOpen", textDocument=item)
    return uri


def at(server: Server, method: str, uri: str, line: int, character: int) -> Any:
    place = {"line": line, "character": character}
    return server.ask(method, textDocument={"uri": uri}, position=place)


def test_a_right_spec_has_no_mistake_and_each_key_is_explained(
    server: Server, tmp_path: Path
) -> None:
    uri = opened(server, tmp_path, SPEC)
    assert server.mistakes(uri) == []
    hover = at(server, "textDocument/hover", uri, 5, 6)
    assert "Size of the output's last axis" in json.dumps(hover)


def test_names_and_keys_are_completed(server: Server, tmp_path: Path) -> None:
    uri = opened(server, tmp_path, SPEC.replace("    units: 4\n", "    \n"))
    found = at(server, "textDocument/completion", uri, 5, 4)
    assert {"units", "use_bias", "activation"} <= {each["label"] for each in found["items"]}
    # The server leaves out layers whose required keys are not there yet.
    other = opened(server, tmp_path / "b", SPEC.replace("type: dense", "type: "))
    found = at(server, "textDocument/completion", other, 4, 10)
    assert {"dense", "gru", "lstm"} <= {each["label"] for each in found["items"]}
    trained = opened(server, tmp_path / "c", f"{SPEC}training:\n  optimizer: \n")
    found = at(server, "textDocument/completion", trained, 8, 13)
    assert {"adam", "sgd"} <= {each["label"] for each in found["items"]}


def test_a_mistake_is_marked_in_its_line(server: Server, tmp_path: Path) -> None:
    uri = opened(server, tmp_path, SPEC.replace("units: 4", "units: four"))
    assert server.mistakes(uri)
    assert {each["range"]["start"]["line"] for each in server.diagnostics[uri]} <= {4, 5}
