"""Checks of the places that commands write to."""

from __future__ import annotations

from nnspec.network.loader import Spec


def require_apart_from(spec: Spec, output: str | None, *read: str | None) -> None:
    """Raise UsageError where the output is the spec's file, its rows, or another that is read."""
    from nnspec.support.files import require_apart

    data = spec.model.data
    rows = None if data is None else spec.folder / data.source
    require_apart(output, spec.path, rows, *read)


def require_output(spec: Spec, output: str | None, *read: str | None) -> None:
    """Raise UsageError before any work where the output cannot be written, or is what is read."""
    from nnspec.support.files import require_writable

    require_writable(output)
    require_apart_from(spec, output, *read)
