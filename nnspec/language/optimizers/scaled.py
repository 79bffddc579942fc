"""Optimizers that scale each step by the squares of the gradients before."""

from typing import Any, Literal

from pydantic import Field

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.schedules import LearningRate
from nnspec.layers.fields import Flag, Fraction, NotNegative, Positive

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""


class RmsProp(Optimizer):
    """v = rho · v + (1 - rho) · g²; b = momentum · b + g / (√v + epsilon); p -= learning_rate · b.

    centered: v - c² in v's place, c = rho · c + (1 - rho) · g. As torch.optim.RMSprop; Tieleman and
    Hinton 2012. (Keras adds epsilon under the root, and its default rho is 0.9.)
    """

    cycled = "momentum"

    type: Literal["rms_prop"] = "rms_prop"
    learning_rate: LearningRate = Field(default=0.001, description=RATE)
    rho: Fraction = Field(default=0.99, description="Decay of the mean of the squared gradient.")
    epsilon: Positive = Field(default=1e-8, description="Added to √v; 1e-8 as in PyTorch.")
    momentum: Fraction = Field(default=0.0, description="Weight of the past steps.")
    centered: Flag = Field(default=False, description="Whether the variance stands in v's place.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean v, and b and c where they are needed."""
        velocity = ("velocity",) if self.momentum or self.cycles_momentum else ()
        return ("square", *velocity, *(("mean",) if self.centered else ()))

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        square: Any = 0.0
        buffer: Any = 0.0
        mean: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal square, buffer, mean
            square = self.rho * square + (1 - self.rho) * gradient**2
            mean = self.rho * mean + (1 - self.rho) * gradient
            spread = square - mean**2 if self.centered else square
            buffer = self.momentum_of(number - 1) * buffer + gradient / (spread**0.5 + self.epsilon)
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


class Adadelta(Optimizer):
    """v = rho · v + (1-rho) g²; d = √(u + epsilon) / √(v + epsilon) · g; p -= learning_rate · d.

    Then u = rho · u + (1 - rho) · d²: Zeiler 2012, as torch.optim.Adadelta and
    keras.optimizers.Adadelta, whose defaults are a rate of 0.001 and rho 0.95.
    """

    type: Literal["adadelta"] = "adadelta"
    learning_rate: LearningRate = Field(default=1.0, description=RATE)
    rho: Fraction = Field(default=0.9, description="Decay of both means.")
    epsilon: Positive = Field(default=1e-6, description="Added to both means, under the roots.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The means, v and u."""
        return ("square", "change")

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        square: Any = 0.0
        change: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal square, change
            square = self.rho * square + (1 - self.rho) * gradient**2
            move = ((change + self.epsilon) / (square + self.epsilon)) ** 0.5 * gradient
            change = self.rho * change + (1 - self.rho) * move**2
            return parameter - rate * move

        return step


ROWS["adadelta"] = Adadelta
