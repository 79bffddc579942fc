"""Stochastic gradient descent."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.schedules import LearningRate
from nnspec.layers.fields import Flag, Fraction

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""


class Sgd(Optimizer):
    """b = momentum · b + (1 - dampening) · g (b = g at the first step); p -= learning_rate · b.

    nesterov: p -= learning_rate · (g + momentum · b). As torch.optim.SGD; Sutskever et al. 2013.
    """

    cycled = "momentum"

    type: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = Field(default=0.01, description=RATE)
    momentum: Fraction = Field(default=0.0, description="Weight of the past steps.")
    nesterov: Flag = Field(default=False, description="Whether the step looks ahead.")
    dampening: Fraction = Field(default=0.0, description="What is left out of each gradient in b.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.dampening and (self.nesterov or not self.has_momentum):
            raise PydanticCustomError(
                "wrong_value",
                "dampening is expected with a momentum, and without nesterov",
            )
        return self

    @property
    def has_momentum(self) -> bool:
        """Whether a step remembers those before."""
        return bool(self.momentum) or self.cycles_momentum

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity b, where there is a momentum."""
        return ("velocity",) if self.has_momentum else ()

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        buffer: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal buffer
            momentum = self.momentum_of(number - 1)
            taken = gradient * (1 - self.dampening) if self.dampening else gradient
            buffer = gradient if number == 1 else momentum * buffer + taken
            move = gradient + momentum * buffer if self.nesterov else buffer
            return parameter - rate * move

        return step


ROWS["sgd"] = Sgd
