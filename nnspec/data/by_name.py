"""Arrays by name, of which none is read before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


class ByName(Mapping[str, Array]):
    """The arrays of a source. known: what is known of each without reading it."""

    known: Mapping[str, Any]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)

    def __contains__(self, name: object) -> bool:
        return name in self.known  # a mapping would read the array to know
