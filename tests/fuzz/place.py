"""Where a layer of a random spec is put, and the sizes that suit it there."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from nnspec.layers.shapes import DataFormat, Shape

Arguments = dict[str, Any]


@dataclass
class Place:
    """Where a layer is put: the shape and dtype of what it takes."""

    rng: random.Random
    shape: Shape
    data_format: DataFormat

    @property
    def rank(self) -> int:
        return len(self.shape)

    def size(self, axis: int) -> int:
        size = self.shape[axis]
        return size if isinstance(size, int) else 4

    @property
    def channels(self) -> int:
        return self.size(0 if self.data_format == "channels_first" and self.rank > 1 else -1)

    @property
    def spatial(self) -> list[int]:
        axes = range(self.rank)
        kept = axes[1:] if self.data_format == "channels_first" else axes[:-1]
        return [self.size(axis) for axis in kept]

    def flag(self, chance: float = 0.5) -> bool:
        return self.rng.random() < chance

    def axis(self) -> int:
        return self.rng.randrange(-self.rank, self.rank) if self.rank else 0

    def axes(self) -> list[int]:
        count = self.rng.randint(1, max(self.rank, 1))
        found = self.rng.sample(range(self.rank), min(count, self.rank))
        return [axis - self.rank if self.flag(0.3) else axis for axis in found]

    def divisor(self, number: int) -> int:
        return self.rng.choice([n for n in range(1, number + 1) if number % n == 0])

    def windows(self, low: int = 1) -> Any:
        """Return a window's size for each axis: 1, the whole axis, or something between."""
        found = [
            self.rng.choice([low, size, self.rng.randint(1, size), 2]) for size in self.spatial
        ]
        found = [
            min(size, max(window, 1)) for size, window in zip(self.spatial, found, strict=True)
        ]
        return found if self.flag() or len(set(found)) > 1 else found[0]

    def numbers(self, low: int, high: int) -> Any:
        found = [self.rng.randint(low, high) for _ in self.spatial]
        return found if self.flag() else found[0]

    def pads(self, high: int = 2) -> Any:
        if self.flag(0.3):
            return self.rng.randint(0, high)
        return [[self.rng.randint(0, high), self.rng.randint(0, high)] for _ in self.spatial]

    def sometimes(self, chance: float = 0.3, **arguments: Any) -> Arguments:
        """Return each of the arguments, or leave it out."""
        return {key: value for key, value in arguments.items() if self.flag(chance)}
