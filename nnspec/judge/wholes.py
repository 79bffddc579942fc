"""Tensors that hold no floats, by their names: weights as integers, tables, masks and counts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from nnspec.judge.likely import FLOATS
from nnspec.judge.ported import CLOSE, says_something
from nnspec.judge.wanted import COUNTER, plain_name
from nnspec.layers.shapes import show
from nnspec.verification.tolerance import tensor_error

if TYPE_CHECKING:
    from nnspec.backend import Array

COUNTS = frozenset((
    "count", "iteration", "iterations", "step", "steps", "global_step", "seed_generator_state",
))  # fmt: skip
"""Names of numbers that training moves on: which of them a network computes with is not known."""
SMALL = ("int8", "uint8", "int16", "uint16", "int4", "uint4")
"""Dtypes that weights are rounded to, and that no table of places needs."""


@dataclass(slots=True)
class Wholes:
    """Tensors of two files that are no floats, compared.

    compared, near: names of the first, of whole and of complex numbers. differing, misfits:
    sentences. unsure: what only one of the files has, and a program may make itself. unknown: what
    only one has, and may be a weight.
    """

    compared: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    near: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def compare_wholes(
    labels: tuple[str, str], files: tuple[Mapping[str, Array], Mapping[str, Array]],
    told: frozenset[str] | None = None,
) -> Wholes:  # fmt: skip
    """Compare the tensors of two files that are no floats.

    told: where the first file is a program, the names that it tells; of others, such as the shapes
    in an ONNX graph, weights alone count. None for two files of weights.
    """
    mine, theirs = (_wholes(each) for each in files)
    found = Wholes()
    pairs = dict(_pairs(mine, theirs))
    for name, other in pairs.items():
        one, two = mine[name], theirs[other]
        if np.array_equal(one.ravel(), two.ravel()):
            (found.near if one.dtype.kind == "c" else found.compared).append(name)
        elif _last(name) in COUNTS and one.size <= 2:
            found.unsure.append(f"{name}, a count that may be another")
        elif one.shape != two.shape:
            found.misfits.append(
                f"{name} is {show(one.shape)} in {labels[0]}, and {show(two.shape)} in {labels[1]}"
            )
        elif one.dtype.kind == two.dtype.kind == "c":
            found.near.append(name)
            if not (error := tensor_error(two, one)) <= CLOSE:
                told_off = f"off by up to {error:.2g} of its largest"
                found.differing.append(f"{name} is not {other}, but {told_off}")
        else:
            count = int(np.sum(one != two))
            found.compared.append(name)
            found.differing.append(f"{name} is not {other}: {count:,} of {one.size:,} numbers")
    lone = [(labels[1], labels[0], n, mine[n]) for n in mine if n not in pairs]
    used = set(pairs.values())
    lone += [(labels[0], labels[1], n, theirs[n]) for n in theirs if n not in used]
    for lacking, has, name, array in lone:
        if told is not None and has == labels[0] and name not in told and not _is_weight(array):
            continue
        sentence = f"{lacking} has no {name} {show(array.shape)} {array.dtype}"
        # What a program makes for itself is no weight that the other file lacks.
        is_own = told is not None and has == labels[0] and array.dtype.kind != "c"
        if str(array.dtype) in SMALL:
            may_be_made = not _is_weight(array) if told is not None else _is_plain(name, array)
            (found.unsure if may_be_made else found.misfits).append(sentence)
        elif is_own or _is_plain(name, array) or _is_table(array):
            found.unsure.append(sentence)
        else:
            found.unknown.append(f"{sentence}, which may be a weight")
    return found


def _wholes(tensors: Mapping[str, Array]) -> dict[str, Array]:
    """Return the tensors that are no floats, but for the counts that no output needs."""
    return {
        name: np.asarray(each)
        for name, each in tensors.items()
        if str(each.dtype) not in FLOATS and _last(name) != COUNTER
    }


def _pairs(mine: Mapping[str, Array], theirs: Mapping[str, Array]) -> Iterator[tuple[str, str]]:
    """Yield which are the same: by name, a wrapper's part aside, or by numbers held once."""
    names = {name: plain_name(name) for name in theirs}
    left = set(theirs)
    open_ = []
    for name in mine:
        plain = plain_name(name)
        exact = [each for each in left if names[each] == plain]
        alike = exact or [
            each for each in left
            if _is_part(plain, names[each]) and theirs[each].size == mine[name].size
        ]  # fmt: skip
        if len(alike) == 1:
            left.remove(alike[0])
            yield name, alike[0]
        else:
            open_.append(name)
    shapes = {mine[name].shape for name in open_} & {theirs[name].shape for name in left}
    own, others = (
        _by_numbers({name: of[name] for name in names if of[name].shape in shapes})
        for of, names in ((mine, open_), (theirs, left))
    )
    for key, names_of_one in own.items():
        equal = others.get(key, [])
        if len(equal) == len(names_of_one) == 1 and says_something(mine[names_of_one[0]]):
            yield names_of_one[0], equal[0]


def _by_numbers(tensors: Mapping[str, Array]) -> dict[object, list[str]]:
    """Return the names of tensors by what they hold, in whatever dtype of whole numbers."""
    found: dict[object, list[str]] = {}
    for name, array in tensors.items():
        kind = str(array.dtype)
        if array.dtype.kind in "iub":
            kind = ""
            least, most = int(array.min(initial=0)), int(array.max(initial=0))
            end = min(least, -1 - most) if least < 0 else most
            array = array.astype(np.min_scalar_type(end))
        held = hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()
        found.setdefault((array.shape, kind, held), []).append(name)
    return found


def _is_part(one: str, other: str) -> bool:
    return one.endswith(f".{other}") or other.endswith(f".{one}")


def _last(name: str) -> str:
    return plain_name(name).rpartition(".")[2]


def _is_weight(array: Array) -> bool:
    """Whether a tensor is one of weights, and no table, mask or shape."""
    return array.ndim > 1 and str(array.dtype) in SMALL and bool(array.max(initial=0) > 1)


def _is_table(array: Array) -> bool:
    """Whether numbers may be places or distances within a tensor as large, or turns of angles.

    Weights that are packed into whole numbers are larger, and so are those of sums.
    """
    if array.dtype.kind == "c":
        return bool(np.allclose(np.abs(array), 1.0))
    if array.dtype.kind not in "iu" or array.size < 2:
        return array.dtype.kind in "iub"
    return bool(-array.size < array.min() and array.max() < array.size)


def _is_plain(name: str, array: Array) -> bool:
    """Whether a tensor may be made anew by whoever needs it: a mask, places in order, a count."""
    if array.dtype.kind not in "iub" or _last(name) in COUNTS:
        return array.dtype.kind in "iub"
    if array.size == 0 or array.min() < 0:
        return array.size == 0
    if array.max() <= 1:
        return True
    steps = np.diff(array.astype("int64"), axis=-1)
    return array.ndim > 0 and steps.size > 0 and bool((steps == 1).all())
