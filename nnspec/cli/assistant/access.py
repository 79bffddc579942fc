"""The files that an assistant may name: those in one folder, wherever links lead."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.errors import UsageError, printable

if TYPE_CHECKING:
    from nnspec.network.networks import Networks
    from nnspec.network.spec import Spec

DATA = frozenset({".onnx", ".keras", ".safetensors", ".npz", ".json", ".yaml", ".yml"})
"""Endings of files that are data, and run nothing when they are opened."""


def inside(root: Path, given: str) -> Path:
    """Return the file that a path means, seen from the root; raises UsageError for one outside.

    Links are followed first, and nothing is said of what is outside, not whether it is there.
    """
    try:
        path = (root / given).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{printable(given)} is no path: {error}") from None
    if not path.is_relative_to(root.resolve()):
        raise UsageError(f"{printable(given)} is outside the folder that this server may read")
    return path


def present(root: Path, given: str) -> Path:
    """Return an existing file of the folder; raises UsageError."""
    path = inside(root, given)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "there is no such file"
        raise UsageError(f"{printable(given)}: {what}")
    return path


def require_inside(root: Path, spec: Spec | Networks) -> None:
    """Raise UsageError where the spec names a file outside the folder, or a server."""
    from nnspec.language.databases import is_server
    from nnspec.language.read_files import paths_of
    from nnspec.network.spec import Spec

    document = spec.model if isinstance(spec, Spec) else spec.document
    for path in paths_of(document.data) if document.data is not None else ():
        if is_server(path):
            raise UsageError(f"{printable(path)}: this server asks no other for rows")
        _require_all_inside(root, spec.folder / path)


def _require_all_inside(root: Path, path: Path) -> None:
    """Raise UsageError where a file that a path names, by a pattern or in a folder, is outside."""
    inside(root, str(path))
    named = path.parent.glob(path.name) if set("*?[") & set(path.name) else [path]
    for each in named:
        inside(root, str(each))
        for within in each.rglob("*") if each.is_dir() else ():
            if within.is_symlink():
                inside(root, str(within))
