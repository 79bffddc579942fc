"""The files that an assistant may name: those in one folder, wherever links lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnspec.errors import UsageError, printable

if TYPE_CHECKING:
    from nnspec.network.networks import Networks
    from nnspec.network.spec import Spec

DATA = frozenset({".onnx", ".keras", ".safetensors", ".json", ".yaml", ".yml"})
"""Endings of files that are data, and run nothing when they are opened."""
_PATHS = ("source", "teacher", "weights", "tokenizer")
"""Keys of `data` whose values are paths, beside the files of a split."""


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
    from nnspec.language.training_schema import Data
    from nnspec.network.spec import Spec

    document = spec.model if isinstance(spec, Spec) else spec.document
    data = document.data
    if data is None:
        return
    paths = [*_paths(data.model_dump(mode="json"))]
    if isinstance(data, Data) and data.split is not None:
        paths += data.split.files.values()
    for path in paths:
        if is_server(path):
            raise UsageError(f"{printable(path)}: this server asks no other for rows")
        inside(root, str(spec.folder / path))


def _paths(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _paths(each, str(name))
    elif isinstance(value, list):
        for each in value:
            yield from _paths(each, key)
    elif isinstance(value, str) and key in _PATHS:
        yield value
