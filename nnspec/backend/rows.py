"""A backend's tables of layers and losses, whose files are read as what they are of is met."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from nnspec.layers.registry import FAMILIES, RowsOfFiles

Row = TypeVar("Row")

_FILES = {
    "transposed": "convolution",
    "depthwise": "convolution",
    "average_pooling": "pooling",
    "global_pooling": "pooling",
    "batch_normalization": "normalization",
    "rows": "core",
    "activity": "regularization",
    "sharing": "embedding",
    "joining": "merge",
    "products": "merge",
    "positions": "grids",
    "elementwise": "merge",
    "linear_units": "activations",
    "rare_activations": "activations",
}
"""Family -> the file of its rows, for those that share another's or a name of its own."""


class ReadRows(MutableMapping[type[Any], Row], Generic[Row]):
    """Class -> its row: the `ROWS` of a package's files, merged.

    package: the backend's. of: the core's package that defines the classes. files: file there ->
    the file of the backend's package that has the rows. It is imported when a class of it is first
    asked for: few specs have some of every file.
    """

    def __init__(self, package: str, of: str, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self.package = package
        self._of = f"{of}."
        self._read: set[str] = set()
        self._rows: dict[type[Any], Row] = {}

    def __getitem__(self, key: type[Any]) -> Row:
        if key not in self._rows:
            self._read_of(key)
        return self._rows[key]

    def __setitem__(self, key: type[Any], row: Row) -> None:
        self._read_of(key)
        self._rows[key] = row

    def __delitem__(self, key: type[Any]) -> None:
        self._read_of(key)
        del self._rows[key]

    def __iter__(self) -> Iterator[type[Any]]:
        self._read_files(self.files.values())
        return iter(self._rows)

    def __len__(self) -> int:
        self._read_files(self.files.values())
        return len(self._rows)

    def _read_of(self, key: type[Any]) -> None:
        module = key.__module__
        if module.startswith(self._of):
            file = self.files.get(module.removeprefix(self._of))
            self._read_files([] if file is None else [file])

    def _read_files(self, files: Iterable[str]) -> None:
        for file in files:
            if file not in self._read:
                rows = import_module(f"{self.package}.{file}").ROWS
                self._read.add(file)
                assert not rows.keys() & self._rows.keys(), f"two rows of one class in {file}"
                self._rows |= rows


class FamilyRows(ReadRows[Row]):
    """Layer class -> its row, by the families of `nnspec.layers`.

    own: family of layers, `convolution` for those that `nnspec.layers.convolution` defines -> the
    file of the package that has their rows, where that is another than in most backends.
    """

    def __init__(self, package: str, own: Mapping[str, str] = {}) -> None:
        files = {family: _FILES.get(family, family) for family in (*FAMILIES, "rows", "activity")}
        super().__init__(package, "nnspec.layers", files | dict(own))


class RowsByFile(ReadRows[Row]):
    """Class of a record -> its row, of the file that is named as the one that defines the class.

    package: the backend's folder of these files. table: the core's of the records.
    """

    def __init__(self, package: str, table: RowsOfFiles[Any]) -> None:
        super().__init__(package, table.package, {file: file for file in table.files})
