"""Options that a call gives by name, checked against what the backends declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from nnspec.backend.declaration import Backend
from nnspec.backend.installed import backend_names, get_backend
from nnspec.backend.options import Option, Options, OptionValue, options_in, with_options
from nnspec.errors import UsageError, nearest


def declared_options(backend: Backend) -> dict[str, Option]:
    """Return the options that a backend adds to the common ones, by name."""
    return options_in(backend.options)


def make_options(
    backend: Backend,
    given: Mapping[str, OptionValue],
    *,
    training: bool = False,
    layout: Literal["spec", "native"] = "spec",
) -> Options:
    """Return a backend's options with these values of its own.

    An option that the backend has not may be given at the default of one that has it. Raises
    UsageError for any other, and for a value that does not fit.
    """
    own = options_for_each([backend], given)[backend.name]
    common: dict[str, Any] = {"training": training, "layout": layout}
    return with_options(backend.options(**common), own)


def options_for_each(
    backends: Sequence[Backend], given: Mapping[str, OptionValue]
) -> dict[str, dict[str, OptionValue]]:
    """Return by backend the given options that it has; raises UsageError for one that none has."""
    tables = {backend.name: declared_options(backend) for backend in backends}
    for name, value in given.items():
        if not any(name in table for table in tables.values()):
            _require_default(name, value, tables)
    found: dict[str, dict[str, OptionValue]] = {}
    for backend, table in tables.items():
        found[backend] = {name: value for name, value in given.items() if name in table}
        for name, value in found[backend].items():
            table[name].require(value)
    return found


def _require_default(name: str, value: OptionValue, asked: Iterable[str]) -> None:
    """Raise UsageError for an option that other backends have, unless it is at its default."""
    asked = list(asked)
    known: dict[str, Option] = {}
    owners = []
    for other in backend_names():
        table = declared_options(get_backend(other))
        known.update(table)
        if name in table:
            owners.append(other)
    if not owners:
        raise UsageError(f'no backend has an option "{name}"{nearest(name, known)}')
    if value != known[name].default:
        raise UsageError(
            f"only the backend {' and '.join(owners)} has the option {name}, not "
            f"{' or '.join(asked)}: leave it out"
        )
