"""Starts a process for each backend, and passes it what is asked: in order, while others work."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from nnspec import errors
from nnspec.backend import get_backend
from nnspec.errors import MissingDependencyError, NnspecError
from nnspec.remote.forked import Forked, is_safe
from nnspec.show.summary import summarize
from nnspec.support.causes import Told
from nnspec.support.endings import ending_of

if TYPE_CHECKING:
    from types import TracebackType

    from nnspec.backend import Array, Program, Weights
    from nnspec.network.loader import Spec
    from nnspec.remote.calls import Answers

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
TRAINING = (
    *("train_step", "follow", "load_optimizer_state", "take_noise"),
    *("discriminator_step", "generator_step"),
)
"""Methods that leave a program in a state which is not that of its weights alone."""
DERIVING = ("in_runtime",)
"""Methods that return another program, which stays in the process too."""
CONTEXTS = ("averaged",)
"""Methods that return a context, which is entered there."""
SMALL = 2**28
"""Multiply-adds of a batch up to which one thread computes as fast as several."""
LAST_WORDS = 3
"""Lines of what a process that died wrote on its error stream."""


def threads_for(spec: Spec, batch: int) -> int | None:
    """Return 1 for a network so small that threads would wait more than they compute."""
    return 1 if batch * summarize(spec).multiply_adds <= SMALL else None


class Worker:
    """The process of a backend, started again when it has died and something more is asked.

    generation: how often it was started. folder: where large arrays by name are kept in files,
    instead of being sent; None sends all.
    """

    folder: Path | None = None

    def __init__(self, name: str, threads: int | None = None) -> None:
        self.name = name
        self.generation = 0
        self._threads = threads
        self._process: subprocess.Popen[bytes] | Forked | None = None
        # One thread: what is asked is asked in order.
        self._queue = ThreadPoolExecutor(1, thread_name_prefix=f"nnspec-{name}")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the worker)
        self._is_closed = False
        self._forgotten: deque[int] = deque()
        if not self._fork():
            self._queue.submit(self.start)

    def ask(self, do: str, **arguments: Any) -> Future[Any]:
        """Queue a request; its result, or its exception, comes when the process has answered."""
        return self._queue.submit(self.exchange, do, arguments)

    def queue(self, requests: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Queue what makes several requests by `exchange`, with no other between them."""
        return self._queue.submit(requests, *arguments)

    def forget(self, number: int) -> None:
        """Let the process forget a program with the next request.

        Taking no lock, it may be called wherever Python collects garbage.
        """
        self._forgotten.append(number)

    def rest(self) -> None:
        """End the process when it has answered all, for its memory: it starts when it is asked."""
        self._queue.submit(self._rest).result()

    def _rest(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def wake(self) -> None:
        """Let the process start, where it has ended, before it is asked."""
        self._queue.submit(self.start)

    def close(self) -> None:
        """End the process, whatever it does, and what is queued."""
        self._is_closed = True
        self._queue.shutdown(wait=False, cancel_futures=True)
        if self._process is not None:
            self._process.kill()
        self._queue.shutdown(wait=True)
        if self._process is not None:
            # The queue may have started it a moment ago.
            self._process.kill()
            self._process.communicate()
        self._errors.close()

    def start(self) -> subprocess.Popen[bytes] | Forked:
        """Return the process, started if it does not run."""
        if self._process is None and not self._is_closed:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            arguments = [self.name, "" if self._threads is None else str(self._threads)]
            self._errors.truncate(0)
            self._process = subprocess.Popen(
                # -P: a file in the current folder must not stand in for a package.
                [sys.executable, "-P", "-m", "nnspec.remote.worker", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=environment | self._environment,
            )
            self.generation += 1
        if self._process is None:
            raise Told(f"the process of {self.name} was ended")
        return self._process

    def _fork(self) -> bool:
        """Start the process from this one, where that is safe; it then has the core already."""
        try:
            modules = get_backend(self.name).imports
        except NnspecError:
            return False  # the process says so
        if not is_safe(modules):
            return False
        name, threads = self.name, self._threads

        def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
            from nnspec.remote.worker import run

            run(name, threads, requests, answers)

        self._process = Forked(serve, errors=self._errors, environment=self._environment)
        self.generation += 1
        return True

    @property
    def _environment(self) -> dict[str, str]:
        return {} if self._threads is None else dict.fromkeys(THREAD_VARIABLES, str(self._threads))

    def exchange(self, do: str, arguments: Mapping[str, Any]) -> Any:
        """Send a request and wait for its answer; only what is queued may call this."""
        from nnspec.remote import frames

        process = self.start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            forgotten = [self._forgotten.popleft() for _ in range(len(self._forgotten))]
            message = {"do": do, "with": arguments, "forget": forgotten, "keep": self.folder}
            frames.write(process.stdin, message, self.folder)
            found = frames.read(process.stdout)
        except (EOFError, OSError):
            raise Told(self._ended(process)) from None
        if "error" in found:
            raise _error(found["error"])
        return found["result"]

    def _ended(self, process: subprocess.Popen[bytes] | Forked) -> str:
        """Return why a process has ended, and forget it."""
        process.kill()
        process.communicate()
        self._process = None
        code = process.returncode
        assert code is not None
        how = ending_of(code)
        self._errors.seek(0)
        text = self._errors.read().decode(errors="replace")
        last = [line.strip() for line in text.splitlines() if line.strip()][-LAST_WORDS:]
        words = f"; its last words: {' / '.join(last)}" if last else ""
        return f"the process of {self.name} died ({how}){words}"


class Workers:
    """The processes of a verification, by backend; a context that ends them.

    threads: of each; by default as many as its framework likes.
    """

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads
        self._workers: dict[str, Worker] = {}
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._kept: Path | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers.values():
            worker.close()
        if self._folder is not None:
            self._folder.cleanup()

    def of(self, name: str, apart: str = "") -> Worker:
        """Return the process of a backend, which is started when it is first wanted.

        apart: what it computes in a process of its own.
        """
        key = f"{name}-{apart}" if apart else name
        if key not in self._workers:
            self._workers[key] = Worker(name, self.threads)
            self._workers[key].folder = self._kept
        return self._workers[key]

    def keep(self, weights: Weights) -> Weights:
        """Return weights that lie in a file, and let what is as large be kept in files too.

        Where the disk has no room, all stays in memory.
        """
        from nnspec.remote.kept import keep

        folder = self.new_path("kept")
        folder.mkdir()
        try:
            kept = cast("Weights", keep(weights, folder))
        except OSError:
            return weights
        self._kept = folder
        for worker in self._workers.values():
            worker.folder = folder
        return kept

    def rest(self, *, but: Worker | None = None) -> None:
        """End every process but one, for their memory."""
        for worker in self._workers.values():
            if worker is not but:
                worker.rest()

    def collect(self) -> None:
        """Let every process free what is in cycles."""
        for future in [worker.ask("collect") for worker in self._workers.values()]:
            future.exception()

    def new_path(self, name: str) -> Path:
        """Return the path of a file that is removed with the processes."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = Path(self._folder.name) / str(next(_NUMBERS))
        folder.mkdir()
        return folder / name


def started(spec: Spec, backends: Iterable[str], batch: int) -> Workers:
    """Return the processes of a verification, which begin to import their frameworks.

    Called before this process imports NumPy, which has threads, it forks most of them.
    """
    workers = Workers(threads_for(spec, batch))
    for name in backends:
        workers.of(name)
    return workers


_NUMBERS = count()


class RemoteProgram:
    """A built network in another process.

    It has the methods of the program there, and so satisfies the protocols that the program does.
    Where the process died of something else, the program is built anew, unless it had been trained.
    """

    model = None
    """The framework's own object stays in its process."""

    def __init__(self, worker: Worker, do: str, **arguments: Any) -> None:
        self._worker = worker
        self._number = next(_NUMBERS)
        self._do = do
        self._arguments = arguments
        self._is_trained = False
        self._generation = 0
        self._source: RemoteProgram | None = None
        self._made = worker.queue(self._build)

    def ready(self) -> Program:
        """Wait until it is built; raises what building it raised."""
        for name in self._made.result():
            make: Callable[[str], Any] = self._derived if name in DERIVING else self._method
            setattr(self, name, self._context(name) if name in CONTEXTS else make(name))
        return cast("Program", self)

    def asked_again(self, inputs: Mapping[str, Array], calls: int, seconds: float) -> Answers:
        """Return what so many calls answer, by one message."""
        given = [inputs, calls, seconds]
        answers: Answers = self._worker.queue(self._call, "forward", given, "again").result()
        return answers

    def differing(self, weights: Mapping[str, Array]) -> list[str]:
        """Return the names of weights that are not the program's, which stay in its process."""
        found: list[str] = self._worker.queue(self._call, "weights", [weights], "compare").result()
        return found

    def _method(self, name: str) -> Callable[..., Any]:
        def method(*arguments: Any, **named: Any) -> Any:
            given = [*arguments, *named.values()]
            return self._worker.queue(self._call, name, given).result()

        return method

    def _context(self, name: str) -> Callable[[], AbstractContextManager[None]]:
        @contextmanager
        def method() -> Iterator[None]:
            self._worker.queue(self._call, name, [], "enter").result()
            try:
                yield
            finally:
                self._worker.queue(self._call, name, [], "leave").result()

        return method

    def _derived(self, name: str) -> Callable[[], Program]:
        def method() -> Program:
            derived = RemoteProgram(self._worker, "derive", source=self._number, name=name)
            derived._source = self  # else the other process could forget it
            return derived.ready()

        return method

    def _build(self) -> list[str]:
        arguments = {"number": self._number, **self._arguments}
        methods: list[str] = self._worker.exchange(self._do, arguments)
        self._generation = self._worker.generation
        return methods

    def _renew(self) -> None:
        """Build it anew, and first what it is derived from, where its process has died."""
        self._worker.start()
        if self._generation != self._worker.generation:
            if self._is_trained:
                raise Told(f"the process of {self._worker.name}, in which it was trained, has died")
            if self._source is not None:
                self._source._renew()
            self._build()

    def _call(self, name: str, given: list[Any], do: str = "call") -> Any:
        self._renew()
        if name == "load_weights" and "weights" in self._arguments:
            self._arguments["weights"] = given[0]
        self._is_trained |= name in TRAINING
        arguments = {"number": self._number, "name": name, "arguments": given}
        return self._worker.exchange(do, arguments)

    def __del__(self) -> None:
        """Let the other process forget it."""
        self._worker.forget(self._number)


def _error(told: Mapping[str, str]) -> Exception:
    """Return the exception that another process has told of."""
    found = getattr(errors, told["class"], None) if told["class"] else None
    if isinstance(found, type) and issubclass(found, NnspecError):
        # Some of these are made of other arguments than a message.
        error = found.__new__(found)
        Exception.__init__(error, told["cause"])
        if isinstance(error, MissingDependencyError):
            error.extra = told["extra"]
        return error
    return Told(told["cause"])
