"""Calls what draws: here, or in a process of its own, which then holds the packages that it takes.

Those of pictures and curves fill a hundred megabytes, a third of what a small training does.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

import numpy as np

DRAWERS = {
    "classes": "nnspec.training.results",
    "history": "nnspec.training.history",
    "images": "nnspec.training.sample_pictures",
    "numbers": "nnspec.training.results",
}
"""Picture -> the module of the function that draws it.

It takes paths, arrays and what JSON holds, and returns what JSON holds.
"""
APART = True
"""Whether a process of its own draws, where it is asked for."""
_Told = tuple[str, dict[str, Any]]
_apart: ContextVar[_Process | None] = ContextVar("_apart", default=None)


@contextmanager
def apart() -> Iterator[None]:
    """Let a process of its own draw, which starts when there is something to draw."""
    if not APART or not sys.executable:
        yield
        return
    process = _Process()
    token = _apart.set(process)
    try:
        yield
    finally:
        _apart.reset(token)
        process.close()


def draw(what: str, **given: Any) -> Any:
    """Draw one of DRAWERS."""
    process = _apart.get()
    if process is not None:
        # What has failed there fails here again, with its own error.
        with suppress(OSError, ValueError, KeyError):
            return process.draw(what, given)
    return _drawn(what, given)


def _drawn(what: str, given: Mapping[str, Any]) -> Any:
    return getattr(importlib.import_module(DRAWERS[what]), f"draw_{what}")(**given)


class _Process:
    """A process that draws, one thing after the other."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def draw(self, what: str, given: Mapping[str, Any]) -> Any:
        """Return what is drawn's result; raises OSError, ValueError or KeyError where it fails."""
        if self._process is None:
            self._process = subprocess.Popen(
                # -P: a file in the current folder must not stand in for a package.
                [sys.executable, "-P", "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        _tell(self._process.stdin, what, given)
        return json.loads(self._process.stdout.readline())["result"]

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            with suppress(OSError):
                self._process.communicate()


def _tell(pipe: IO[bytes], what: str, given: Mapping[str, Any]) -> None:
    """Write a line of JSON, and the bytes of the arrays after it."""
    arrays = {
        name: np.ascontiguousarray(value)
        for name, value in given.items()
        if isinstance(value, np.ndarray)
    }
    paths = {name: str(value) for name, value in given.items() if isinstance(value, Path)}
    others = {name: value for name, value in given.items() if name not in {*arrays, *paths}}
    kinds = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    line = {"what": what, "given": others, "paths": paths, "arrays": kinds}
    pipe.write(json.dumps(line).encode() + b"\n")
    for array in arrays.values():
        pipe.write(array.reshape(-1).view(np.uint8).data)
    pipe.flush()


def _heard(pipe: IO[bytes], line: bytes) -> _Told:
    """Read what `_tell` wrote, after its first line."""
    told = json.loads(line)
    given = {**told["given"], **{name: Path(path) for name, path in told["paths"].items()}}
    for name, (dtype, shape) in told["arrays"].items():
        kind = np.dtype(dtype)
        size = kind.itemsize * int(np.prod(shape, dtype=np.int64))
        given[name] = np.frombuffer(pipe.read(size), kind).reshape(shape)
    return told["what"], given


def main() -> None:
    """Draw what is asked for, until the other process closes the pipe."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while line := requests.readline():
        what, given = _heard(requests, line)
        try:
            told = {"result": _drawn(what, given)}
        except Exception:
            told = {}
        answers.write(json.dumps(told).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
