"""Optimizers that came before Adam: signs, averages, and sums that begin at the first step."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.schedules import LearningRate, Schedule
from nnspec.layers.fields import Fraction, NotNegative, Positive

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""


class _OfOneRate(Optimizer):
    """Base of those whose state is made with one learning rate."""

    takes_schedule = False

    @model_validator(mode="after")
    def _has_no_schedule(self) -> Self:
        if isinstance(self.learning_rate, Schedule):
            raise PydanticCustomError(
                "wrong_value",
                "a learning_rate that is a number is expected: what it remembers is made with one",
            )
        return self


class Rprop(_OfOneRate):
    """s = s · grow where g keeps its sign, s · shrink where it turns; p -= sign(g) · s.

    Where g turns it counts as 0, in this step and as the sign that the next one looks at; s begins
    at learning_rate and stays within least and most. For gradients of all rows at once: Riedmiller
    and Braun 1993, as torch.optim.Rprop; Keras has none.
    """

    type: Literal["rprop"] = "rprop"
    learning_rate: LearningRate = Field(default=0.01, description="The first size of each step.")
    shrink: Positive = Field(default=0.5, lt=1, description="Factor of s where g turns.")
    grow: Positive = Field(default=1.2, gt=1, description="Factor of s where g keeps its sign.")
    least: Positive = Field(default=1e-6, description="The least s.")
    most: Positive = Field(default=50.0, description="The greatest s.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The gradient of the step before, and the sizes s."""
        return ("previous", "size")

    def first(self, slot: str) -> float:
        """Return the learning rate for the sizes."""
        return self.rate(0) if slot == "size" else 0.0

    def formula(self) -> Formula:
        """Return the formula of one parameter."""
        previous: Any = 0.0
        size: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal previous, size
            size = rate if number == 1 else size
            kept, turned = gradient * previous > 0, gradient * previous < 0
            size = size * (1 + kept * (self.grow - 1) + turned * (self.shrink - 1))
            size = size + (size < self.least) * (self.least - size)
            size = size + (size > self.most) * (self.most - size)
            previous = gradient * (1.0 - turned)
            return parameter - ((previous > 0) * 1.0 - (previous < 0) * 1.0) * size

        return step


ROWS["rprop"] = Rprop


class Asgd(Optimizer):
    """η = learning_rate / (1 + pull · learning_rate · (t-1))^power; p = (1 - pull · η) p - η g.

    Polyak and Juditsky 1992, the steps of torch.optim.ASGD, which also keeps a mean of p that it
    never uses: `training.average` is one that is used. Keras has none.
    """

    type: Literal["asgd"] = "asgd"
    learning_rate: LearningRate = Field(default=0.01, description=RATE)
    pull: NotNegative = Field(default=1e-4, description="PyTorch's lambd: how fast η falls.")
    power: NotNegative = Field(default=0.75, description="PyTorch's alpha: the power of the fall.")

    def formula(self) -> Formula:
        """Return the formula of one parameter."""

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            eta = rate / (1 + self.pull * rate * (number - 1)) ** self.power
            return (1 - self.pull * eta) * parameter - eta * gradient

        return step


ROWS["asgd"] = Asgd


class Ftrl(_OfOneRate):
    """n' = n + g²; z += g - (n'^-power - n^-power) / lr · p; p = (clip(z, ±l1) - z) / q.

    q = n'^-power / lr + beta / lr + 2 · ridge; n begins at initial_sum, z at 0. McMahan et al.
    2013, as keras.optimizers.Ftrl; PyTorch has none. A parameter whose gradients are 0 becomes 0.
    """

    type: Literal["ftrl"] = "ftrl"
    learning_rate: LearningRate = Field(default=0.001, description="Step size: a number.")
    power: float = Field(
        default=-0.5,
        strict=True,
        ge=-1,
        le=0,
        description="Of the sums; Keras's learning_rate_power.",
    )
    initial_sum: Positive = Field(default=0.1, description="What the sums of squares begin at.")
    l1: NotNegative = Field(default=0.0, description="Up to which a parameter is held at 0.")
    ridge: NotNegative = Field(default=0.0, description="Keras's l2_regularization_strength.")
    beta: Fraction = Field(default=0.0, description="Added to the sums' power.")

    @property
    def slots(self) -> tuple[str, ...]:
        """The sums n and z."""
        return ("sum", "linear")

    def first(self, slot: str) -> float:
        """Return the initial sum of squares."""
        return self.initial_sum if slot == "sum" else 0.0

    def formula(self) -> Formula:
        """Return the formula of one parameter, arrays of NumPy."""
        from numpy import expm1, log1p  # a check needs none

        total: Any = self.initial_sum
        linear: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal total, linear
            after = total + gradient**2
            # Of powers that are nearly equal, the difference keeps its digits so.
            change = total**-self.power * expm1(-self.power * log1p(gradient**2 / total))
            linear = linear + gradient - change / rate * parameter
            total = after
            near = linear + (linear > self.l1) * (self.l1 - linear)
            near = near + (linear < -self.l1) * (-self.l1 - linear)
            return (near - linear) / ((after**-self.power + self.beta) / rate + 2 * self.ridge)

        return step


ROWS["ftrl"] = Ftrl
