"""Optimizers that need no schedule: they step around an average of the weights."""

from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field

from nnspec.language.optimizers import RATE, Formula, Optimizer
from nnspec.language.optimizers.groups import Settings
from nnspec.language.schedules import LearningRate, Schedule
from nnspec.layers.fields import Fraction, Positive

ROWS: dict[str, type[Optimizer]] = {}
"""Those of this file: each row stands below its class."""

Share = Annotated[float, Field(strict=True, gt=0, lt=1)]


class ScheduleFreeAdamW(Optimizer):
    """z -= learning_rate · (g / (√v̂ + epsilon) + decay · p); x += c · (z - x); p = (1-β₁) z + β₁ x.

    v̂ as adam's, z and x begin as p, c is the square of the rate over the sum of those so far. What
    is measured, kept as the best and exported has the average x for p. Defazio et al. 2024,
    algorithm 1, as schedulefree.AdamWScheduleFree at a constant rate.
    """

    holds_decay = True
    keeps_average = True

    type: Literal["schedule_free_adamw"] = "schedule_free_adamw"
    learning_rate: LearningRate = Field(default=0.0025, description=RATE)
    beta_1: Share = Field(default=0.9, description="How near p is to the average x.")
    beta_2: Fraction = Field(default=0.999, description="Decay of the mean of g².")
    epsilon: Positive = Field(default=1e-8, description="Added to √v̂.")

    @property
    def slots(self) -> tuple[str, ...]:
        """z, and the mean v."""
        return ("base", "square")

    @property
    def begin_as_parameters(self) -> tuple[str, ...]:
        """Z."""
        return ("base",)

    @property
    def scalars(self) -> tuple[str, ...]:
        """The sum of the squares of the rates."""
        return ("weight_sum",)

    def scalar_after(self, name: str, steps: int) -> float:
        """Return the sum of the squares of the rates of so many steps."""
        return _weight_sum(self, steps)

    def formula_of(self, own: Settings) -> Formula:
        """Return the formula of one parameter, which also tells its average."""
        base: Any = None
        average: Any = None
        square: Any = 0.0
        total = 0.0

        def step(parameter: Any, gradient: Any, number: int, rate: float) -> Any:
            nonlocal base, average, square, total
            if base is None:
                base, average = parameter, parameter
                total = self.scalar_after("weight_sum", number - 1)
            square = self.beta_2 * square + (1 - self.beta_2) * gradient**2
            move = gradient / ((square / (1 - self.beta_2**number)) ** 0.5 + self.epsilon)
            # A group's rate is a multiple: of its own squares the share is the same.
            weight = self.rate(number - 1) ** 2
            total += weight
            base = base - rate * (move + own.decay * parameter)
            average = average + (weight / total if total else 0.0) * (base - average)
            return (1 - self.beta_1) * base + self.beta_1 * average

        vars(step)["average"] = lambda: average
        return step

    def formula(self) -> Formula:
        """Return the formula of a parameter without a decay."""
        return self.formula_of(Settings())


@lru_cache(maxsize=16)
def _weight_sum(optimizer: Optimizer, steps: int) -> float:
    if not isinstance(optimizer.learning_rate, Schedule):
        return steps * optimizer.learning_rate**2
    return sum(optimizer.rate(step) ** 2 for step in range(steps))


ROWS["schedule_free_adamw"] = ScheduleFreeAdamW
