"""A backend's table of layers whose files are read as their layers are met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, Generic, TypeVar

from nnspec.layers.base import Layer
from nnspec.layers.registry import FAMILIES

Row = TypeVar("Row")

_LAYERS = "nnspec.layers."
_FILES = {
    "transposed": "convolution",
    "depthwise": "convolution",
    "average_pooling": "pooling",
    "global_pooling": "pooling",
    "batch_normalization": "normalization",
    "rows": "core",
    "sharing": "embedding",
    "joining": "merge",
    "products": "merge",
    "positions": "grids",
    "elementwise": "merge",
    "linear_units": "activations",
    "rare_activations": "activations",
}
"""Family -> the file of its rows, for those that share another's or a name of its own."""


class FamilyRows(MutableMapping[type[Layer], Row], Generic[Row]):
    """Layer class -> its row: the `ROWS` of a package's files, merged.

    package: the backend's. own: family of layers, `convolution` for those that
    `nnspec.layers.convolution` defines -> the file of the package that has their rows, where that
    is another than in most backends. A file is imported when a layer of it is first asked for: few
    networks hold layers of all families.
    """

    def __init__(self, package: str, own: Mapping[str, str] = {}) -> None:
        self.package = package
        families = (*FAMILIES, "rows")
        self.files = {family: _FILES.get(family, family) for family in families} | dict(own)
        self._waiting = dict(self.files)
        self._read: set[str] = set()
        self._rows: dict[type[Layer], Row] = {}

    def __getitem__(self, layer: type[Layer]) -> Row:
        if layer not in self._rows and layer.__module__.startswith(_LAYERS):
            self._import(layer.__module__.removeprefix(_LAYERS))
        return self._rows[layer]

    def __setitem__(self, layer: type[Layer], row: Row) -> None:
        self._import(layer.__module__.removeprefix(_LAYERS))
        self._rows[layer] = row

    def __delitem__(self, layer: type[Layer]) -> None:
        self._import(layer.__module__.removeprefix(_LAYERS))
        del self._rows[layer]

    def __iter__(self) -> Iterator[type[Layer]]:
        self._import(*self._waiting)
        return iter(self._rows)

    def __len__(self) -> int:
        self._import(*self._waiting)
        return len(self._rows)

    def _import(self, *families: str) -> None:
        for family in families:
            file = self._waiting.pop(family, None)
            if file is not None and file not in self._read:
                self._read.add(file)
                rows = import_module(f"{self.package}.{file}").ROWS
                assert not rows.keys() & self._rows.keys(), f"two rows of one layer in {file}"
                self._rows |= rows


class RowsByFile(MutableMapping[type[Any], Row], Generic[Row]):
    """Class of a record -> its row: `ROWS` of the file named as the one that defines the class.

    package: the backend's folder of these files. of: the core's, whose files have the same names.
    """

    def __init__(self, package: str, of: str, *files: str) -> None:
        self._package = package
        self._of = f"{of}."
        self._files = files
        self._known: set[str] = set()
        self._rows: dict[type[Any], Row] = {}

    def __getitem__(self, record: type[Any]) -> Row:
        if record not in self._rows:
            self._read(record.__module__.removeprefix(self._of))
        return self._rows[record]

    def __setitem__(self, record: type[Any], row: Row) -> None:
        self._read(record.__module__.removeprefix(self._of))
        self._rows[record] = row

    def __delitem__(self, record: type[Any]) -> None:
        self._read(record.__module__.removeprefix(self._of))
        del self._rows[record]

    def __iter__(self) -> Iterator[type[Any]]:
        self._read(*self._files)
        return iter(self._rows)

    def __len__(self) -> int:
        self._read(*self._files)
        return len(self._rows)

    def _read(self, *files: str) -> None:
        for file in files:
            if file in self._files and file not in self._known:
                self._rows |= import_module(f"{self._package}.{file}").ROWS
                self._known.add(file)
