"""Adam and its kin."""

from typing import Any, Literal

from pydantic import Field

from nnspec.language.optimizers import RATE, Optimizer, Step
from nnspec.language.schedules import LearningRate
from nnspec.layers.fields import Fraction, Positive

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""


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


ROWS["adam"] = Adam
