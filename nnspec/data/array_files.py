"""Arrays of .npy files, mapped, and of groups of Zarr, read when they are asked for.

Zarr: the formats 2 and 3 (zarr-specs.readthedocs.io), of a folder on this machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.by_name import ByName
from nnspec.errors import DataError, MissingDependencyError

Array = NDArray[Any]

CODECS = (
    *("blosc", "bytes", "bz2", "crc32c", "delta", "endian", "gzip", "lz4", "lzma"),
    *("sharding_indexed", "shuffle", "transpose", "vlen-utf8", "zlib", "zstd"),
)
"""The codecs that chunks may be packed by; others may run code, as `pickle` does."""
METADATA = (".zarray", ".zmetadata", "zarr.json")
"""The files that say how arrays are packed, of format 2 and 3."""
MOST_METADATA = 2**24
"""Bytes of such a file."""
PACKED_BY = ("codecs", "compressor", "filters", "index_codecs")
"""The keys under which codecs stand."""


class Mapped(ByName):
    """The arrays of several .npy files by the names of the files; nothing of them is read yet."""

    def __init__(self, path: Path) -> None:
        """path: with a pattern as its last part, such as arrays/*.npy; raises DataError."""
        self.path = path
        self.known = self.files = {file.stem: file for file in matching(path)}

    def __getitem__(self, name: str) -> Array:
        file = self.files[name]
        try:
            found: Array = np.load(file, mmap_mode="r", allow_pickle=False)
        except (EOFError, MemoryError, OSError, OverflowError, ValueError) as error:
            told = str(error)
            if "allow_pickle" in told or "Python objects" in told:
                told = "it holds Python objects, which are never unpickled; save numbers or text"
            if "mmap length" in told:
                told = "it ends before its last row"
            raise DataError(f"{file} is no readable .npy file: {told}") from None
        if not isinstance(found, np.ndarray):
            raise DataError(f"{file} is no readable .npy file: it holds several arrays")
        return found


def matching(path: Path) -> list[Path]:
    """Return the files that a path with a pattern in its last part names; raises DataError."""
    try:
        found = sorted(path.parent.glob(path.name))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from None
    if not found:
        raise DataError(f"{path}: there is no such file")
    return found


class Group(ByName):
    """The arrays of a group of Zarr by name, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        """Raises DataError, and MissingDependencyError without the package zarr."""
        try:
            import zarr
        except ImportError:
            raise MissingDependencyError("zarr", "zarr") from None
        self.path = path
        if not path.is_dir():
            raise DataError(f"{path}: there is no such folder")
        for folder in (path, *(each for each in path.iterdir() if each.is_dir())):
            require_codecs(folder)
        try:
            # What is consolidated is a copy, of which nothing says that it is the same.
            group = zarr.open_group(path, mode="r", use_consolidated=False)
            self.arrays: dict[str, Any] = dict(group.arrays())
            self.known = self.arrays
        except Exception as error:  # of a damaged group there are many kinds
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> DataError:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return DataError(f"{self.path} is no readable group of Zarr: {reason}")

    def __getitem__(self, name: str) -> Array:
        array = self.arrays[name]
        return self.read(name, 0, array.shape[0]) if array.shape else self._taken(array, ())

    def read(self, name: str, first: int, last: int) -> Array:
        """Return some rows of an array; raises DataError."""
        return self._taken(self.arrays[name], slice(first, last))

    def _taken(self, array: Any, rows: Any) -> Array:
        try:
            found = np.asarray(array[rows])
        except Exception as error:  # of a damaged chunk there are many kinds
            raise self._broken(error) from None
        if found.dtype.kind in "OT":
            # NumPy casts texts of any length to none of a fixed one that it has to find.
            found = np.array(found.tolist(), str).reshape(found.shape)
        return found


def notes_of_chunks(path: Path) -> tuple[str, ...]:
    """Return of which arrays of a group chunks are not there, which Zarr allows.

    Who writes only zeros need not store them, so that a chunk that was lost looks the same.
    """
    found = []
    for name, array in Group(path).arrays.items():
        absent = array.nchunks - array.nchunks_initialized
        if absent > 0:
            is_or_are = "is" if absent == 1 else "are"
            found.append(
                f"{path}: of {name} {absent} of {array.nchunks} chunks {is_or_are} not stored: "
                f"Zarr gives {array.fill_value} there"
            )
    return tuple(found)


def require_codecs(folder: Path) -> None:
    """Raise DataError for an array that is packed by something that may do anything."""
    for name in METADATA:
        file = folder / name
        if not file.is_file():
            continue
        if file.stat().st_size > MOST_METADATA:
            raise DataError(f"{file} is larger than {MOST_METADATA} bytes")
        try:
            metadata = json.loads(file.read_bytes())
        except (RecursionError, ValueError) as error:
            raise DataError(f"{file} is no readable JSON: {error}") from None
        for codec in _codecs(metadata):
            if codec not in CODECS:
                raise DataError(
                    f'{folder} is packed by "{codec}", which is not taken: write it by one of '
                    f"{', '.join(CODECS)}"
                )


def _codecs(metadata: Any) -> Iterator[str]:
    """Yield the names of what packs chunks, wherever metadata say so, but in users' attributes."""
    if isinstance(metadata, list):
        for each in metadata:
            yield from _codecs(each)
    if not isinstance(metadata, dict):
        return
    for key, given in metadata.items():
        if key in PACKED_BY:
            for each in given if isinstance(given, list) else [given]:
                if isinstance(each, dict):
                    yield str(each.get("id", each.get("name")))
                elif each is not None:
                    yield str(each)
        # Of a node, and not the name of an array.
        if not (key == "attributes" and isinstance(metadata.get("zarr_format"), int)):
            yield from _codecs(given)


def digest_of(path: Path) -> hashlib._Hash:
    """Return the hash of all files of a source of arrays, and of their names in it."""
    digest = hashlib.sha256()
    files = (
        sorted(each for each in path.rglob("*") if each.is_file())
        if path.is_dir()
        else matching(path)
    )
    for each in files:
        digest.update(each.relative_to(path if path.is_dir() else path.parent).as_posix().encode())
        with each.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest
