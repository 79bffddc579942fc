"""Runs a call in a process of its own, and ends it with all that it has started when time is up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nnspec.errors import UsageError, printable

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream, Process

LAST_WORDS = 2000
"""Bytes of its error stream that are told of a process that died."""
MOST_BYTES = 32_000_000
"""Of an answer."""
COMMAND = (sys.executable, "-P", "-m", "nnspec.cli.assistant.work")
"""-P: a file in the current folder must not stand in for a package."""


async def answer_of(request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the answer to a request; raises UsageError with why there is none."""
    import anyio

    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
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
