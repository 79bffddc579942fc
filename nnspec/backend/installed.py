"""The installed backends: found by their entry points, each loaded when it is first wanted."""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from nnspec.backend.declaration import Backend, Can, OnnxBackend
from nnspec.errors import UsageError, nearest

GROUP = "nnspec.backends"
_OWN = "nnspec"
"""The distribution whose backends come first where none is named."""


@cache  # the search reads the metadata of every installed package
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in reversed(list(entry_points(group=GROUP)))}


def backend_names() -> list[str]:
    """Return the names of the installed backends."""
    return sorted(_entries())


def backend_packages() -> frozenset[str]:
    """Return the top-level packages in which the installed backends lie."""
    return frozenset(entry.module.partition(".")[0] for entry in _entries().values())


@cache
def get_backend(name: str) -> Backend:
    """Return an installed backend; raises UsageError for an unknown name."""
    entry = _entries().get(name)
    if entry is None:
        names = backend_names()
        raise UsageError(
            f'no backend "{name}"{nearest(name, names)} (installed: {", ".join(names) or "none"})'
        )
    backend = entry.load()
    if not isinstance(backend, Backend):
        raise UsageError(f'the backend "{name}" ({entry.value}) is no nnspec.backend.Backend')
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
        backend, entry = get_backend(name), _entries()[name]
        is_foreign = entry.dist is None or entry.dist.name != _OWN
        return Can.TRAINING not in backend.can, is_foreign, len(backend.rounded), name

    return tuple(sorted(_entries(), key=place))


def onnx_backend() -> OnnxBackend:
    """Return the backend that writes and runs ONNX models; raises UsageError without one."""
    for name in backend_names():
        backend = get_backend(name)
        if isinstance(backend, OnnxBackend):
            return backend
    raise UsageError("no installed backend writes or runs ONNX models")
