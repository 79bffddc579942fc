"""The arrays of an .npz file, each read when it is asked for: others may be of any size."""

from __future__ import annotations

import os
import struct
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.by_name import ByName
from nnspec.errors import DataError

Array = NDArray[Any]

# What zipfile, zlib and NumPy raise for damaged, encrypted or lying files, as fuzzing found.
BROKEN_ARRAYS = (
    ArithmeticError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


class Archive(ByName):
    """The arrays of a file by name; raises DataError, for an array when that is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[str, Array] = {}
        try:
            with path.open("rb") as file:
                if file.read(6) == b"\x93NUMPY":
                    raise ValueError("it holds one array and no names")
                if not zipfile.is_zipfile(file):
                    raise ValueError("it is no archive, or a part of one")
                with zipfile.ZipFile(file) as archive:
                    self.known = {
                        info.filename.removesuffix(".npy"): info.file_size
                        for info in archive.infolist()
                    }
        except BROKEN_ARRAYS as error:
            raise self._broken(error) from None

    def __getitem__(self, name: str) -> Array:
        if name not in self._read:
            self._require_room(name, self.known[name])
            self._read[name] = self._unpacked(name)
        return self._read[name]

    def _broken(self, error: object) -> DataError:
        return DataError(f"{self.path} is no readable .npz file: {error}")

    def _require_room(self, name: str, size: int) -> None:
        """Raise DataError for an array that memory does not hold, however small it is packed."""
        memory = memory_of()
        if memory is not None and size > memory:
            raise DataError(
                f'{self.path}: array "{name}" takes {size / 2**30:,.1f} GiB, and this machine has '
                f"{memory / 2**30:,.1f} GiB of memory: save it with numpy.savez, not compressed, "
                "and read it with `data.stream`"
            )

    def _unpacked(self, name: str) -> Array:
        try:
            # Opened here, because np.load leaves a file that it cannot read open.
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                found = arrays[name]
        except BROKEN_ARRAYS as error:
            if "allow_pickle" in str(error):
                raise self._broken(
                    f'array "{name}" holds Python objects, which are never unpickled; save numbers '
                    "or text"
                ) from None
            raise self._broken(error) from None
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror or error}") from None
        if not isinstance(found, np.ndarray):
            raise self._broken(f'"{name}" is no array')
        return found


def memory_of() -> int | None:
    """Return the bytes of memory of this machine, where the system says."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows
        return None
