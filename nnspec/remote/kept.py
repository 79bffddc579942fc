"""Arrays that lie in a file instead of in memory, which two processes then need not send.

Each is mapped when it is asked for, and its pages are let go of with it: of a network of a
gigabyte, whoever goes through it tensor by tensor holds one tensor.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np

SMALL = 2**16
"""Bytes of an array up to which it stays in memory."""
WORTH = 2**24
"""Bytes of arrays from which a file is worth it."""

Place = tuple[str, tuple[int, ...], int]
"""The dtype of an array, its shape, and the byte of the file at which it begins."""


class Kept(MutableMapping[str, np.ndarray[Any, Any]]):
    """Arrays of a file by name. The file stays as it is: what is changed, is changed in memory."""

    def __init__(
        self,
        path: Path,
        places: Mapping[str, Place | None],
        small: Mapping[str, np.ndarray[Any, Any]],
        *,
        is_owned: bool,
    ) -> None:
        """places: by name, in order; None for what is in `small`.

        is_owned: whether the file goes when this does.
        """
        self.path = path
        self.places = dict(places)
        self.small = dict(small)
        self._open: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()
        if is_owned:
            weakref.finalize(self, path.unlink, missing_ok=True)

    def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
        place = self.places[name]
        if place is None:
            return self.small[name]
        # While somebody holds it, it is the same object, as of a dict.
        array: np.ndarray[Any, Any] | None = self._open.get(name)
        if array is None:
            dtype, shape, offset = place
            array = np.memmap(self.path, dtype, "c", offset, shape).view(np.ndarray)
            self._open[name] = array
        return array

    def __setitem__(self, name: str, array: np.ndarray[Any, Any]) -> None:
        self.places[name] = None
        self.small[name] = array

    def __delitem__(self, name: str) -> None:
        del self.places[name]
        self.small.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    def copy(self) -> Kept:
        """Return the same arrays, of which some can be put in the place of others."""
        found = Kept(self.path, self.places, self.small, is_owned=False)
        found._open = self._open
        return found


def is_worth_it(arrays: Mapping[Any, Any]) -> bool:
    """Return whether these are arrays by name, and so large that a file is worth it."""
    found = arrays.values()
    return (
        all(isinstance(each, np.ndarray) and not each.dtype.hasobject for each in found)
        and sum(each.nbytes for each in found) >= WORTH
        and all(isinstance(name, str) for name in arrays)
    )


def keep(
    arrays: Mapping[str, np.ndarray[Any, Any]], folder: Path, *, is_owned: bool = True
) -> Kept:
    """Write arrays to a new file of a folder; raises OSError, as where the disk is full."""
    places: dict[str, Place | None] = {}
    small: dict[str, np.ndarray[Any, Any]] = {}
    number, name = tempfile.mkstemp(dir=folder)
    try:
        with os.fdopen(number, "wb") as file:
            for key, array in arrays.items():
                if array.nbytes <= SMALL:
                    places[key], small[key] = None, array
                    continue
                # A map begins wherever a number of any dtype may.
                file.write(bytes(-file.tell() % 64))
                places[key] = array.dtype.str, array.shape, file.tell()
                file.write(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
    except OSError:
        Path(name).unlink()
        raise
    return Kept(Path(name), places, small, is_owned=is_owned)
