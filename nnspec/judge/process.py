"""Opens a file of others in a process of its own, with limits of time and memory.

The process keeps a fault of the file from ours: a crash, an endless loop, memory without end. It
is no sandbox: Python that is run may do whatever the user may.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from concurrent.futures import TimeoutError as Late
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nnspec.backend import Backend, installed_backends
from nnspec.backend.foreign import Cut, Described, Foreign, Reference, Trace, Unit
from nnspec.errors import UsageError, printable
from nnspec.remote.processes import Worker

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

SECONDS = 600.0
"""That one request may take."""
MEMORY = 16 * 2**30
"""Bytes that the process may take beside what its framework has."""
_NUMBERS = count()


def reference_of(text: str, arguments: Any = None) -> Reference:
    """Return what `FILE` or `FILE:NAME` means; arguments: of the call, a list or a mapping.

    Raises UsageError where there is no such file.
    """
    file, name = text, ""
    if not Path(text).is_file() and ":" in text:
        file, _, name = text.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise UsageError(f"{printable(file)}: there is no such file")
    if arguments is None:
        return Reference(str(path.resolve()), name)
    if isinstance(arguments, Mapping):
        return Reference(str(path.resolve()), name, (), dict(arguments))
    if isinstance(arguments, list):
        return Reference(str(path.resolve()), name, tuple(arguments))
    raise UsageError("--args: a JSON list, or a mapping of names to values, is expected")


def reader_of(reference: Reference) -> Backend:
    """Return the backend that opens a file: of several, the one whose package the file imports."""
    path = Path(reference.path)
    able = [each for each in installed_backends() if path.suffix.lower() in each.reads]
    if not able:
        known = ", ".join(sorted({end for each in installed_backends() for end in each.reads}))
        raise UsageError(f"{path.name}: files of these kinds are read: {known or 'none'}")
    if path.suffix == ".py" and len(able) > 1:
        imported = _imported(path)
        fitting = [each for each in able if imported & {*each.packages}]
        able = fitting or able
    return able[0]


def _imported(path: Path) -> set[str]:
    """Return the packages that a Python file imports; it is not run."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise UsageError(f"{path.name} is no Python file: {error}") from error
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


class Opened(Foreign):
    """A file in a process of its own; a context that ends it."""

    def __init__(
        self, reference: Reference, *, seconds: float = SECONDS, memory: int | None = MEMORY
    ) -> None:
        """Open the file; raises UsageError for what cannot be opened, or takes too long."""
        self._label = reference.label
        self._seconds = seconds
        self._worker = Worker(reader_of(reference).name)
        self._number = next(_NUMBERS)
        try:
            self._ask("open", reference=reference, memory=memory)
        except BaseException:
            self._worker.close()
            raise

    def __enter__(self) -> Opened:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._worker.close()

    def use(self, dtype: str) -> str:
        """Compute in this dtype, or in the one that there is, and return it."""
        return str(self._call("use", dtype))

    def describe(self) -> Described:
        """Return what it takes and holds."""
        found: Described = self._call("describe")
        return found

    def weights(self) -> Weights:
        """Return every tensor held, by name."""
        found: Weights = self._call("weights")
        return found

    def load(self, weights: Mapping[str, Array]) -> None:
        """Set tensors by name."""
        self._call("load", dict(weights))

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as at inference."""
        found: dict[str, Array] = self._call("run", dict(inputs))
        return found

    def run_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as in training; nothing else changes."""
        found: dict[str, Array] = self._call("run_training", dict(inputs))
        return found

    def learn(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Weights]:
        """Return the outputs as in training, or the gradients of Σ output · towards."""
        found: tuple[dict[str, Array], Weights] = self._call("learn", dict(inputs), dict(towards))
        return found

    def trace(self, inputs: Mapping[str, Array]) -> Trace:
        """Return the outputs as at inference, and every operation on the way to them."""
        found: Trace = self._call("trace", dict(inputs))
        return found

    def gradients(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[Weights, Weights]:
        """Return the gradient of Σ output · towards by each tensor learned and each float input."""
        found: tuple[Weights, Weights] = self._call("gradients", dict(inputs), dict(towards))
        return found

    def units(self, inputs: Mapping[str, Array]) -> tuple[Trace, tuple[Unit, ...]]:
        """Return a run whose steps can then be computed alone, and those that take tensors."""
        found: tuple[Trace, tuple[Unit, ...]] = self._call("units", dict(inputs))
        return found

    def compute(
        self, steps: Sequence[int], values: Mapping[int, Array], variant: str = ""
    ) -> dict[int, Array]:
        """Return what steps of the last run of units give, in order, with the tensors held now."""
        found: dict[int, Array] = self._call("compute", list(steps), dict(values), variant)
        return found

    def variants(self, step: int) -> list[str]:
        """Return what a step is often mistaken for, each told as what a file does instead."""
        found: list[str] = self._call("variants", step)
        return found

    def cuts(
        self, inputs: Mapping[str, Array], taken: Sequence[int], given: int | None, name: str,
        of_units: bool = False,
    ) -> list[Cut]:  # fmt: skip
        """Return the parts of the network that make one value of others, the smallest first."""
        found: list[Cut] = self._call("cuts", dict(inputs), list(taken), given, name, of_units)
        return found

    def _call(self, name: str, *arguments: Any) -> Any:
        return self._ask("call", name=name, arguments=list(arguments))

    def _ask(self, do: str, **arguments: Any) -> Any:
        asked = self._worker.ask(do, number=self._number, **arguments)
        try:
            return asked.result(self._seconds)
        except Late:
            self._worker.close()
            raise UsageError(
                f"{self._label} did not answer within {self._seconds:g} s, and was ended"
            ) from None
