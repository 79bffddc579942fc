"""Measurements of rows by several losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from nnspec.network.regularization import PENALTY

if TYPE_CHECKING:
    from nnspec.backend import Array, Measured, Positions


class Composed(Protocol):
    """A program of several losses, as far as its rows ask it."""

    model: Any

    @property
    def training(self) -> ModuleType: ...
    def precision(self) -> AbstractContextManager[None]: ...
    def named(self, given: Any) -> dict[str, Array]: ...
    def penalty(self) -> Tensor | float: ...
    def collected(self) -> AbstractContextManager[Sequence[Tensor]]: ...


def measurer(
    program: Composed, at: Callable[[Positions], list[Tensor]], inputs: int
) -> Callable[[Positions], Measured]:
    """Return what gives each loss and each output, by name, of the rows at given positions.

    at: gives their inputs, of which there are so many, and then their targets.
    """
    model, losses = program.model, program.training.losses
    model.eval()

    def measure(rows: Positions) -> Measured:
        given = at(rows)
        taken_of, collected = scores_of(model, "for_loss"), program.collected()
        with torch.no_grad(), program.precision(), taken_of as scores, collected as activity:
            outputs = model(*given[:inputs])
            found = losses(scores[0] if scores else outputs, *given[inputs:])
            added = {PENALTY: float(program.penalty() + sum(activity) / len(given[0]))}
        losses_found = {name: float(loss) for name, loss in found.items()}
        return {**losses_found, **added}, program.named(outputs)

    return measure


@contextmanager
def scores_of(model: Any, method: str) -> Iterator[list[Any]]:
    """Collect what a method gives within `forward`, which would else be computed twice."""
    compute, own = getattr(model, method, None), vars(model).get(method)
    found: list[Any] = []
    if compute is None:
        yield found
        return

    def kept(*given: Tensor) -> Any:
        found.append(compute(*given))
        return found[-1]

    setattr(model, method, kept)
    try:
        yield found
    finally:
        delattr(model, method)
        if own is not None:  # as torch.compile has made it
            setattr(model, method, own)
