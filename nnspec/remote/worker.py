"""The process of one backend: `python -m nnspec.remote.worker BACKEND`, started by `Worker`.

It answers messages one by one until its input ends. Standard output belongs to the messages: what a
framework prints goes to the error stream.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

from nnspec.backend import Exportable, Options, Precision, get_backend
from nnspec.backend.foreign import Reference
from nnspec.errors import NnspecError, UnsupportedError
from nnspec.network.loader import Spec
from nnspec.remote import frames
from nnspec.remote.calls import asked_again, differing
from nnspec.support.causes import cause_of

GARBAGE = 50_000
"""New objects before a search for cycles: a framework has a million that stay."""


class Session:
    """The networks that one backend has built, by number."""

    def __init__(self, name: str, threads: int | None) -> None:
        self.backend: Any = get_backend(name)
        self.threads = threads
        self.programs: dict[int, Any] = {}
        self.entered: dict[int, ExitStack] = {}

    def prepare(self) -> None:
        """Import the framework, before anything is asked."""
        spared = self.backend.spared
        for package in spared:
            # So marked, it counts as not installed.
            sys.modules.setdefault(package, None)  # type: ignore[arg-type]
        gc.disable()
        try:
            for module in self.backend.imports:
                importlib.import_module(module)
        except Exception:
            return  # what needs it will say so
        finally:
            for package in spared:  # the emitted metrics may be one's
                if sys.modules.get(package, package) is None:
                    del sys.modules[package]
            gc.freeze()
            gc.set_threshold(GARBAGE, 20, 50)
            gc.enable()

    def build(
        self,
        number: int,
        spec: Spec,
        weights: Mapping[str, Any],
        options: Options,
        dtype: Precision,
        further: Mapping[str, Any],
    ) -> list[str]:
        """Build a network, and return the names of what can be asked of it."""
        if self.threads is not None and self.takes_threads:
            further = {**further, "threads": self.threads}
        if isinstance(spec, Spec):
            compiled = self.backend.compile(spec, options)
        else:
            compiled = self.backend.compile_networks(spec, options)
        return self._kept(number, compiled.build(weights, dtype=dtype, **further))

    def load(self, number: int, path: Path, further: Mapping[str, Any]) -> list[str]:
        """Load a model that another backend has exported."""
        return self._kept(
            number, self.backend.load(path.read_bytes(), threads=self.threads, **further)
        )

    def export(
        self, spec: Spec, weights: Mapping[str, Any], options: Options, dtype: Precision,
        path: Path, opset: int,
    ) -> None:  # fmt: skip
        """Build a network, and write it with the framework's own exporter."""
        program = self.backend.compile(spec, options).build(weights, dtype=dtype)
        if not isinstance(program, Exportable):
            raise UnsupportedError(f"{self.backend.name} has no ONNX exporter")
        program.export_onnx(path, opset)

    def open(self, number: int, reference: Reference, memory: int | None) -> list[str]:
        """Open a file of others, which may take so many bytes more from here on."""
        if memory is not None:
            limit_memory(memory)
        return self._kept(number, self.backend.open_file(reference))

    def call(self, number: int, name: str, arguments: list[Any]) -> Any:
        """Call a method of a program."""
        return getattr(self.programs[number], name)(*arguments)

    def enter(self, number: int, name: str, arguments: list[Any]) -> None:
        """Enter the context that a method of a program gives."""
        self.entered.setdefault(number, ExitStack()).enter_context(
            getattr(self.programs[number], name)(*arguments)
        )

    def leave(self, number: int, name: str, arguments: list[Any]) -> None:
        """Leave the contexts of a program that were entered."""
        self.entered.pop(number).close()

    def again(self, number: int, name: str, arguments: list[Any]) -> Any:
        """Call a method of a program many times."""
        return asked_again(getattr(self.programs[number], name), *arguments)

    def compare(self, number: int, name: str, arguments: list[Any]) -> Any:
        """Return the names of weights that are not what the method of a program returns."""
        return differing(getattr(self.programs[number], name)(), *arguments)

    def derive(self, number: int, source: int, name: str) -> list[str]:
        """Keep the program that a method of another program returns."""
        return self._kept(number, getattr(self.programs[source], name)())

    def drop(self, number: int) -> None:
        """Forget a program."""
        self.programs.pop(number, None)

    def collect(self) -> None:
        """Free what is in cycles, and give what is free back to the system."""
        gc.collect()
        with suppress(OSError, AttributeError):  # another system, or another library of C
            ctypes.CDLL(None).malloc_trim(0)

    @property
    def takes_threads(self) -> bool:
        """Whether a network is told its threads when it is built, and not by the environment."""
        return bool(self.backend.takes_threads)

    def _kept(self, number: int, program: Any) -> list[str]:
        self.programs[number] = program
        return [name for name in dir(program) if name[:1] != "_" and _is_method(program, name)]


def limit_memory(size: int) -> None:
    """Let this process take so many bytes more, where the system can be told."""
    try:
        import resource
    except ImportError:  # Windows
        return
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:  # no Linux
        return
    taken = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + size, taken + size))


def _is_method(program: object, name: str) -> bool:
    return callable(getattr(type(program), name, None))


def answer(session: Session, message: Mapping[str, Any]) -> dict[str, Any]:
    """Do what a message asks; an exception becomes an answer too."""
    for number in message.get("forget", ()):
        session.drop(number)
    do: Callable[..., Any] = getattr(session, message["do"])
    try:
        return {"result": do(**message["with"])}
    except Exception as error:
        known = isinstance(error, NnspecError) and type(error).__module__ == "nnspec.errors"
        told = {"cause": cause_of(error), "class": type(error).__name__ if known else ""}
        return {"error": {**told, "extra": getattr(error, "extra", "")}}


def serve(requests: IO[bytes], answers: IO[bytes], session: Session) -> None:
    """Answer until there are no more messages."""
    while True:
        try:
            message = frames.read(requests)
        except EOFError:
            return
        result = answer(session, message)
        folder = message.get("keep")
        del message
        try:
            frames.write(answers, result, folder)
        except TypeError as error:
            # What a method gave can be no message; nothing of it has been sent.
            frames.write(answers, {"error": {"cause": cause_of(error), "class": "", "extra": ""}})


def run(name: str, threads: int | None, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Import a backend's framework, and answer."""
    # Ctrl-C reaches every process of a terminal; the one that asks decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    session = Session(name, threads)
    session.prepare()
    serve(requests, answers, session)


def main() -> None:
    """Serve the process that started this one."""
    name, threads = sys.argv[1], sys.argv[2]
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    run(name, int(threads) if threads else None, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
