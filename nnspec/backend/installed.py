"""The installed backends: found by their entry points, each loaded when it is first wanted."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec

from nnspec.backend.declaration import Backend, Can, OnnxBackend
from nnspec.errors import UsageError, nearest
from nnspec.layers.extensions import GROUP, entries, is_own
from nnspec.support.versions import versions as versions_of

__all__ = [
    "GROUP",
    "backend_names",
    "backend_packages",
    "default_backends",
    "default_trainer",
    "get_backend",
    "installed_backends",
    "lacking",
    "onnx_backend",
    "versions",
]


def backend_names() -> list[str]:
    """Return the names of the installed backends."""
    return sorted(entries())


def backend_packages() -> frozenset[str]:
    """Return the top-level packages in which the installed backends lie."""
    return frozenset(entry.module.partition(".")[0] for entry in entries().values())


def get_backend(name: str) -> Backend:
    """Return an installed backend; raises UsageError for an unknown name."""
    entry = entries().get(name)
    if entry is None:
        names = backend_names()
        raise UsageError(
            f'no backend "{name}"{nearest(name, names)} (installed: {", ".join(names) or "none"})'
        )
    return _loaded(entry)


@cache
def _loaded(entry: EntryPoint) -> Backend:
    backend = entry.load()
    if not isinstance(backend, Backend):
        raise UsageError(f'the backend "{entry.name}" ({entry.value}) is no nnspec.backend.Backend')
    return backend


def installed_backends() -> list[Backend]:
    """Return every installed backend, in the order in which a verification takes them.

    Those that train come first, since the first of them is the reference, and of these the one with
    the fewest constants that it holds in float32; a third party's come after nnspec's own.
    """
    return [get_backend(name) for name in default_backends()]


def default_backends() -> tuple[str, ...]:
    """Return the names of every installed backend, in the order of `installed_backends`."""

    def place(name: str) -> tuple[bool, bool, int, str]:
        backend, entry = get_backend(name), entries()[name]
        return Can.TRAINING not in backend.can, not is_own(entry), len(backend.rounded), name

    return tuple(sorted(entries(), key=place))


def default_trainer() -> str:
    """Return the name of the first installed backend that trains; raises UsageError without one.

    One whose framework is not there is chosen where that is so of all.
    """
    found = [backend for backend in installed_backends() if Can.TRAINING in backend.can]
    if not found:
        raise UsageError("no installed backend trains networks")
    return next((each.name for each in found if lacking(each) is None), found[0].name)


def lacking(backend: Backend) -> str | None:
    """Return the first package that the programs of a backend run on, and that is not there."""
    return next((name for name in backend.packages if find_spec(name) is None), None)


def versions() -> dict[str, str]:
    """Return the version of Python, of nnspec and of each package that a backend may run on."""
    packages: dict[str, tuple[str, ...]] = {}
    for backend in installed_backends():
        packages |= backend.packages
    return versions_of(packages)


def onnx_backend() -> OnnxBackend:
    """Return the backend that writes and runs ONNX models; raises UsageError without one."""
    for name in backend_names():
        backend = get_backend(name)
        if isinstance(backend, OnnxBackend):
            return backend
    raise UsageError("no installed backend writes or runs ONNX models")
