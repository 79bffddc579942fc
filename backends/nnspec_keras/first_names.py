"""The names of what a network holds, kept where Keras calls it otherwise once it is made anew.

A layer without a name of its own is `dense`, and `dense_1` when the same file makes it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras


@dataclass(frozen=True, slots=True)
class FirstNames:
    """The names of a network that was made anew, as they were when it was made first.

    paths: of its variables in order, where they were there by then. layers: its names of layers ->
    those of before.
    """

    paths: Sequence[str] = ()
    layers: Mapping[str, str] = field(default_factory=dict)

    def held(self, model: keras.Model) -> dict[str, Any]:
        """Return what a network holds by path, but for counters and seeds."""
        variables = model.weights
        paths = self.paths
        if len(paths) != len(variables):
            paths = ["/".join(self._first(part) for part in each.path.split("/"))
                     for each in variables]  # fmt: skip
        found: dict[str, Any] = {}
        for name, each in zip(paths, variables, strict=True):
            while name in found:
                name += "'"
            found[name] = each
        return found

    def after(self, before: keras.Model, made: keras.Model) -> FirstNames:
        """Return the names of a network that was made anew in the place of another."""
        one, other = ([each, *_layers(each)] for each in (before, made))
        layers: dict[str, str] = {}
        if [type(each).__name__ for each in one] == [type(each).__name__ for each in other]:
            for mine, theirs in zip(other, one, strict=True):
                layers.setdefault(mine.name, self._first(theirs.name))
        paths = tuple(self.held(before)) if before.built else ()
        return FirstNames(paths, layers)

    def _first(self, name: str) -> str:
        return self.layers.get(name, name)


def _layers(model: keras.Model) -> list[keras.layers.Layer]:
    return [*model._flatten_layers(include_self=False, recursive=True)]
