"""The engines of a verification in processes of their own.

Each backend has one, so that the frameworks are imported, and build and export, at the same time,
and a framework that ends its process costs no report.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nnspec.backend import Backend, OnnxBackend, Options, OptionValue, Precision, Program
from nnspec.errors import UsageError
from nnspec.network.loader import Spec
from nnspec.remote.processes import RemoteProgram, Worker, Workers
from nnspec.verification.engines import (
    EXPORTERS_OPSET,
    NONE,
    DirectOnnx,
    EngineError,
    ExportedOnnx,
    SourceEngine,
)
from nnspec.verification.placing import HERE, Placing

if TYPE_CHECKING:
    from concurrent.futures import Future

    from nnspec.backend import Array

Key = tuple[int, int, Precision, bool]


class _Started:
    """Programs begun before they are needed; the spec and the weights are kept with them."""

    def __init__(self) -> None:
        self._kept: dict[Key, tuple[Any, object, object]] = {}

    def put(self, value: Any, spec: Spec, weights: object, dtype: Precision, flag: bool) -> None:
        self._kept[(id(spec), id(weights), dtype, flag)] = value, spec, weights

    def pop(self, spec: Spec, weights: object, dtype: Precision, flag: bool) -> Any:
        return self._kept.pop((id(spec), id(weights), dtype, flag), (None,))[0]


class _Remote(ABC):
    """A program that a process builds, perhaps before it is needed."""

    worker: Worker

    def __init__(self) -> None:
        self._started = _Started()

    def start(
        self, spec: Spec, weights: Mapping[str, Array], dtype: Precision, *, optimized: bool = False
    ) -> None:
        """Begin to build what will be asked for."""
        program = self._ask(spec, weights, dtype, optimized=optimized)
        self._started.put(program, spec, weights, dtype, optimized)

    def _take(
        self, spec: Spec, weights: Mapping[str, Array], dtype: Precision, *, optimized: bool
    ) -> RemoteProgram:
        """Return the program that was begun, or begin it."""
        begun: RemoteProgram | None = self._started.pop(spec, weights, dtype, optimized)
        return begun or self._ask(spec, weights, dtype, optimized=optimized)

    def _ask(
        self, spec: Spec, weights: Mapping[str, Array], dtype: Precision, *, optimized: bool
    ) -> RemoteProgram:
        return RemoteProgram(
            self.worker,
            "build",
            spec=spec,
            weights=weights,
            options=self._options(spec),
            dtype=dtype,
            further=self._further(optimized),
        )

    @abstractmethod
    def _options(self, spec: Spec) -> Options:
        """Return the options that the process builds the program with."""

    def _further(self, optimized: bool) -> dict[str, Any]:
        """Return the arguments that this backend's `build` has beside those of every backend."""
        return {}


class RemoteSource(_Remote, SourceEngine):
    """A backend that writes source, and runs it in its own process."""

    def __init__(
        self,
        backend: Backend,
        workers: Workers,
        options: Mapping[str, OptionValue] = NONE,
        variant: str = "",
        placing: Placing = HERE,
    ) -> None:
        _Remote.__init__(self)
        SourceEngine.__init__(self, backend, options, variant, placing)
        # A framework takes one device in a process, and one arithmetic of it.
        self.worker = workers.of(backend.name, placing.variant)

    def build(
        self,
        spec: Spec,
        weights: Mapping[str, Array],
        dtype: Precision,
        *,
        optimized: bool = False,
    ) -> Program:
        """Return the emitted program."""
        return self._take(spec, weights, dtype, optimized=optimized).ready()

    def _options(self, spec: Spec) -> Options:
        return self.options(spec)


class RemoteDirect(_Remote, DirectOnnx):
    """The ONNX model that a backend writes itself, run in a process."""

    def __init__(
        self,
        backend: OnnxBackend,
        workers: Workers,
        options: Mapping[str, OptionValue] = NONE,
        variant: str = "",
    ) -> None:
        _Remote.__init__(self)
        DirectOnnx.__init__(self, backend, options, variant)
        self.worker = workers.of(backend.name)

    def build(
        self,
        spec: Spec,
        weights: Mapping[str, Array],
        dtype: Precision,
        *,
        optimized: bool = False,
    ) -> Program:
        """Return the model in onnxruntime, or for float64 in the reference evaluator."""
        return _ready(self._take(spec, weights, dtype, optimized=optimized))

    def _options(self, spec: Spec) -> Options:
        return self.options

    def _further(self, optimized: bool) -> dict[str, Any]:
        return {"optimized": optimized}


class _Export(NamedTuple):
    """A file that a framework's exporter writes."""

    path: Path
    written: Future[None]


class RemoteExported(ExportedOnnx):
    """The ONNX model of a framework's exporter, which writes it in the framework's process."""

    def __init__(self, source: RemoteSource, runner: OnnxBackend, workers: Workers) -> None:
        super().__init__(source, runner)
        self.worker: Worker = workers.of(runner.name)
        self._workers = workers
        self._exporter = source.worker
        self._started = _Started()

    def start(
        self, spec: Spec, weights: Mapping[str, Array], dtype: Precision, *, optimized: bool = False
    ) -> None:
        """Begin to export; one file is for the model with and without optimisations."""
        if not optimized:
            self._put(self._ask(spec, weights, dtype), spec, weights, dtype, (False, True))

    def build(
        self,
        spec: Spec,
        weights: Mapping[str, Array],
        dtype: Precision,
        *,
        optimized: bool = False,
    ) -> Program:
        """Return the exported model in onnxruntime, or for float64 in the reference evaluator."""
        export: _Export | None = self._started.pop(spec, weights, dtype, optimized)
        if export is None:
            export = self._ask(spec, weights, dtype)
            self._put(export, spec, weights, dtype, (not optimized,))
        export.written.result()
        further = {
            "graph": spec.graph,
            "dtype": dtype,
            "optimized": optimized,
        }
        return _ready(RemoteProgram(self.worker, "load", path=export.path, further=further))

    def _put(
        self,
        export: _Export,
        spec: Spec,
        weights: Mapping[str, Array],
        dtype: Precision,
        flags: tuple[bool, ...],
    ) -> None:
        """Keep a file for what will be made of it; in float64 there is one model alone."""
        for flag in flags:
            if dtype == "float32" or not flag:
                self._started.put(export, spec, weights, dtype, flag)

    def _ask(self, spec: Spec, weights: Mapping[str, Array], dtype: Precision) -> _Export:
        path = self._workers.new_path("model.onnx")
        written = self._exporter.ask(
            "export",
            spec=spec,
            weights=weights,
            options=self.source.options(spec),
            dtype=dtype,
            path=path,
            opset=EXPORTERS_OPSET,
        )
        return _Export(path, written)


def _ready(program: RemoteProgram) -> Program:
    try:
        return program.ready()
    except UsageError as error:
        raise EngineError(str(error)) from error
