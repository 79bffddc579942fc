"""The engines of a verification: those that its backends give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from nnspec.backend import (
    Backend,
    OnnxBackend,
    OptionValue,
    declared_options,
    get_backend,
    options_for_each,
)
from nnspec.errors import UsageError
from nnspec.verification.engines import (
    DirectOnnx,
    Engine,
    ExportedOnnx,
    SourceEngine,
    trainable_backends,
)
from nnspec.verification.placing import HERE, Placing, on_device, on_processor
from nnspec.verification.remote import RemoteDirect, RemoteExported, RemoteSource
from nnspec.verification.settings import Settings

if TYPE_CHECKING:
    from nnspec.remote.processes import Workers


def engines_of(settings: Settings, workers: Workers | None) -> list[Engine]:
    """Return the engines that the backends of these settings give: sources first, then ONNX models.

    workers: the processes in which they run; without, they run in this one. Raises UsageError for
    an option that none of the backends has, and where there is nothing to compare.
    """
    backends = [get_backend(name) for name in settings.backends]
    chosen = options_for_each(backends, settings.options)
    sources: list[SourceEngine] = []
    models: list[Engine] = []
    placed: list[SourceEngine] = []
    exporting: list[SourceEngine] = []
    runners: list[OnnxBackend] = []
    for backend in backends:
        for options, variant in _variants(backend, chosen[backend.name]):
            if isinstance(backend, OnnxBackend):
                models.append(_direct(backend, workers, options, variant))
            else:
                # A process that has begun on a GPU can't be told to leave it.
                here = on_processor(backend) if workers is not None else HERE
                sources.append(_source(backend, workers, options, variant, here))
                if not variant:
                    exporting.append(sources[-1])
        if settings.device is not None:
            plain = _plain(backend, chosen[backend.name])
            placed.extend(
                _source(backend, workers, plain, "", there)
                for there in on_device(backend, settings.device)
            )
        if isinstance(backend, OnnxBackend) and settings.exporters:
            runners.append(backend)
    for runner in runners:
        models.extend(_exported(source, runner, workers) for source in exporting)
    if not sources or len(sources) + len(models) < 2:
        raise UsageError(
            "a verification compares at least two backends, one of which writes source, as "
            f"{' and '.join(trainable_backends())} do: not {', '.join(settings.backends) or 'none'}"
        )
    return [*sources, *placed, *models]


def _variants(
    backend: Backend, options: Mapping[str, OptionValue]
) -> Iterator[tuple[dict[str, OptionValue], str]]:
    """Yield the options of each engine of a backend, and its variant: the plain one has none."""
    declared = declared_options(backend)
    plain = _plain(backend, options)
    yield plain, ""
    for name, value in options.items():
        if declared[name].variant and value != declared[name].default:
            yield {**plain, name: value}, declared[name].variant


def _plain(backend: Backend, options: Mapping[str, OptionValue]) -> dict[str, OptionValue]:
    declared = declared_options(backend)
    return {name: value for name, value in options.items() if not declared[name].variant}


def _source(
    backend: Backend,
    workers: Workers | None,
    options: Mapping[str, OptionValue],
    variant: str,
    placing: Placing,
) -> SourceEngine:
    if workers is None:
        return SourceEngine(backend, options, variant, placing)
    return RemoteSource(backend, workers, options, variant, placing)


def _direct(
    backend: OnnxBackend, workers: Workers | None, options: Mapping[str, OptionValue], variant: str
) -> Engine:
    if workers is None:
        return DirectOnnx(backend, options, variant)
    return RemoteDirect(backend, workers, options, variant)


def _exported(source: SourceEngine, runner: OnnxBackend, workers: Workers | None) -> Engine:
    if workers is None:
        return ExportedOnnx(source, runner)
    assert isinstance(source, RemoteSource)
    return RemoteExported(source, runner, workers)
