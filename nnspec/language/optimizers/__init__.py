"""The optimizers of the spec language, and the table from `type` to class."""

from collections.abc import Callable
from typing import Any

from nnspec.language.schedules import LearningRate, Schedule
from nnspec.layers.fields import Frozen
from nnspec.layers.registry import RowsOfFiles

RATE = "Step size: a number, or a schedule such as {schedule: cosine, peak: 0.001, steps: 1000}."


Step = Callable[[Any, Any, int], Any]
"""(parameter, its gradient, number of the step from 1) -> the parameter afterwards; arrays."""


class Optimizer(Frozen):
    """Base of the optimizers; g is the gradient, p the parameter, t counts steps from 1."""

    type: str
    learning_rate: LearningRate

    def rate(self, step: int) -> float:
        """Return the learning rate of the step after so many."""
        if isinstance(self.learning_rate, Schedule):
            return self.learning_rate.at(step)
        return self.learning_rate

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the arrays that it remembers of each parameter."""
        return ()

    def first(self, slot: str) -> float:
        """Return what each element of a slot begins at."""
        return 0.0

    def steps(self) -> Step | None:
        """Return the formula as steps of one parameter, which remember what they need.

        A verification follows each source by it; None where there is none to follow.
        """
        return None


OPTIMIZERS: RowsOfFiles[Optimizer] = RowsOfFiles(__name__, "adam", "sgd", "scaled")
"""The optimizers by `type`, from the files of this folder, what most specs use first."""
