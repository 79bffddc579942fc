"""Asks whether a bias that no layer of a file seems to add is one of the tensors left over."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Foreign, Held, Trace
from nnspec.errors import NnspecError
from nnspec.judge.found import Walked
from nnspec.judge.ours import Ours
from nnspec.judge.sources import Source, sources
from nnspec.support.causes import Told
from nnspec.support.streams import derived_seed

if TYPE_CHECKING:
    from nnspec.backend import Array

ASKED = 60
"""Runs of the file, at most."""
SIZE = 0.25
"""Of the numbers that are given to a tensor and to a bias."""


def left_over(found: Walked, held: Iterable[Held], trace: Trace) -> list[Held]:
    """Return the tensors that the file computes with, and no proven parameter is taken from."""
    proven = [found.sources[name] for name in found.proven & found.sources.keys()]
    taken = {tensor for each in proven for tensor in (each.tensor, each.added)}
    taking = {tensor for step in trace.steps for tensor in step.tensors}
    return [each for each in held if each.name in taking - taken]


def spared(
    ours: Ours, foreign: Foreign, names: Sequence[str], left: Sequence[Held],
    agrees: Callable[[], bool],
) -> tuple[dict[str, Source], list[str]]:  # fmt: skip
    """Return the tensors that are such biases, and the names of which that could not be asked.

    A tensor is a bias if the two still agree once both have other numbers in its place. names: of
    biases that a file seems to lack, with which the two agree. left: tensors that no parameter is
    taken from. agrees: whether the two do, with the weights that both have.
    """
    found: dict[str, Source] = {}
    unasked: list[str] = []
    before, mine = foreign.weights(), ours.weights
    asked = 0
    for name in names:
        shape = mine[name].shape
        fitting = [each for each in left if math.prod(each.shape) == math.prod(shape)]
        asked += len(fitting)
        if asked > ASKED:
            unasked.append(name)
            continue
        for each in fitting:
            source = next(sources(shape, each), None)
            if source is None or any(each.name == other.tensor for other in found.values()):
                continue
            drawn = _drawn(name, before[each.name])
            tensors: Mapping[str, Array] = {**before, each.name: drawn}
            try:
                foreign.load({each.name: drawn})
                ours.weights = {**mine, name: np.asarray(source.of(tensors), "float64")}
                if agrees():
                    found[name] = source
                    break
            except (NnspecError, Told):
                continue  # it is no bias, if the file does not run with it
            finally:
                foreign.load({each.name: before[each.name]})
                ours.weights = mine
    return found, unasked


def _drawn(name: str, array: Array) -> Array:
    draw = np.random.default_rng(derived_seed("spared", 0, name))
    return np.asarray(SIZE * draw.normal(size=array.shape), "float32").astype(array.dtype)
