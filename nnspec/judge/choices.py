"""Outputs of whole numbers: the elements that differ, and how near their choice was.

A class is the place of the largest score. Where two scores lie nearer than rounding moves them, the
file and the spec may choose otherwise, and neither is wrong; elsewhere each element that differs is
a difference, however small the share of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from nnspec.verification.tolerance import SAFETY, largest

if TYPE_CHECKING:
    from nnspec.backend import Array

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The elements of an output that differ. when: on which inputs.

    decided: of those that differ, the ones that rounding may decide. margins: the least, the median
    and the largest of how far the two best scores are apart where it differs, relative to the
    largest score; None where no scores were found.
    """

    output: str
    when: str
    differing: int
    elements: int
    decided: int
    margins: tuple[float, float, float] | None

    def told(self) -> str:
        """Return it as a sentence."""
        share = 100 * self.differing / self.elements
        text = f'{self.differing:,} of {self.elements:,} elements of "{self.output}" differ on '
        text += f"{self.when} ({share:.2g} %)"
        if self.margins is None:
            text += "; the scores by which they are chosen were not found"
        else:
            least, median, most = self.margins
            text += f"; the two best scores lie {least:.1e} to {most:.1e} of the largest apart "
            text += f"there, {median:.1e} in the median"
        if self.decided:
            text += f"; rounding may decide {self.decided:,} of them"
        return f"{text}."

    def as_json(self) -> dict[str, Any]:
        """Return it as a report's JSON has it."""
        return {**asdict(self), "share": self.differing / self.elements, "told": self.told()}


class Scores(NamedTuple):
    """The place of what an output is chosen by: along which axis, and 1, or -1 for the smallest."""

    key: Any
    axis: int
    sign: float


class Scored(NamedTuple):
    """Scores, and the same as rounding moves them, several times."""

    array: Array
    moved: Sequence[Array]
    axis: int
    sign: float

    def ranked(self, array: Array) -> Array:
        """Return scores with their axis last, the best the largest."""
        return np.moveaxis(self.sign * array, self.axis, -1)


def is_whole(array: Array) -> bool:
    """Whether an array holds no floats."""
    return array.dtype.kind in "iub"


def kind_of(dtype: np.dtype[Any]) -> str:
    """Return what an array of a dtype holds, in words."""
    # NumPy calls bfloat16, which it does not have itself, a kind of raw bytes.
    names = {
        "b": "truth values",
        "i": "whole numbers",
        "u": "whole numbers",
        "c": "complex numbers",
    }
    return names.get(dtype.kind, "floats")


def floats_of(outputs: Mapping[str, Array]) -> dict[str, Array]:
    """Return the outputs that hold floats."""
    return {name: array for name, array in outputs.items() if not is_whole(array)}


def scores_of(output: Array, values: Iterable[tuple[K, Array]]) -> Scores | None:
    """Return the last value of which an output says where the largest, or smallest, elements are.

    values: in the order of computation, with what each is called by.
    """
    floats = [(key, array) for key, array in values if array.dtype.kind == "f"]
    for sign in (1.0, -1.0):
        for key, array in reversed(floats):
            for axis in range(1, array.ndim):
                left = (*array.shape[:axis], *array.shape[axis + 1 :])
                kept = (*array.shape[:axis], 1, *array.shape[axis + 1 :])
                if array.shape[axis] < 2 or output.shape not in (left, kept):
                    continue
                found = np.argmax(sign * array, axis=axis)
                if np.array_equal(found, output.reshape(found.shape)):
                    return Scores(key, axis, sign)
    return None


def sentences_of(found: Iterable[Disagreement], told: Iterable[str]) -> list[str]:
    """Return the sentences of what differs, but for those that these texts hold."""
    known = " ".join(told)
    return [each.told() for each in found if each.told() not in known]


def disagreement(
    output: str, when: str, theirs: Array, expected: Array, scored: Scored | None
) -> Disagreement | None:
    """Return how two outputs of one shape differ, or None where they do not."""
    differs = theirs != expected
    if not differs.any():
        return None
    count = int(differs.sum())
    if scored is None:
        return Disagreement(output, when, count, differs.size, 0, None)
    ranked = scored.ranked(scored.array)
    shape = ranked.shape[:-1]
    differs, theirs, expected = (each.reshape(shape) for each in (differs, theirs, expected))
    second, best = np.moveaxis(np.partition(ranked, -2, axis=-1)[..., -2:], -1, 0)
    chosen = np.where((theirs >= 0) & (theirs < ranked.shape[-1]), theirs, -1).astype(np.int64)
    gap = np.where(chosen >= 0, best - _at(ranked, chosen), np.inf)
    decided = differs & (gap <= 2 * _bound(scored)) & ~_always_tied(scored, chosen, expected)
    apart = np.sort((best - second)[differs]) / (largest(scored.array) or 1.0)
    margins = float(apart[0]), float(np.median(apart)), float(apart[-1])
    return Disagreement(output, when, count, differs.size, int(decided.sum()), margins)


def _at(ranked: Array, places: Array) -> Array:
    """Return the scores at these places."""
    found = np.take_along_axis(ranked, places[..., None], axis=-1)
    return np.asarray(found[..., 0])


def _bound(scored: Scored) -> Array:
    """Return how far rounding may move a score, by row."""
    rows = len(scored.array)
    moved = np.zeros(rows)
    for each in scored.moved:
        change = np.abs(each - scored.array).reshape(rows, -1)
        np.maximum(moved, change.max(axis=1, initial=0.0, where=np.isfinite(change)), out=moved)
    return SAFETY * moved.reshape(-1, *(1,) * (scored.array.ndim - 2))


def _always_tied(scored: Scored, chosen: Array, expected: Array) -> Array:
    """Return where two scores stay equal, however they are moved: of these the first is right."""
    tied = np.ones(chosen.shape, bool)
    for each in (scored.array, *scored.moved):
        ranked = scored.ranked(each)
        tied &= _at(ranked, chosen) == _at(ranked, expected.astype(np.int64))
    return tied
