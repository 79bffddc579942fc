"""Pairs the inputs and outputs of two files, where names do not say it of all."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from nnspec.backend.foreign import HALVES

Fits = Callable[[str, str], bool]
"""(name, name in the file): whether shape and dtype allow them to be one."""


def paired(wanted: Sequence[str], theirs: Sequence[str], fits: Fits) -> dict[str, str]:
    """Return what the file calls each name: by name, by what alone fits, and the rest in order.

    Fewer of the file leave some out. Where not all are named alike, names that differ by a number
    alone say nothing: Keras counts its layers, here and there from another one on.
    """
    if all(name in theirs for name in wanted):
        return {name: name for name in wanted}
    counted = Counter(re.sub(r"_?\d+$", "", name) for name in {*wanted, *theirs})
    found = {
        name: name
        for name in wanted
        if name in theirs and counted[re.sub(r"_?\d+$", "", name)] == 1 and fits(name, name)
    }
    while True:
        left = [name for name in theirs if name not in found.values()]
        open_ = [name for name in wanted if name not in found]
        fitting = {name: [each for each in left if fits(name, each)] for name in open_}
        alone = [
            (name, some[0])
            for name, some in fitting.items()
            if len(some) == 1 and sum(some[0] in others for others in fitting.values()) == 1
        ]
        if not alone:
            break
        found.update(alone[:1])
    whole = {**found, **dict(zip(open_, left, strict=False))}
    return {name: whole[name] for name in wanted if name in whole}


def may_be(dtype: str, kind: str) -> bool:
    """Whether numbers of a kind ("f", "i", "b") may be what a file says that it takes, if it does.

    NumPy has no bfloat16.
    """
    if not dtype or dtype in HALVES:
        return not dtype or kind == "f"
    try:
        return np.dtype(dtype).kind == kind
    except TypeError:
        return True
