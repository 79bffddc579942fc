"""Classes that the backends of other packages bring to the spec language.

Such a class stands in a table of its backend, and the language has no other of its name. The
packages are asked only where nnspec itself does not know a name, for to find them takes time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from nnspec.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "nnspec.backends"
"""The entry points of backends."""
OWN = "nnspec"
"""The distribution whose backends bring nothing that the language has not."""
TABLES = {
    "layer": "layers",
    "activation": "layers",
    "loss": "losses",
    "optimizer": "optimizers",
    "schedule": "schedules",
}
"""Kinds of extensions, by the name that messages use -> the backend's tables that hold it."""


def entries() -> dict[str, EntryPoint]:
    """Return the entry points of the installed backends by name."""
    return _entries(tuple(sys.path))


def is_own(entry: EntryPoint) -> bool:
    """Whether a backend is nnspec's own."""
    return entry.dist is not None and entry.dist.name == OWN


def brought(kind: str) -> Mapping[str, type[Any]]:
    """Return the classes of other packages by the name that specs give.

    Raises UsageError where two packages bring different ones of one name, or one cannot be loaded.
    """
    if kind not in TABLES:
        return {}
    return _brought(TABLES[kind], tuple(sys.path))


@cache  # the search reads the metadata of every installed package
def _entries(path: tuple[str, ...]) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # `nnspec check` does without it

    return {entry.name: entry for entry in reversed(list(entry_points(group=GROUP)))}


@cache
def _brought(table: str, path: tuple[str, ...]) -> Mapping[str, type[Any]]:
    found: dict[str, type[Any]] = {}
    for entry in _entries(path).values():
        if is_own(entry):
            continue
        for record in _classes(entry, table):
            name = _name(record)
            if found.setdefault(name, record) is not record:
                raise UsageError(
                    f'two installed packages bring "{name}": {found[name].__module__} and '
                    f"{record.__module__}"
                )
    return found


def _classes(entry: EntryPoint, table: str) -> Iterable[type[Any]]:
    """Return the classes in a backend's tables that are not of nnspec itself."""
    try:
        support = getattr(entry.load(), table)
    except Exception as error:
        raise UsageError(
            f'the backend "{entry.name}" ({entry.value}) cannot be loaded: {error}'
        ) from error
    return [
        record
        for record in (*support.lowerings, *support.unsupported)
        if record.__module__.partition(".")[0] != OWN
    ]


def _name(record: type[Any]) -> str:
    fields = record.model_fields
    name: str = fields["type" if "type" in fields else "schedule"].default
    return name
