"""Steps and measurements of rows that are held as tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from nnspec.backend import Array, Positions


class Trained(Protocol):
    """A program that is trained, as far as its rows ask it."""

    model: Any

    @property
    def training(self) -> ModuleType: ...
    def precision(self) -> AbstractContextManager[None]: ...
    def step(self, *rows: Tensor) -> Tensor: ...
    def tensors(self, inputs: Mapping[str, Array]) -> list[Tensor]: ...
    def goal(self, target: Array) -> Tensor: ...


class Rows:
    """Inputs and target of a program that is trained; arrays of NumPy are not copied."""

    def __init__(self, program: Trained, inputs: Mapping[str, Array], target: Array) -> None:
        self._program = program
        self._tensors = [*program.tensors(inputs), program.goal(target)]

    def stepper(self) -> Callable[[Positions], float]:
        """Return what takes a step on the rows at given positions: the loss before it."""
        program = self._program
        program.model.train()

        def take(rows: Positions) -> float:
            with program.precision():
                return float(program.step(*self._at(rows)))

        return take

    def measurer(self) -> Callable[[Positions], tuple[float, Array]]:
        """Return what gives the loss and the output of the rows at given positions."""
        program = self._program
        model, loss_function = program.model, program.training.loss_function
        model.eval()

        def measure(rows: Positions) -> tuple[float, Array]:
            *given, target = self._at(rows)
            with torch.no_grad(), program.precision(), _scores_of(model) as scores:
                output = model(*given)
                loss = loss_function(scores[0] if scores else output, target)
            return float(loss), output.cpu().numpy()

        return measure

    def _at(self, rows: Positions) -> list[Tensor]:
        if isinstance(rows, slice):
            return [tensor[rows] for tensor in self._tensors]
        chosen = torch.from_numpy(rows).to(self._tensors[-1].device)
        return [tensor.index_select(0, chosen) for tensor in self._tensors]


@contextmanager
def _scores_of(model: Any) -> Iterator[list[Tensor]]:
    """Collect what `logits` gives within `forward`, which would else be computed twice."""
    compute = getattr(model, "logits", None)
    found: list[Tensor] = []
    if compute is None:
        yield found
        return

    def logits(*given: Tensor) -> Tensor:
        found.append(compute(*given))
        return found[-1]

    model.logits = logits
    try:
        yield found
    finally:
        del model.logits
