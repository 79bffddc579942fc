"""Schedules that rise and fall."""

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.schedules import Schedule, Steps, StepsOrNone, Warmed
from nnspec.layers.fields import Flag, NotNegative, Positive, Size

ROWS: dict[str, type[Schedule]] = {}
"""Those of this file: each row stands below its class."""

Factor = Annotated[float, Field(strict=True, gt=0, le=1)]
Share = Annotated[float, Field(strict=True, gt=0, lt=1)]
Ratio = Annotated[float, Field(strict=True, ge=1, le=1e30)]


class CosineRestarts(Warmed):
    """Waves: end + factorⁱ · (peak - end) · (1 + cos πu) / 2, u from 0 to 1 in steps · growthⁱ.

    As torch's CosineAnnealingWarmRestarts, and Keras's CosineDecayRestarts (growth 2 by default).
    """

    counted = ("warmup", "steps")

    schedule: Literal["cosine_restarts"] = "cosine_restarts"
    peak: Positive = Field(description="The highest rate.")
    steps: Steps = Field(description="Optimizer steps, as in the formula.")
    growth: Size = Field(default=1, description="Length of a wave over the last one's.")
    factor: Factor = Field(default=1.0, description="What each wave is multiplied by.")
    end: NotNegative = Field(default=0.0, description="The last rate.")

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.end > self.peak:
            raise PydanticCustomError(
                "out_of_range",
                "an end of at most its peak {peak:g} is expected, not {end:g}",
                {"peak": self.peak, "end": self.end},
            )
        return self

    @property
    def base(self) -> float:
        """The peak."""
        return self.peak

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        length, height = self.steps, self.peak - self.end
        if self.growth == 1:
            height *= self.factor ** (step // length)
            step %= length
        while step >= length:
            step, length, height = step - length, length * self.growth, height * self.factor
        return self.end + height * (1 + math.cos(math.pi * step / length)) / 2

    def turns(self) -> list[int]:
        """Return the steps at which it may turn, or by which its phases are as long."""
        second = self.steps * (1 + self.growth)
        third = self.steps * (1 + self.growth + self.growth**2)
        return [self.warmup, *(self.warmup + turn for turn in (self.steps, second, third))]


ROWS["cosine_restarts"] = CosineRestarts


class OneCycle(Schedule):
    """From peak / div_factor up to peak in pct_start · steps, and down to that / final_div_factor.

    By half cosine waves, or lines, between step 0, r = pct_start · steps - 1 and steps - 1;
    three_phase: by the first rate at 2r. As torch's OneCycleLR with cycle_momentum=False.
    """

    counted = ("steps",)

    schedule: Literal["one_cycle"] = "one_cycle"
    peak: Positive = Field(description="The highest rate.")
    steps: Steps = Field(description="Optimizer steps, as in the formula.")
    pct_start: Share = Field(default=0.3, description="Share of the steps in which it rises.")
    div_factor: Ratio = Field(default=25.0, description="The peak over the first rate.")
    final_div_factor: Ratio = Field(default=1e4, description="The first rate over the last one.")
    linear: Flag = Field(default=False, description="Whether it goes by lines, not by waves.")
    three_phase: Flag = Field(default=False, description="Whether it falls as long as it rises.")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if isinstance(self.steps, str):
            return self
        ends = [end for end, _ in self.phases()]
        if not all(before < end for before, end in zip([0.0, *ends], ends, strict=False)):
            raise PydanticCustomError(
                "out_of_range",
                "{steps} steps leave no room for the phases: more steps, or a pct_start between, "
                "are expected",
                {"steps": self.steps},
            )
        return self

    def phases(self) -> list[tuple[float, float]]:
        """Return the last step of each phase, and the rate there as a share of the peak."""
        rise, low = self.pct_start * self.steps - 1, 1 / self.div_factor
        last = (float(self.steps - 1), low / self.final_div_factor)
        if self.three_phase:
            return [(rise, 1.0), (2 * self.pct_start * self.steps - 2, low), last]
        return [(rise, 1.0), last]

    @property
    def base(self) -> float:
        """The peak."""
        return self.peak

    def at(self, step: int) -> float:
        """Return the learning rate of the step after so many."""
        begin, start, now = 0.0, 1 / self.div_factor, float(min(step, self.steps - 1))
        for last, end in self.phases():
            if now <= last:
                break
            begin, start = last, end
        progress = (now - begin) / (last - begin)
        if self.linear:
            return self.peak * (start + (end - start) * progress)
        return self.peak * (end + (start - end) * (1 + math.cos(math.pi * progress)) / 2)

    def turns(self) -> list[int]:
        """Return the steps at which it may turn, or by which its phases are as long."""
        return [int(last) for last, _ in self.phases()]


ROWS["one_cycle"] = OneCycle


class Cyclical(Warmed):
    """Lines from initial up to peak in `steps`, and down in `down`, again and again.

    As torch's CyclicLR with cycle_momentum=False: triangular2 is `halving`, exp_range `factor`.
    """

    counted = ("warmup", "steps", "down")

    schedule: Literal["cyclical"] = "cyclical"
    initial: Positive = Field(description="The first rate.")
    peak: Positive = Field(description="The highest rate.")
    steps: Steps = Field(description="Optimizer steps, as in the formula.")
    down: StepsOrNone = Field(default=0, description="Optimizer steps down; 0: as many as up.")
    halving: Flag = Field(default=False, description="Whether each cycle is half as high.")
    factor: Factor = Field(default=1.0, description="What the height is multiplied by each step.")

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.initial > self.peak:
            raise PydanticCustomError(
                "out_of_range",
                "an initial rate of at most its peak {peak:g} is expected, not {initial:g}",
                {"peak": self.peak, "initial": self.initial},
            )
        return self

    @property
    def base(self) -> float:
        """The peak."""
        return self.peak

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        down = self.down or self.steps
        cycle, at = divmod(step, self.steps + down)
        height = at / self.steps if at <= self.steps else (self.steps + down - at) / down
        if self.halving:
            height /= 2.0 ** min(cycle, 1000)
        return float(self.initial + (self.peak - self.initial) * height * self.factor**step)

    def turns(self) -> list[int]:
        """Return the steps at which it may turn, or by which its phases are as long."""
        whole = self.steps + (self.down or self.steps)
        after = (0, self.steps, whole, whole + self.steps, 2 * whole)
        return [self.warmup + turn for turn in after]


ROWS["cyclical"] = Cyclical
