"""The engines of a verification: those that its backends give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.backend import Backend, Options, get_backend
from nnspec.errors import UsageError
from nnspec.verification.engines import DirectOnnx, Engine, ExportedOnnx, SourceEngine
from nnspec.verification.remote import RemoteDirect, RemoteExported, RemoteSource
from nnspec.verification.settings import Settings

if TYPE_CHECKING:
    from nnspec.remote.processes import Workers


def engines_of(settings: Settings, workers: Workers | None) -> list[Engine]:
    """Return the engines that the backends of these settings give, those that write source first.

    workers: the processes in which they run; without, they run in this one. Raises UsageError where
    they cannot be compared.
    """
    names = settings.backends
    if settings.fold and "onnx" not in names:
        raise UsageError("only the backend onnx folds: add it, or leave out fold")
    sources = [
        _source(get_backend(name), settings.stock, workers) for name in names if name != "onnx"
    ]
    engines: list[Engine] = [*sources]
    if "onnx" in names:
        engines.append(_direct(Options(opset=settings.opset), workers))
        if settings.fold:
            engines.append(_direct(Options(opset=settings.opset, fold=True), workers))
        if settings.exporters:
            engines.extend(_exported(source, workers) for source in sources)
    if not sources or len(engines) < 2:
        raise UsageError(
            "a verification compares at least two of torch, keras and onnx, "
            "one of them torch or keras"
        )
    return engines


def _source(backend: Backend, stock: bool, workers: Workers | None) -> SourceEngine:
    if workers is None:
        return SourceEngine(backend, stock=stock)
    return RemoteSource(backend, workers, stock=stock)


def _direct(options: Options, workers: Workers | None) -> Engine:
    return DirectOnnx(options) if workers is None else RemoteDirect(options, workers)


def _exported(source: SourceEngine, workers: Workers | None) -> Engine:
    if workers is None:
        return ExportedOnnx(source)
    assert isinstance(source, RemoteSource)
    return RemoteExported(source, workers)
