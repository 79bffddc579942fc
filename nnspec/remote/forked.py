"""A process that is forked: it need not import again what this one has imported.

With several threads a fork is not safe, because the lock that another thread holds stays held; nor
should a process inherit a framework that somebody has changed. `is_safe` says where it is done.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, NoReturn

_TASKS = Path("/proc/self/task")
"""A folder for each thread, those of native libraries too; Linux has it."""
_FILES = Path("/proc/self/fd")
_INHERITED = (signal.SIGTERM, signal.SIGHUP) if sys.platform != "win32" else (signal.SIGTERM,)
"""Signals for which a command may have set a handler that is not the worker's."""


def is_safe(modules: Iterable[str]) -> bool:
    """Return whether this process has one thread, and has imported none of these modules."""
    if sys.platform != "linux" or any(module in sys.modules for module in modules):
        return False
    try:
        return len(list(_TASKS.iterdir())) == 1
    except OSError:
        return False


class Forked:
    """A forked process with pipes, as `subprocess.Popen` has them.

    returncode: None until it was waited for; -N where signal N ended it.
    """

    def __init__(
        self,
        serve: Callable[[IO[bytes], IO[bytes]], object],
        *,
        errors: IO[bytes],
        environment: Mapping[str, str],
    ) -> None:
        """Start it: it calls `serve(requests, answers)`, and ends.

        errors: takes what is written to its standard output and error stream.
        environment: variables that differ from those of this process.
        """
        requests, to_requests = os.pipe()
        from_answers, answers = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _run(serve, requests, answers, errors.fileno(), environment)
        os.close(requests)
        os.close(answers)
        self.stdin: IO[bytes] = os.fdopen(to_requests, "wb")
        self.stdout: IO[bytes] = os.fdopen(from_answers, "rb")
        self.returncode: int | None = None

    def kill(self) -> None:
        """End it, if it still runs."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self) -> None:
        """Close its pipes, and wait for its end."""
        for pipe in (self.stdin, self.stdout):
            try:
                pipe.close()
            except OSError:
                continue  # it has died, and what was not sent is of no use
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _run(
    serve: Callable[[IO[bytes], IO[bytes]], object],
    requests: int,
    answers: int,
    errors: int,
    environment: Mapping[str, str],
) -> NoReturn:
    """Do what the forked process does; nothing that the other had planned for its end."""
    code = 1
    try:
        for each in _INHERITED:
            signal.signal(each, signal.SIG_DFL)
        os.environ.update(environment)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        # A pipe of another worker that stayed open here would keep that one from seeing its end.
        kept = {0, 1, 2, requests, answers}
        for entry in list(_FILES.iterdir()):
            if int(entry.name) not in kept:
                _close(int(entry.name))
        with os.fdopen(requests, "rb") as read, os.fdopen(answers, "wb") as written:
            serve(read, written)
        code = 0
    except BaseException:  # whatever it is, the process ends here
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _close(number: int) -> None:
    try:
        os.close(number)
    except OSError:
        return  # the listing itself had it open
