"""The targets that a loss takes, where these are not those of the task."""

from __future__ import annotations

import math
from typing import NamedTuple

from nnspec.language.losses import Loss
from nnspec.layers.shapes import Dim, Shape


class Wanted(NamedTuple):
    """The numbers that a row's target may hold, and its shape.

    among: the only numbers that it may hold, where they are few. but: a number between `least` and
    `most` that it may not hold. also: a number outside of them that it may hold as well, which
    counts for nothing. shared: the axis along which they sum to 1. is_padded: whether the rows may
    have any number of them, `also` filling up the shorter ones.
    """

    shape: Shape
    least: float = -math.inf
    most: float = math.inf
    among: tuple[int, ...] = ()
    but: int | None = None
    also: int | None = None
    is_whole: bool = False
    shared: int | None = None
    is_padded: bool = False

    @property
    def told(self) -> str:
        """Its numbers in words."""
        if self.among:
            *first, last = self.among
            return f"{', '.join(map(str, first))} or {last}"
        number = "a whole number" if self.is_whole else "a number"
        if math.isinf(self.most):
            told = number if math.isinf(self.least) else f"{number} of at least {self.least:g}"
        else:
            told = f"{number} from {self.least:g} to {self.most:g}"
        if self.but is not None:
            told += f" but {self.but}"
        if self.also is not None:
            told += f", or {self.also} to fill up" if self.is_padded else f", or {self.also}"
        return told

    @property
    def is_discrete(self) -> bool:
        """Whether it holds classes, or yes and no."""
        return self.is_whole or bool(self.among)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The whole numbers that it may hold and that count, where they are few."""
        if self.among:
            return self.among
        return tuple(n for n in range(int(self.least), int(self.most) + 1) if n != self.but)


def wanted(loss: Loss, output: Shape) -> tuple[Wanted, ...]:
    """Return what the loss takes of an output of this shape: any of these, or of none the task's.

    The batch is not counted.
    """
    axis, rank = loss.class_axis, len(output)
    is_last = not rank or axis % rank == rank - 1
    also = None if loss.ignored is None else int(loss.ignored)
    takes = loss.takes
    if not takes:
        if loss.leaves_out == "softmax" and not (is_last and also is None):
            classes = _classes(loss, output, also)
            dense = Wanted(output, 0, 1, shared=axis)
            return (classes, dense) if also is None else (classes,)
        if loss.leaves_out == "sigmoid" and also is not None:
            return (Wanted(output, 0, 1, also=also),)
        return ()
    if takes == "classes":
        return (_classes(loss, output, also),)
    if takes == "labels":
        count, blank, padding = _count(output[-1]), *_of_labels(loss)
        return (
            Wanted(
                ("labels",), 0, count - 1, but=blank, also=padding, is_whole=True, is_padded=True
            ),
        )
    if takes == "halves":
        return (Wanted((*output[:-1], _half(output))),)
    return (
        {
            "numbers": Wanted(output),
            "distribution": Wanted(output, 0, 1, shared=-1),
            "shares": Wanted(output, 0, 1),
            "answers": Wanted(output, among=(0, 1)),
            "signs": Wanted(output, among=(-1, 0, 1)),
            "sign": Wanted(loss.compared(output), among=(-1, 0, 1)),
            "amounts": Wanted(output, 0),
            "nothing": Wanted(()),
        }[takes],
    )


def _classes(loss: Loss, output: Shape, also: int | None) -> Wanted:
    axis = loss.class_axis % len(output)
    rest = (*output[:axis], *output[axis + 1 :])
    return Wanted(rest, 0, _count(output[axis]) - 1, also=also, is_whole=True)


def _of_labels(loss: Loss) -> tuple[int, int]:
    from nnspec.language.losses.alignment import Ctc

    assert isinstance(loss, Ctc)
    return loss.blank, loss.padding


def _count(size: Dim) -> float:
    return size if isinstance(size, int) else math.inf


def _half(output: Shape) -> Dim:
    size = output[-1]
    return size // 2 if isinstance(size, int) else f"({size})/2"
