"""Layers that are alike and take the same, and weights that are the same in all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec.judge.ours import Ours
from nnspec.judge.sources import Source
from nnspec.judge.ways import is_bare

if TYPE_CHECKING:
    from nnspec.backend import Array

Group = tuple[Mapping[str, str], ...]
"""Layers that are alike: of each, its own names of its parameters -> the canonical ones."""


def groups_of(ours: Ours, *, is_wide: bool) -> list[Group]:
    """Return the layers with weights that are alike and take the same.

    Some may have a bias, and others none: a file's may be taken for one another.
    is_wide: or take what those give that are alike, so that whole blocks are alike, layer by layer.
    """
    shapes = {name: each.shape for name, each in ours.spec.graph.parameters()}
    numbers: dict[Any, int] = {}
    kinds: dict[str, int | str] = {}
    groups: dict[Any, list[Mapping[str, str]]] = {}
    for node in ours.nodes:
        taken = tuple(kinds.get(each, each) for each in node.inputs)
        key: Any
        if owned := ours.parameters(node):
            held = tuple(
                sorted((own, shapes[n]) for own, n in owned.items() if not is_bare(node, own))
            )
            key = (node.layer.type, held, taken)
            groups.setdefault(key, []).append(owned)
            key = key if is_wide else node.name
        elif len(taken) == 1 and node.owner is None and node.tied is None:
            kinds |= dict.fromkeys(node.outputs, taken[0])  # as one that passes it on, for all
            continue
        else:
            fields = dict(node.layer)
            told = repr({n: fields[n] for n in fields if n not in ("name", "inputs")})
            key = ("" if is_wide else told, node.owner, node.tied, taken)
        for i, value in enumerate(node.outputs):
            kinds[value] = numbers.setdefault((key, i), len(numbers))
    return [tuple(group) for group in groups.values() if len(group) > 1]


def names_of(groups: Iterable[Group]) -> Iterator[str]:
    """Yield the names of the layers of groups."""
    for group in groups:
        for one in group:
            yield next(iter(one.values())).rpartition(".")[0]


@dataclass(frozen=True, slots=True)
class Evened:
    """Weights that are the same in all layers that are alike, so that no order of them matters.

    tensors: of the file. sources: of the parameters that have them. values: of these parameters.
    """

    tensors: Mapping[str, Array]
    sources: Mapping[str, Source]
    values: Mapping[str, Array]

    def has(self, group: Group) -> bool:
        """Whether they are the same in all of a group."""
        return all(name in self.sources for one in group for name in one.values())


def written(
    sources: Mapping[str, Source], values: Mapping[str, Array], tensors: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the tensors of a file that parameters with these values are taken from."""
    found: dict[str, Array] = {}
    for name, value in values.items():
        source = sources[name]
        for tensor in filter(None, (source.tensor, source.added)):
            found.setdefault(tensor, np.array(tensors[tensor]))
        if source.tensor:
            source.put(value, found)
    return found
