"""Checks of the places that commands write to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.errors import UsageError
from nnspec.network.loader import Spec

if TYPE_CHECKING:
    from nnspec.network.networks import Networks


def require_apart_from(spec: Spec | Networks, output: str | None, *read: str | None) -> None:
    """Raise UsageError where the output is the spec's file, one that it names, or one of `read`."""
    from nnspec.language.read_files import paths_of
    from nnspec.support.files import require_apart

    data = (spec.model if isinstance(spec, Spec) else spec.document).data
    named = [spec.folder / path for path in paths_of(data)] if data is not None else []
    require_apart(output, spec.path, *named, *read)


def require_page(path: str | None) -> None:
    """Raise UsageError for a page that no browser would take for one."""
    if path is not None and Path(path).suffix.lower() not in ("", ".html", ".htm"):
        raise UsageError(f"{path}: the report is a page; give a name that ends in .html")


def require_output(spec: Spec | Networks, output: str | None, *read: str | None) -> None:
    """Raise UsageError before any work where the output cannot be written, or is what is read."""
    from nnspec.support.files import require_writable

    require_writable(output)
    require_apart_from(spec, output, *read)
