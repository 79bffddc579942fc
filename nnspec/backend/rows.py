"""A backend's table of layers whose files are read as their layers are met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Generic, TypeVar

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
