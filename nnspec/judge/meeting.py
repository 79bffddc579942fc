"""Brings two files together: the same inputs for both, in the names and the layout of each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend.foreign import Described, Foreign, Given
from nnspec.errors import UsageError, printable
from nnspec.judge.facing import Face, Facing
from nnspec.support.causes import cause_of
from nnspec.support.streams import derived_seed

if TYPE_CHECKING:
    from nnspec.backend import Array

OPEN_SIZES = (5, 8, 16, 32, 64, 224)
"""Of axes whose size neither file says, the first with which both run."""
LARGEST_ID = 100_000


@dataclass(frozen=True, slots=True)
class Asked:
    """An input as it is drawn. shape: without the batch. below: what whole numbers are below."""

    shape: tuple[int, ...]
    dtype: str = ""
    below: int = 0


def asked_of(texts: Sequence[str]) -> dict[str, Asked]:
    """Read `NAME=SIZE,SIZE[:DTYPE[:BELOW]]`; raises UsageError."""
    found: dict[str, Asked] = {}
    for text in texts:
        name, is_there, rest = text.partition("=")
        shape, dtype, below = (*rest.split(":"), "", "")[:3]
        sizes = [each for each in shape.split(",") if each.strip()]
        is_right = is_there and all(each.strip().isdecimal() for each in sizes)
        if not is_right or dtype not in ("", "float32", "int64", "int32", "bool"):
            raise UsageError(
                f'--input "{printable(text)}" is not NAME=SIZES[:DTYPE[:BELOW]] without the '
                "batch, as image=3,32,32 or ids=20:int64:1000"
            )
        if below and not below.isdecimal():
            raise UsageError(f'--input "{printable(text)}": BELOW is a whole number')
        found[name.strip()] = Asked(tuple(map(int, sizes)), dtype, int(below or 0))
    return found


@dataclass(slots=True)
class Side:
    """One of the two files."""

    label: str
    foreign: Foreign
    described: Described
    facing: Facing

    @property
    def dtype(self) -> str:
        """In which it computes."""
        return self.facing.dtype


@dataclass(slots=True)
class Meeting:
    """Two files that were asked alike.

    left: of each, the inputs that were left at their defaults.
    """

    sides: tuple[Side, Side]
    inputs: dict[str, Array]
    left: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def dtype(self) -> str:
        """The less exact of the dtypes in which the two compute."""
        return min((each.dtype for each in self.sides), key=lambda name: np.dtype(name).itemsize)


def meet(
    labels: tuple[str, str],
    files: tuple[Foreign, Foreign],
    asked: Mapping[str, Asked],
    *,
    batch: int,
    seed: int,
) -> Meeting:
    """Find inputs that both files take, and how each has them; raises UsageError if none is.

    Of the inputs that have a default, those are fed that are asked for, or that the other needs.
    """
    whole = (files[0].describe(), files[1].describe())
    refuse_unknown(asked, whole, labels)
    described = (_taking(whole[0], whole[1], asked), _taking(whole[1], whole[0], asked))
    _refuse_single(asked, described, labels)
    frame = _frame(described, labels, asked)
    # Where one needs more than the other is fed, all that the other has is what it needs.
    most = len(described[frame].inputs)
    known = [
        each if len(mine.inputs) < most == len(each.inputs) else mine
        for mine, each in zip(described, whole, strict=True)
    ]
    other = 1 - frame
    error: UsageError | None = None
    for inputs in _drawn(described[frame], described[other], asked, batch, seed):
        try:
            given = _outputs(files[frame], inputs, labels[frame])
        except UsageError as wrong:
            error = error or wrong
            continue
        shapes = {name: (0, *array.shape[1:]) for name, array in given.items()}
        face = Face(tuple(inputs), tuple(given), shapes, labels[frame])
        try:
            faced = [Facing(face, files[i], known[i], labels[i], inputs) for i in range(2)]
        except UsageError as wrong:
            error = error or wrong
            continue
        # Described anew: some files hold nothing before they run.
        first, second = (Side(labels[i], files[i], files[i].describe(), faced[i]) for i in range(2))
        left = [_left(mine, each) for mine, each in zip(whole, faced, strict=True)]
        return Meeting((first, second), inputs, (left[0], left[1]))
    raise error or UsageError(f"{labels[frame]} takes nothing")


def refuse_unknown(
    asked: Mapping[str, Asked], described: Sequence[Described], labels: Sequence[str]
) -> None:
    """Raise UsageError for an input that is asked for and that no file has."""
    known = list(dict.fromkeys(each.name for one in described for each in one.inputs))
    for name in asked:
        if name not in known:
            who = " and ".join(dict.fromkeys(labels))
            raise UsageError(
                f'--input "{printable(name)}": the inputs of {who} are {", ".join(known)}'
            )


def _refuse_single(
    asked: Mapping[str, Asked], described: tuple[Described, Described], labels: tuple[str, str]
) -> None:
    """Raise UsageError for an input with a default that is asked for, and that one file lacks."""
    names = [{each.name for each in one.inputs} for one in described]
    if len(names[0]) == len(names[1]):
        return
    for i, one in enumerate(described):
        for each in one.inputs:
            if not each.is_needed and each.name in asked and each.name not in names[1 - i]:
                raise UsageError(
                    f'--input "{printable(each.name)}": {labels[i]} has it, and {labels[1 - i]} '
                    f"takes {', '.join(sorted(names[1 - i]))}"
                )


def _left(whole: Described, facing: Facing) -> tuple[str, ...]:
    return tuple(each.name for each in whole.inputs if each.name not in facing.fed)


def _outputs(foreign: Foreign, inputs: Mapping[str, Array], label: str) -> dict[str, Array]:
    try:
        return foreign.run(inputs)
    except Exception as error:
        raise UsageError(f"{label} does not run: {cause_of(error)}") from error


def _frame(
    described: tuple[Described, Described], labels: tuple[str, str], asked: Mapping[str, Asked]
) -> int:
    """Return the file that says what it takes, in whose names and layout inputs are drawn."""
    for i in sorted((0, 1), key=lambda which: -len(described[which].inputs)):
        needed = described[i].inputs
        if needed and all(one.name in asked or one.shape is not None for one in needed):
            return i
    names = ", ".join(each.name for each in described[0].inputs)
    raise UsageError(
        f"neither {labels[0]} nor {labels[1]} says the shapes of its inputs ({names}): add "
        "--input NAME=SIZES, without the batch, as image=3,32,32 or ids=20:int64:1000"
    )


def _taking(described: Described, other: Described, asked: Mapping[str, Asked]) -> Described:
    """Return a file with the inputs that it is fed: those needed by either, and those asked for."""
    names = asked.keys() | {each.name for each in other.inputs if each.is_needed}
    fed = tuple(each for each in described.inputs if each.is_needed or each.name in names)
    return replace(described, inputs=fed or described.inputs)


def _drawn(
    mine: Described, theirs: Described, asked: Mapping[str, Asked], batch: int, seed: int
) -> Iterator[dict[str, Array]]:
    """Yield inputs that both may take: of more sizes and kinds where neither says which."""
    needed, others = mine.inputs, theirs.inputs
    by_name = {each.name: each for each in others}
    own = {each.name for each in needed}
    unlike = iter([each for each in others if each.name not in own])
    pairs = [(each, by_name.get(each.name) or next(unlike, None)) for each in needed]
    shapes: list[tuple[int | None, ...]] = []
    kinds: list[tuple[str, ...]] = []
    limits: list[tuple[int, ...]] = []
    for each, other in pairs:
        said = asked.get(each.name)
        lent = asked.get(other.name) if other is not None and said is None else None
        if lent is not None and other is not None and other.shape is None:
            other = replace(other, shape=(None, *lent.shape))
        shape = (None, *said.shape) if said else each.shape or (None,)
        shapes.append(_filled(shape, other))
        found = (one.dtype for one in (said, each, lent, other) if one is not None and one.dtype)
        dtype = next(found, "")
        kinds.append((dtype,) if dtype else ("float32", "int64"))
        below = (said or lent or Asked(())).below
        limits.append((below,) if below else _limits(mine, theirs))
    is_open = any(size is None for shape in shapes for size in shape[1:])
    for size in OPEN_SIZES if is_open else OPEN_SIZES[:1]:
        for chosen in itertools.product(*kinds):
            has_ids = any(np.dtype(kind).kind in "iu" for kind in chosen)
            largest = max(map(len, limits), default=1) if has_ids else 1
            for at in range(largest):
                yield {
                    each.name: _array(
                        [batch if i == 0 and axis is None else axis or size
                         for i, axis in enumerate(shape)],
                        kind, limit[min(at, len(limit) - 1)], derived_seed("pair", seed, each.name),
                    )
                    for (each, _), shape, kind, limit in zip(
                        pairs, shapes, chosen, limits, strict=True
                    )
                }  # fmt: skip


def _filled(shape: Sequence[int | None], other: Given | None) -> tuple[int | None, ...]:
    """Return a shape with the sizes that only the other file says."""
    if other is None or other.shape is None or len(other.shape) != len(shape):
        return tuple(shape)
    both = [*zip(shape, other.shape, strict=True)]
    if any(None not in each and each[0] != each[1] for each in both[1:]):
        return tuple(shape)  # it has its axes in another order
    return tuple(mine if mine is not None else theirs for mine, theirs in both)


def _limits(mine: Described, theirs: Described) -> tuple[int, ...]:
    """Return what whole numbers may have to be below: the lengths of tables, the largest first."""
    lengths = {
        each.shape[0]
        for described in (mine, theirs)
        for each in described.held
        if len(each.shape) == 2 and each.shape[0] <= LARGEST_ID
    }
    return (*sorted(lengths | {2}, reverse=True),)


def _array(shape: Sequence[int], dtype: str, below: int, seed: int) -> Array:
    draw = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    if kind == "b":
        return draw.integers(0, 2, shape).astype(bool)
    if kind in "iu":
        found = draw.integers(0, below, shape).astype(dtype)
        if math.prod(shape):
            found.flat[0] = below - 1  # so that a table that is shorter shows at once
        return found
    return draw.normal(size=shape).astype(dtype)
