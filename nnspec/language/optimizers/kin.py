"""Kin of Adam: other corrections, signs, and norms of whole parameters."""

import math
from typing import Any, Literal

from pydantic import Field

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.schedules import LearningRate
from nnspec.layers.fields import Fraction, NotNegative, Positive

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""


class _Moments(Optimizer):
    """Base of those that remember the means of the gradient and of its square."""

    cycled = "beta_1"

    beta_1: Fraction = Field(default=0.9, description="Decay of the mean of the gradient.")
    beta_2: Fraction = Field(default=0.999, description="Decay of the mean of its square.")
    epsilon: Positive = Field(default=1e-8, description="Added to the root; as in PyTorch.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The means, m and v."""
        return ("mean", "square")


class Nadam(_Moments):
    """m, v as adam's; p -= lr · ((1-μₜ)/(1-Πₜ) · g + μₜ₊₁/(1-Πₜμₜ₊₁) · m) / (√v̂ + epsilon).

    μₜ = β₁ (1 - 0.96^(t · momentum_decay) / 2), Πₜ = μ₁ ⋯ μₜ: Dozat 2016, as torch.optim.NAdam.
    (Keras's has momentum_decay 1.)
    """

    type: Literal["nadam"] = "nadam"
    learning_rate: LearningRate = Field(default=0.002, description=RATE)
    momentum_decay: NotNegative = Field(default=0.004, description="How fast μ grows to β₁.")

    @property
    def scalars(self) -> tuple[str, ...]:
        """The product Π."""
        return ("mu_product",)

    def first(self, slot: str) -> float:
        """Return 1 for the product."""
        return 1.0 if slot == "mu_product" else 0.0

    def scalar_after(self, name: str, steps: int) -> float:
        """Return the product after so many steps."""
        numbers = range(1, steps + 1)
        return math.prod(self._mu(each, self.momentum_of(each - 1)) for each in numbers)

    def _mu(self, number: int, first: float) -> float:
        grown: float = 0.96 ** (number * self.momentum_decay)
        return first * (1 - grown / 2)

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        mean: Any = 0.0
        square: Any = 0.0
        product: float | None = None
        mu = self._mu

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal mean, square, product
            if product is None:
                product = self.scalar_after("mu_product", number - 1)
            first = self.momentum_of(number - 1)
            mean = first * mean + (1 - first) * gradient
            square = self.beta_2 * square + (1 - self.beta_2) * gradient**2
            product *= mu(number, first)
            root = (square / (1 - self.beta_2**number)) ** 0.5 + self.epsilon
            ahead = mu(number + 1, first)
            direct = (1 - mu(number, first)) / (1 - product) * gradient
            return parameter - rate * (direct + ahead / (1 - product * ahead) * mean) / root

        return step


ROWS["nadam"] = Nadam


class Radam(_Moments):
    """As adam where ρₜ > 5: p -= lr · rₜ · m̂ · √(1-β₂ᵗ) / (√v + epsilon); else p -= lr · m̂.

    ρ = 2/(1-β₂) - 1, ρₜ = ρ - 2tβ₂ᵗ/(1-β₂ᵗ), rₜ² = (ρₜ-4)(ρₜ-2)ρ / ((ρ-4)(ρ-2)ρₜ): Liu et al.
    2020, as torch.optim.RAdam.
    """

    type: Literal["radam"] = "radam"
    learning_rate: LearningRate = Field(default=0.001, description=RATE)

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        second = self.beta_2
        mean: Any = 0.0
        square: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal mean, square
            first = self.momentum_of(number - 1)
            mean = first * mean + (1 - first) * gradient
            square = second * square + (1 - second) * gradient**2
            left = 1 - second**number
            most = 2 / (1 - second) - 1
            length = most - 2 * number * second**number / left
            move = mean / (1 - first**number)
            if length > 5:
                rectified = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
                move = move * (rectified * left) ** 0.5 / (square**0.5 + self.epsilon)
            return parameter - rate * move

        return step


ROWS["radam"] = Radam


class Lion(Optimizer):
    """p -= learning_rate · sign(β₁ m + (1-β₁) g); then m = β₂ m + (1-β₂) g.

    Chen et al. 2023, as keras.optimizers.Lion; PyTorch has none.
    """

    cycled = "beta_1"

    type: Literal["lion"] = "lion"
    learning_rate: LearningRate = Field(default=0.0001, description=RATE)
    beta_1: Fraction = Field(default=0.9, description="Weight of the mean in a step.")
    beta_2: Fraction = Field(default=0.99, description="Decay of the mean of the gradient.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean m."""
        return ("mean",)

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        mean: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal mean
            first = self.momentum_of(number - 1)
            towards = first * mean + (1 - first) * gradient
            mean = self.beta_2 * mean + (1 - self.beta_2) * gradient
            return parameter - rate * ((towards > 0) * 1.0 - (towards < 0) * 1.0)

        return step


ROWS["lion"] = Lion


class Lamb(_Moments):
    """r = m̂ / (√v̂ + epsilon), m̂ and v̂ as adam's; p -= learning_rate · |p| / |r| · r.

    The ratio of the norms, over all of a parameter, is 1 where one of them is 0. You et al. 2020,
    as keras.optimizers.Lamb; PyTorch has none. (`decay` is taken of p before, and not part of r.)
    """

    type: Literal["lamb"] = "lamb"
    learning_rate: LearningRate = Field(default=0.001, description=RATE)
    epsilon: Positive = Field(default=1e-7, description="Added to √v̂; 1e-7 as in Keras.")

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        second = self.beta_2
        mean: Any = 0.0
        square: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal mean, square
            first = self.momentum_of(number - 1)
            mean = first * mean + (1 - first) * gradient
            square = second * square + (1 - second) * gradient**2
            root = (square / (1 - second**number)) ** 0.5 + self.epsilon
            move = mean / (1 - first**number) / root
            size, length = (parameter**2).sum() ** 0.5, (move**2).sum() ** 0.5
            ratio = size / length if size > 0 and length > 0 else 1.0
            return parameter - rate * ratio * move

        return step


ROWS["lamb"] = Lamb
