"""Runs a call in a process of its own, and ends it with all that it has started when time is up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.errors import UsageError, printable

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream, Process

LAST_WORDS = 2000
"""Bytes of its error stream that are told of a process that died."""
MOST_BYTES = 32_000_000
"""Of an answer."""
INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Names of folders in which packages are installed, as in a virtual environment of a project."""
LATER = 5.0
"""Seconds after which a call ends itself, where the server should have ended it."""
PAUSE = 0.5
"""Seconds between looks at whether the server is there."""
COMMAND = (sys.executable, "-P", "-m", "nnspec.cli.assistant.work")
"""-P: a file in the current folder must not stand in for a package."""


async def answer_of(request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the answer to a request; raises UsageError with why there is none."""
    import anyio

    kept = packages(Path(request["root"]), allow_python=request["allow_python"])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(kept),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    request = {**request, "server": os.getpid()}
    process = await anyio.open_process(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment, cwd=request["root"], start_new_session=True,
    )  # fmt: skip
    out, errors = bytearray(), bytearray()
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        with anyio.fail_after(seconds):
            async with anyio.create_task_group() as group:
                group.start_soon(_read, process.stdout, out, MOST_BYTES)
                group.start_soon(_read, process.stderr, errors, 0)
                with suppress(anyio.BrokenResourceError):
                    await process.stdin.send(json.dumps(request).encode())
                    await process.stdin.aclose()
            await process.wait()
    except TimeoutError:
        raise UsageError(f"`{request['do']}` was ended: it took more than {seconds:g} s") from None
    finally:
        _end(process)
        with anyio.CancelScope(shield=True):
            await process.aclose()
    try:
        found: dict[str, Any] = json.loads(out)
    except ValueError:
        last = errors[-LAST_WORDS:].decode("utf-8", "replace").strip().splitlines()[-1:]
        why = printable(last[0]) if last else f"its process ended with {process.returncode}"
        raise UsageError(f"`{request['do']}` broke: {why}") from None
    if "refused" in found:
        raise UsageError(str(found["refused"]))
    answer: dict[str, Any] = found["answer"]
    return answer


def packages(root: Path, *, allow_python: bool) -> list[str]:
    """Return where a call finds packages: as this process does, but for what lies in the folder.

    `python -m nnspec mcp` looks into the current folder first, whose torch.py would stand in for
    PyTorch. Where packages are installed they are taken from the folder too.
    """
    own = Path(__file__).resolve().parents[3]
    kept = []
    for each in filter(None, sys.path):
        path = Path(each).absolute()
        is_inside = any(one.is_relative_to(root) for one in (path, path.resolve()))
        if allow_python or not is_inside or path.name in INSTALLED or path.resolve() == own:
            kept.append(each)
    return kept


def watch(server: int, seconds: float) -> None:
    """Kill this process and its group when time is up, or when the server has ended.

    It is the server that ends a call; but one that is killed leaves its calls to themselves.
    """
    if sys.platform == "win32":
        return  # which has no groups
    end = time.monotonic() + seconds + LATER
    while time.monotonic() < end and os.getppid() == server:
        time.sleep(PAUSE)
    os.killpg(0, signal.SIGKILL)


async def _read(stream: ByteReceiveStream, into: bytearray, most: int) -> None:
    """Read a stream to its end: its first bytes, or where `most` is 0 its last."""
    async for chunk in stream:
        if most == 0:
            into += chunk
            del into[:-LAST_WORDS]
        elif len(into) <= most:
            into += chunk


def _end(process: Process) -> None:
    """Kill a process and all of its group; one that has ended may have left others."""
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
