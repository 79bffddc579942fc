"""Tells of a map what its values have proven, and whoever reads the file would not expect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from nnspec.judge.fitting import some_of
from nnspec.judge.sources import Source

PRODUCTS = {
    "q": ("query", {"q", "wq", "query", "queries"}),
    "k": ("key", {"k", "wk", "key", "keys"}),
    "v": ("value", {"v", "wv", "value", "values"}),
}
"""Part of a parameter's name -> what it is, and the words for it in the names of tensors."""


def unusual(sources: Mapping[str, Source]) -> list[str]:
    """Return notes on parameters whose tensors are turned, in another order, or named otherwise."""
    turned = [
        f"{name} ({each.told()})" for name, each in sources.items() if _is_turned_in_space(each)
    ]
    gates = [f"{name} ({each.told()})" for name, each in sources.items() if each.blocks]
    named = [*_named_otherwise(sources)]
    return [
        f"{told}: {some_of(found)}"
        for told, found in (
            ("kernels are turned in space, height for width", turned),
            ("gates stand in another order", gates),
            ("the values say otherwise than the names in the file", named),
        )
        if found
    ]


def _is_turned_in_space(source: Source) -> bool:
    """Whether the axes of a kernel after its channels stand in another order than in the file."""
    if not source.tensor or len(source.axes) != len(source.shape) or len(source.shape) < 4:
        return False
    space = [axis for axis, size in zip(source.axes, source.shape, strict=True) if size != 1][2:]
    return space != sorted(space)


def _named_otherwise(sources: Mapping[str, Source]) -> Iterator[str]:
    """Yield the queries, keys and values of an attention that a file calls another of the three."""
    for name, each in sources.items():
        part = next((word for word in name.split(".")[-3:-1] if word in PRODUCTS), "")
        words = re.split(r"[._/]+", each.tensor.lower())
        found = {told for told, names in PRODUCTS.values() if names.intersection(words)}
        if not part:
            continue
        is_fused = not found and each.part[1] == len(PRODUCTS)
        at = [*PRODUCTS].index(part)
        if (found and PRODUCTS[part][0] not in found) or (is_fused and each.part[0] != at):
            yield f"{name} ({each.told()})"
