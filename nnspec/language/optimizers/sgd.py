"""Stochastic gradient descent."""

from typing import Any, Literal

from pydantic import Field

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.schedules import LearningRate
from nnspec.layers.fields import Flag, Fraction

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""


class Sgd(Optimizer):
    """b = momentum · b + g (b = g at the first step); p -= learning_rate · b.

    nesterov: p -= learning_rate · (g + momentum · b). As torch.optim.SGD; Sutskever et al. 2013.
    """

    type: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = Field(default=0.01, description=RATE)
    momentum: Fraction = Field(default=0.0, description="Weight of the past steps.")
    nesterov: Flag = Field(default=False, description="Whether the step looks ahead.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity b, where there is a momentum."""
        return ("velocity",) if self.momentum else ()

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        buffer: Any = None

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal buffer
            buffer = gradient if number == 1 else self.momentum * buffer + gradient
            move = gradient + self.momentum * buffer if self.nesterov else buffer
            return parameter - rate * move

        return step


ROWS["sgd"] = Sgd
