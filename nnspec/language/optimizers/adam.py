"""Adam and its kin."""

from typing import Any, Literal

from pydantic import Field

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.optimizers.groups import Amount
from nnspec.language.schedules import LearningRate
from nnspec.layers.fields import Flag, Fraction, Positive

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""


class Adam(Optimizer):
    """m = β₁ m + (1-β₁) g; v = β₂ v + (1-β₂) g²; p -= lr · m̂ / (√v̂ + epsilon).

    m̂ = m / (1-β₁ᵗ), v̂ = v / (1-β₂ᵗ): Kingma and Ba 2015, algorithm 1, as torch.optim.Adam.
    (Keras adds epsilon to √v before the correction, and its default is 1e-7.)
    """

    cycled = "beta_1"

    type: Literal["adam"] = "adam"
    learning_rate: LearningRate = Field(default=0.001, description=RATE)
    beta_1: Fraction = Field(default=0.9, description="Decay of the mean of the gradient.")
    beta_2: Fraction = Field(default=0.999, description="Decay of the mean of its square.")
    epsilon: Positive = Field(default=1e-8, description="Added to √v̂; 1e-8 as in PyTorch.")
    amsgrad: Flag = Field(
        default=False, description="Whether the largest v so far stands in v's place; Reddi 2018."
    )

    @property
    def slots(self) -> tuple[str, ...]:
        """The means, m and v, and the largest v."""
        return ("mean", "square", "largest") if self.amsgrad else ("mean", "square")

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        second = self.beta_2
        mean: Any = 0.0
        square: Any = 0.0
        largest: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal mean, square, largest
            first = self.momentum_of(number - 1)
            mean = first * mean + (1 - first) * gradient
            square = second * square + (1 - second) * gradient**2
            largest = square + (largest > square) * (largest - square) if self.amsgrad else square
            corrected = mean / (1 - first**number), largest / (1 - second**number)
            return parameter - rate * corrected[0] / (corrected[1] ** 0.5 + self.epsilon)

        return step


ROWS["adam"] = Adam


class AdamW(Adam):
    """Adam with decoupled decay: first p -= learning_rate · decay · p, then Adam's step.

    As torch.optim.AdamW; Loshchilov and Hutter 2019. (Keras's default decay is 0.004.)
    """

    type: Literal["adamw"] = "adamw"  # type: ignore[assignment]
    decay: Amount = Field(
        default=0.01, description="Decay of each parameter, times the rate; or {rate, of}."
    )


ROWS["adamw"] = AdamW


class Adamax(Optimizer):
    """m = β₁ m + (1-β₁) g; u = max(β₂ u, |g| + epsilon); p -= lr / (1-β₁ᵗ) · m / u.

    Kingma and Ba 2015, section 7.1, as torch.optim.Adamax. (Keras adds epsilon to u afterwards.)
    """

    cycled = "beta_1"

    type: Literal["adamax"] = "adamax"
    learning_rate: LearningRate = Field(default=0.002, description=RATE)
    beta_1: Fraction = Field(default=0.9, description="Decay of the mean of the gradient.")
    beta_2: Fraction = Field(default=0.999, description="Decay of its largest size.")
    epsilon: Positive = Field(default=1e-8, description="Added to |g|; 1e-8 as in PyTorch.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean m, and u."""
        return ("mean", "largest")

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        mean: Any = 0.0
        largest: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal mean, largest
            first = self.momentum_of(number - 1)
            mean = first * mean + (1 - first) * gradient
            size, past = abs(gradient) + self.epsilon, self.beta_2 * largest
            largest = (size + past + abs(size - past)) / 2  # of any arrays, the larger
            return parameter - rate / (1 - first**number) * mean / largest

        return step


ROWS["adamax"] = Adamax
