"""Arrays in files, of which rows are read where they lie: no page of a file stays in memory."""

from __future__ import annotations

import io
import os
import struct
import threading
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nnspec.data.by_name import ByName
from nnspec.errors import DataError

Array = NDArray[Any]

READ = 2**24
"""Bytes that are read at once."""
MOST_HEADER = 2**16
"""Bytes before the rows of an array at most, as NumPy writes them."""
_HEADER = struct.Struct("<4s2B4HL2L2H")
"""Of a member of an archive, before its name (APPNOTE.TXT, section 4.3.7)."""


class Opened:
    """A file that is open as long as something refers to this, whoever closes it elsewhere."""

    def __init__(self, file: BinaryIO) -> None:
        self.number = os.dup(file.fileno())
        self._moving = threading.Lock()
        weakref.finalize(self, os.close, self.number)

    def read_into(self, view: memoryview, at: int) -> int:
        """Fill a view from a place of the file on; return how many bytes there were."""
        if hasattr(os, "preadv"):
            return os.preadv(self.number, [view], at)
        with self._moving:  # Windows has no call that reads at a place
            os.lseek(self.number, at, os.SEEK_SET)
            found = os.read(self.number, len(view))
        view[: len(found)] = found
        return len(found)

    def read(self, at: int, count: int) -> bytes:
        """Return so many bytes from a place of the file on; fewer where it ends."""
        found = bytearray(count)
        return bytes(found[: self.read_into(memoryview(found), at)])


class Stored:
    """Rows that lie in a file one after the other, as an array in C order.

    start: the byte at which the first row begins.
    """

    def __init__(
        self, file: Opened, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.file = file
        self.start = start
        self.shape = shape
        self.dtype = dtype
        self.row_bytes = dtype.itemsize * int(np.prod(shape[1:], dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def step(self) -> int:
        """The rows that are read at once."""
        return max(READ // max(self.row_bytes, 1), 1)

    def read(self, first: int, last: int) -> Array:
        """Return these rows, from `first` to before `last`; raises OSError where there are none."""
        found = np.empty((last - first, *self.shape[1:]), self.dtype)
        self.read_into(found, first)
        return found

    def read_into(self, found: Array, first: int) -> None:
        """Fill an array in C order with the rows from `first` on; raises OSError without them."""
        view = found.reshape(-1).view(np.uint8).data
        at = self.start + first * self.row_bytes
        while view:
            count = self.file.read_into(view, at)
            if not count:
                raise OSError(f"the file ends before row {first + len(found)}")
            view, at = view[count:], at + count

    def parts(self) -> Iterator[tuple[int, Array]]:
        """Yield all rows, some at a time, each time with the number of the first."""
        for first in range(0, len(self), self.step):
            yield first, self.read(first, min(first + self.step, len(self)))


class StoredArchive(ByName):
    """The arrays of an .npz file that is not compressed; a small one is read when it is asked for.

    Raises DataError for what cannot be read in parts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file, zipfile.ZipFile(file) as archive:
                self.file = Opened(file)
                self.known = self.members = {
                    info.filename.removesuffix(".npy"): info for info in archive.infolist()
                }
        except (zipfile.BadZipFile, ValueError, RuntimeError, EOFError) as error:
            raise DataError(f"{path} is no readable .npz file: {error}") from None

    def __getitem__(self, name: str) -> Array:
        stored = self.stored(name)
        return stored.read(0, len(stored))

    def stored(self, name: str) -> Stored:
        """Return an array that lies in the file; raises DataError, and KeyError for none."""
        info = self.members[name]
        place = f'{self.path}: array "{name}"'
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
            raise DataError(
                f"{place} is compressed, so that no part of it can be read alone: save it with "
                "numpy.savez, or leave out `data.stream`"
            )
        try:
            *_, name_length, extra_length = _HEADER.unpack(self._bytes(info, 0, _HEADER.size))
            begin = _HEADER.size + name_length + extra_length
            header = io.BytesIO(self._bytes(info, begin, MOST_HEADER))
            shape, is_fortran, dtype = array_header(header)
        except (ValueError, struct.error, OSError) as error:
            raise DataError(f"{place} cannot be read: {error}") from None
        if dtype.hasobject:
            raise DataError(
                f"{place} holds Python objects, which are never unpickled; save numbers or text"
            )
        if is_fortran and len(shape) > 1:
            raise DataError(
                f"{place} is in Fortran order, in which no row lies in one piece: save "
                "numpy.ascontiguousarray of it"
            )
        size = header.tell() + dtype.itemsize * int(np.prod(shape, dtype=np.int64))
        if size != info.file_size:
            raise DataError(f"{place} is damaged: {info.file_size} bytes, not {size}")
        start = info.header_offset + begin + header.tell()
        return Stored(self.file, start, shape, dtype)

    def _bytes(self, info: zipfile.ZipInfo, first: int, count: int) -> bytes:
        return self.file.read(info.header_offset + first, count)

    def digest_before(self, name: str) -> int:
        """Return the checksum of what a member holds before the rows of its array."""
        found, info = self.stored(name), self.members[name]
        begin = found.start - (info.file_size - found.row_bytes * len(found))
        return zlib.crc32(self.file.read(begin, found.start - begin))

    def require_sum(self, name: str, digest: int) -> None:
        """Raise DataError where the checksum of a member is another."""
        if digest != self.members[name].CRC:
            raise DataError(f'{self.path}: array "{name}" is damaged: its checksum is another')

    def require_whole(self, name: str) -> None:
        """Raise DataError where an array is damaged."""
        digest = self.digest_before(name)
        try:
            for _, rows in self.stored(name).parts():
                digest = zlib.crc32(rows.reshape(-1).view(np.uint8).data, digest)
        except OSError as error:
            raise DataError(f'{self.path}: array "{name}" cannot be read: {error}') from None
        self.require_sum(name, digest)


def array_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and dtype of an array in NumPy's format; raises ValueError."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"its format has the version {version}")
