"""Schedules that go one way, or in jumps; each may be warmed up."""

import itertools
import math
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.schedules import Steps, Warmed
from nnspec.language.schedules.lengths import are_known
from nnspec.layers.fields import Flag, NotNegative, Positive

ROWS: dict[str, type[Warmed]] = {}
"""Those of this file: each row stands below its class."""

Factor = Annotated[float, Field(strict=True, gt=0, le=1)]
Turns = Annotated[tuple[Steps, ...], Field(strict=False, min_length=1)]


class Constant(Warmed):
    """initial, ever after the warm-up."""

    counted = ("warmup",)

    schedule: Literal["constant"] = "constant"
    initial: Positive = Field(description="The first rate.")

    @property
    def base(self) -> float:
        """The rate."""
        return self.initial

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        return self.initial


ROWS["constant"] = Constant


class Step(Warmed):
    """initial · factor^⌊t / steps⌋. As torch's StepLR."""

    counted = ("warmup", "steps")

    schedule: Literal["step"] = "step"
    initial: Positive = Field(description="The first rate.")
    factor: Factor = Field(default=0.1, description="What the rate is multiplied by.")
    steps: Steps = Field(description="Optimizer steps, as in the formula.")

    @property
    def base(self) -> float:
        """The first rate."""
        return self.initial

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        return float(self.initial * self.factor ** (step // self.steps))


ROWS["step"] = Step


class MultiStep(Warmed):
    """initial · factor^(how many of the milestones are ≤ t). As torch's MultiStepLR."""

    counted = ("warmup", "milestones")

    schedule: Literal["multi_step"] = "multi_step"
    initial: Positive = Field(description="The first rate.")
    milestones: Turns = Field(description="Optimizer steps after which the rate falls.")
    factor: Factor = Field(default=0.1, description="What the rate is multiplied by.")

    @property
    def base(self) -> float:
        """The first rate."""
        return self.initial

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        return float(self.initial * self.factor ** sum(step >= at for at in self.milestones))


ROWS["multi_step"] = MultiStep


class PiecewiseConstant(Warmed):
    """rates[how many of the milestones are ≤ t].

    (Keras's PiecewiseConstantDecay changes a step later.)
    """

    counted = ("warmup", "milestones")

    schedule: Literal["piecewise_constant"] = "piecewise_constant"
    rates: Annotated[tuple[NotNegative, ...], Field(strict=False, min_length=2)] = Field(
        description="The rates, one after another."
    )
    milestones: Turns = Field(description="Optimizer steps after which the next rate begins.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.rates) != len(self.milestones) + 1:
            raise PydanticCustomError(
                "wrong_type",
                "{rates} rates are expected between {turns} turns, not {given}",
                {
                    "rates": len(self.milestones) + 1,
                    "turns": len(self.milestones),
                    "given": len(self.rates),
                },
            )
        turns = self.milestones
        if are_known(*turns) and any(a >= b for a, b in itertools.pairwise(turns)):
            raise PydanticCustomError("wrong_type", "`milestones` that rise are expected")
        if not any(self.rates):
            raise PydanticCustomError("out_of_range", "a rate above 0 is expected")
        return self

    @property
    def base(self) -> float:
        """The largest rate."""
        return max(self.rates)

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        return self.rates[sum(step >= at for at in self.milestones)]


ROWS["piecewise_constant"] = PiecewiseConstant


class Whole(Warmed):
    """Base of those with an end, which the warm-up brings no later."""

    counted: ClassVar[tuple[str, ...]] = ("warmup", "steps")

    steps: Steps = Field(description="Optimizer steps to the end, the warm-up among them.")

    @model_validator(mode="after")
    def _is_warm_before_the_end(self) -> Self:
        if are_known(self.warmup, self.steps) and self.warmup >= self.steps:
            raise PydanticCustomError(
                "out_of_range",
                "warmup of fewer than its {steps} steps is expected, not {warmup}",
                {"steps": self.steps, "warmup": self.warmup},
            )
        return self

    def turns(self) -> list[int]:
        """Return the steps at which it may turn, or by which its phases are as long."""
        return [self.warmup, self.steps]

    def progress(self, step: int) -> float:
        """Return the part of the way from the warm-up to the end."""
        return min(1.0, step / (self.steps - self.warmup))


class Linear(Whole):
    """initial + (end - initial) · u, u = min(1, t / steps). As torch's LinearLR."""

    schedule: Literal["linear"] = "linear"
    initial: Positive = Field(description="The first rate.")
    end: NotNegative = Field(default=0.0, description="The last rate.")

    @property
    def base(self) -> float:
        """The larger end."""
        return max(self.initial, self.end)

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        return self.initial + (self.end - self.initial) * self.progress(step)


ROWS["linear"] = Linear


class Polynomial(Whole):
    """end + (initial - end) · (1 - u)^power, u = min(1, t / steps).

    As Keras's PolynomialDecay, and torch's PolynomialLR with end 0.
    """

    schedule: Literal["polynomial"] = "polynomial"
    initial: Positive = Field(description="The first rate.")
    end: NotNegative = Field(default=0.0, description="The last rate.")
    power: Positive = Field(default=1.0, description="Of the part that is left; 1 is a line.")

    @property
    def base(self) -> float:
        """The larger end."""
        return max(self.initial, self.end)

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        left = (1 - self.progress(step)) ** self.power
        return float(self.end + (self.initial - self.end) * left)


ROWS["polynomial"] = Polynomial


class InverseSqrt(Warmed):
    """peak · √(steps / (steps + t)), t counting from the end of the warm-up.

    With as many `steps` as `warmup` it is that of Vaswani et al. 2017.
    """

    counted = ("warmup", "steps")

    schedule: Literal["inverse_sqrt"] = "inverse_sqrt"
    peak: Positive = Field(description="The highest rate.")
    steps: Steps = Field(description="Optimizer steps, as in the formula.")

    @property
    def base(self) -> float:
        """The peak."""
        return self.peak

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        return self.peak * math.sqrt(self.steps / (self.steps + step))


ROWS["inverse_sqrt"] = InverseSqrt


class InverseTime(Warmed):
    """initial / (1 + decay · t / steps); with `staircase` t / steps is rounded down.

    As Keras's InverseTimeDecay.
    """

    counted = ("warmup", "steps")

    schedule: Literal["inverse_time"] = "inverse_time"
    initial: Positive = Field(description="The first rate.")
    decay: Positive = Field(default=1.0, description="What is added below the line in `steps`.")
    steps: Steps = Field(description="Optimizer steps, as in the formula.")
    staircase: Flag = Field(default=False, description="Whether it falls in steps.")

    @property
    def base(self) -> float:
        """The first rate."""
        return self.initial

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        times = step // self.steps if self.staircase else step / self.steps
        return self.initial / (1 + self.decay * times)


ROWS["inverse_time"] = InverseTime
