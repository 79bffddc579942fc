"""Optimizers that scale each step by the squares of the gradients before."""

from typing import Any, Literal

from pydantic import Field

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.schedules import LearningRate
from nnspec.layers.fields import Fraction, NotNegative, Positive

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""


class RmsProp(Optimizer):
    """v = rho · v + (1 - rho) · g²; b = momentum · b + g / (√v + epsilon); p -= learning_rate · b.

    As torch.optim.RMSprop; Tieleman and Hinton 2012. (Keras adds epsilon under the root, and its
    default rho is 0.9.)
    """

    type: Literal["rms_prop"] = "rms_prop"
    learning_rate: LearningRate = Field(default=0.001, description=RATE)
    rho: Fraction = Field(default=0.99, description="Decay of the mean of the squared gradient.")
    epsilon: Positive = Field(default=1e-8, description="Added to √v; 1e-8 as in PyTorch.")
    momentum: Fraction = Field(default=0.0, description="Weight of the past steps.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean v, and b where there is a momentum."""
        return ("square", "velocity") if self.momentum else ("square",)

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        square: Any = 0.0
        buffer: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal square, buffer
            square = self.rho * square + (1 - self.rho) * gradient**2
            buffer = self.momentum * buffer + gradient / (square**0.5 + self.epsilon)
            return parameter - rate * buffer

        return step


ROWS["rms_prop"] = RmsProp


class Adagrad(Optimizer):
    """s = initial_sum + Σ g² of all steps; p -= learning_rate · g / (√s + epsilon).

    As torch.optim.Adagrad; Duchi et al. 2011. (Keras adds epsilon under the root, and begins at
    0.1.)
    """

    type: Literal["adagrad"] = "adagrad"
    learning_rate: LearningRate = Field(default=0.01, description=RATE)
    initial_sum: NotNegative = Field(default=0.0, description="What the sum of squares begins at.")
    epsilon: Positive = Field(default=1e-10, description="Added to √s; 1e-10 as in PyTorch.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The sum s."""
        return ("sum",)

    def first(self, slot: str) -> float:
        """Return the initial sum."""
        return self.initial_sum

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        total: Any = self.initial_sum

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal total
            total = total + gradient**2
            return parameter - rate * gradient / (total**0.5 + self.epsilon)

        return step


ROWS["adagrad"] = Adagrad
