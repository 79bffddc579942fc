"""The optimizers of the spec language, and the table from `type` to class."""

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from nnspec.language.schedules import LearningRate, Schedule
from nnspec.layers.fields import Flag, Fraction, Frozen, Positive

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

    def steps(self) -> Step | None:
        """Return the formula as steps of one parameter, which remember what they need.

        A verification follows each source by it; None where there is none to follow.
        """
        return None


OPTIMIZERS: dict[str, type[Optimizer]] = {}
"""The optimizers by `type`: each row stands below its class."""


class Sgd(Optimizer):
    """b = momentum · b + g (b = g at the first step); p -= learning_rate · b.

    nesterov: p -= learning_rate · (g + momentum · b). As torch.optim.SGD; Sutskever et al. 2013.
    """

    type: Literal["sgd"] = "sgd"
    learning_rate: LearningRate = Field(default=0.01, description=RATE)
    momentum: Fraction = Field(default=0.0, description="Weight of the past steps.")
    nesterov: Flag = Field(default=False, description="Whether the step looks ahead.")

    def steps(self) -> Step:
        """Return the formula as steps of one parameter."""
        buffer: Any = None

        def step(parameter: Any, gradient: Any, number: int) -> Any:
            nonlocal buffer
            buffer = gradient if number == 1 else self.momentum * buffer + gradient
            move = gradient + self.momentum * buffer if self.nesterov else buffer
            return parameter - self.rate(number - 1) * move

        return step


OPTIMIZERS["sgd"] = Sgd


class Adam(Optimizer):
    """m = β₁ m + (1-β₁) g; v = β₂ v + (1-β₂) g²; p -= lr · m̂ / (√v̂ + epsilon).

    m̂ = m / (1-β₁ᵗ), v̂ = v / (1-β₂ᵗ): Kingma and Ba 2015, algorithm 1, as torch.optim.Adam.
    (Keras adds epsilon to √v before the correction, and its default is 1e-7.)
    """

    type: Literal["adam"] = "adam"
    learning_rate: LearningRate = Field(default=0.001, description=RATE)
    beta_1: Fraction = Field(default=0.9, description="Decay of the mean of the gradient.")
    beta_2: Fraction = Field(default=0.999, description="Decay of the mean of its square.")
    epsilon: Positive = Field(default=1e-8, description="Added to √v̂; 1e-8 as in PyTorch.")

    def steps(self) -> Step:
        """Return the formula as steps of one parameter."""
        first, second = self.beta_1, self.beta_2
        mean: Any = 0.0
        square: Any = 0.0

        def step(parameter: Any, gradient: Any, number: int) -> Any:
            nonlocal mean, square
            mean = first * mean + (1 - first) * gradient
            square = second * square + (1 - second) * gradient**2
            corrected = mean / (1 - first**number), square / (1 - second**number)
            change = corrected[0] / (corrected[1] ** 0.5 + self.epsilon)
            return parameter - self.rate(number - 1) * change

        return step


OPTIMIZERS["adam"] = Adam
