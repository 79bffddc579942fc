"""Steps and measurements of rows that are held as tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from nnspec_torch.composed_rows import measurer, scores_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Measured, Positions, Target


class Trained(Protocol):
    """A program that is trained, as far as its rows ask it."""

    model: Any

    @property
    def trained(self) -> Any: ...
    @property
    def training(self) -> ModuleType: ...
    def precision(self) -> AbstractContextManager[None]: ...
    def named(self, given: Any) -> dict[str, Array]: ...
    def step(self, *rows: Tensor) -> Tensor: ...
    def tensors(self, inputs: Mapping[str, Array]) -> list[Tensor]: ...
    def goals(self, target: Target) -> list[Tensor]: ...
    def penalty(self) -> Tensor | float: ...
    def collected(self) -> AbstractContextManager[Sequence[Tensor]]: ...


class Rows:
    """Inputs and target of a program that is trained; arrays of NumPy are not copied."""

    def __init__(self, program: Trained, inputs: Mapping[str, Array], target: Target) -> None:
        self._program = program
        self._tensors = [*program.tensors(inputs), *program.goals(target)]
        self._inputs = len(inputs)

    def stepper(self) -> Callable[[Positions], float]:
        """Return what takes a step on the rows at given positions: the loss before it."""
        program = self._program
        program.trained.train()

        def take(rows: Positions) -> float:
            with program.precision():
                return float(program.step(*self._at(rows)))

        return take

    def measurer(self) -> Callable[[Positions], Measured]:
        """Return what gives the loss and the output of the rows at given positions."""
        program = self._program
        if hasattr(program.training, "losses"):
            return measurer(program, self._at, self._inputs)
        model, loss_function = program.model, program.training.loss_function
        model.eval()

        def measure(rows: Positions) -> Measured:
            taken = self._at(rows)
            given, goals = taken[: self._inputs], taken[self._inputs :]
            taken_of, collected = scores_of(model, "logits"), program.collected()
            with (
                torch.no_grad(),
                program.precision(),
                taken_of as scores,
                collected as activity,
            ):
                output = model(*given)
                loss = loss_function(scores[0] if scores else output, *goals)
                loss = loss + program.penalty() + sum(activity) / len(given[0])
            return float(loss), output.cpu().numpy()

        return measure

    def _at(self, rows: Positions) -> list[Tensor]:
        if isinstance(rows, slice):
            return [tensor[rows] for tensor in self._tensors]
        chosen = torch.from_numpy(rows).to(self._tensors[-1].device)
        return [tensor.index_select(0, chosen) for tensor in self._tensors]
