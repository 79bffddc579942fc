"""Schedules that only fall, once they are warm."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.schedules import Schedule, Steps, StepsOrNone, Warmed
from nnspec.language.schedules.lengths import are_known, require_at_most_peak
from nnspec.layers.fields import Flag, NotNegative, Positive

ROWS: dict[str, type[Schedule]] = {}
"""Those of this file: each row stands below its class."""


class Cosine(Schedule):
    """peak · t / warmup for t < warmup, then end + (peak - end) · (1 + cos(π · u)) / 2.

    u = min(1, (t - warmup) / (steps - warmup)): half a wave down, without restarts; Loshchilov and
    Hutter 2017. As Keras's CosineDecay with a warm-up from 0.
    """

    counted = ("warmup", "steps")

    schedule: Literal["cosine"] = "cosine"
    peak: Positive = Field(description="The highest rate.")
    steps: Steps = Field(description="Optimizer steps to the end, the warm-up among them.")
    warmup: StepsOrNone = Field(default=0, description="Steps of a rise from 0.")
    end: NotNegative = Field(default=0.0, description="The last rate.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if are_known(self.warmup, self.steps) and self.warmup >= self.steps:
            raise PydanticCustomError(
                "out_of_range",
                "warmup of fewer than its {steps} steps is expected, not {warmup}",
                {"steps": self.steps, "warmup": self.warmup},
            )
        require_at_most_peak("an end", self.end, self.peak)
        return self

    @property
    def base(self) -> float:
        """The peak."""
        return self.peak

    def at(self, step: int) -> float:
        """Return the learning rate of the step after so many."""
        if step < self.warmup:
            return self.peak * step / self.warmup
        progress = min(1.0, (step - self.warmup) / (self.steps - self.warmup))
        return self.end + (self.peak - self.end) * (1 + math.cos(math.pi * progress)) / 2


ROWS["cosine"] = Cosine


class Exponential(Warmed):
    """initial · factor^(t / steps); with `staircase` the exponent is a whole number, rounded down.

    A fall at once, by `staircase`, is the schedule `step` too.
    """

    counted = ("warmup", "steps")

    schedule: Literal["exponential"] = "exponential"
    initial: Positive = Field(description="The first rate.")
    factor: Annotated[float, Field(strict=True, gt=0, le=1)] = Field(
        description="What the rate is multiplied by."
    )
    steps: Steps = Field(description="Optimizer steps, as in the formula.")
    staircase: Flag = Field(default=False, description="Whether it falls in steps.")

    @property
    def base(self) -> float:
        """The first rate."""
        return self.initial

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        times = step // self.steps if self.staircase else step / self.steps
        return float(self.initial * self.factor**times)


ROWS["exponential"] = Exponential
