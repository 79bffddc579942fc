"""Schedules that rise and fall."""

import math
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.schedules import Schedule, Steps, StepsOrNone, Warmed
from nnspec.language.schedules.lengths import require_at_most_peak
from nnspec.layers.fields import Flag, NotNegative, Positive, Size

ROWS: dict[str, type[Schedule]] = {}
"""Those of this file: each row stands below its class."""

Factor = Annotated[float, Field(strict=True, gt=0, le=1)]
Share = Annotated[float, Field(strict=True, gt=0, lt=1)]
Ratio = Annotated[float, Field(strict=True, ge=1, le=1e30)]
Momentum = Annotated[float, Field(strict=True, gt=0, lt=1)]
_CYCLED = "Whether a momentum against the rate stands for the optimizer's own, or beta_1."
_BASE_MOMENTUM = "The momentum where the rate is highest."
_MAX_MOMENTUM = "The momentum where the rate begins."


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
        require_at_most_peak("an end", self.end, self.peak)
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


class Cycling(Schedule):
    """Base of those that may cycle a momentum against the rate."""

    if TYPE_CHECKING:  # each has them last, with defaults of its own
        cycle_momentum: bool
        base_momentum: float
        max_momentum: float

    @model_validator(mode="after")
    def _cycles(self) -> Self:
        if self.base_momentum > self.max_momentum:
            raise PydanticCustomError(
                "out_of_range",
                "a base_momentum of at most its max_momentum {most:g} is expected, not {least:g}",
                {"most": self.max_momentum, "least": self.base_momentum},
            )
        momenta = ("base_momentum", "max_momentum")
        fields = type(self).model_fields
        said = [each for each in momenta if getattr(self, each) != fields[each].default]
        if said and not self.cycle_momentum:
            raise PydanticCustomError(
                "wrong_value",
                "cycle_momentum: true is expected beside {said}",
                {"said": " and ".join(said)},
            )
        return self

    @property
    def cycles_momentum(self) -> bool:
        """Whether it says a momentum of each step as well."""
        return self.cycle_momentum


class OneCycle(Cycling):
    """From peak / div_factor up to peak in pct_start · steps, and down to that / final_div_factor.

    By half cosine waves, or lines, between step 0, r = pct_start · steps - 1 and steps - 1;
    three_phase: by the first rate at 2r. cycle_momentum: so go max_momentum, base_momentum, and
    max_momentum. As torch's OneCycleLR, which cycles it by default.
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
    cycle_momentum: Flag = Field(default=False, description=_CYCLED)
    base_momentum: Momentum = Field(default=0.85, description=_BASE_MOMENTUM)
    max_momentum: Momentum = Field(default=0.95, description=_MAX_MOMENTUM)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if isinstance(self.steps, str):
            return self
        ends = self.ends()
        if not all(before < end for before, end in zip([0.0, *ends], ends, strict=False)):
            raise PydanticCustomError(
                "out_of_range",
                "{steps} steps leave no room for the phases: more steps, or a pct_start between, "
                "are expected",
                {"steps": self.steps},
            )
        return self

    def ends(self) -> list[float]:
        """Return the last step of each phase."""
        rise, last = self.pct_start * self.steps - 1, float(self.steps - 1)
        fall = [2 * self.pct_start * self.steps - 2] if self.three_phase else []
        return [rise, *fall, last]

    def shares(self) -> list[float]:
        """Return the rate where the first phase begins, and each ends, as a share of the peak."""
        low = 1 / self.div_factor
        return [low, 1.0, *([low] if self.three_phase else []), low / self.final_div_factor]

    def momenta(self) -> list[float]:
        """Return the momentum where the first phase begins, and each ends."""
        most = self.max_momentum
        return [most, self.base_momentum, *([most] if self.three_phase else []), most]

    @property
    def base(self) -> float:
        """The peak."""
        return self.peak

    def at(self, step: int) -> float:
        """Return the learning rate of the step after so many."""
        return self.peak * self._between(self.shares(), step)

    def momentum_at(self, step: int) -> float:
        """Return the momentum of the step after so many."""
        return self._between(self.momenta(), step)

    def _between(self, values: list[float], step: int) -> float:
        """Return what lies between these values, the first and one of each phase's end."""
        begin, start, now = 0.0, values[0], float(min(step, self.steps - 1))
        for last, end in zip(self.ends(), values[1:], strict=True):
            if now <= last:
                break
            begin, start = last, end
        progress = (now - begin) / (last - begin)
        if self.linear:
            return start + (end - start) * progress
        return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2

    def turns(self) -> list[int]:
        """Return the steps at which it may turn, or by which its phases are as long."""
        return [int(last) for last in self.ends()]


ROWS["one_cycle"] = OneCycle


class Cyclical(Warmed, Cycling):
    """Lines from initial up to peak in `steps`, and down in `down`, again and again.

    cycle_momentum: so goes the momentum from max_momentum to base_momentum, and back. As torch's
    CyclicLR, which cycles it by default: triangular2 is `halving`, exp_range `factor`.
    """

    counted = ("warmup", "steps", "down")

    schedule: Literal["cyclical"] = "cyclical"
    initial: Positive = Field(description="The first rate.")
    peak: Positive = Field(description="The highest rate.")
    steps: Steps = Field(description="Optimizer steps, as in the formula.")
    down: StepsOrNone = Field(default=0, description="Optimizer steps down; 0: as many as up.")
    halving: Flag = Field(default=False, description="Whether each cycle is half as high.")
    factor: Factor = Field(default=1.0, description="What the height is multiplied by each step.")
    cycle_momentum: Flag = Field(default=False, description=_CYCLED)
    base_momentum: Momentum = Field(default=0.8, description=_BASE_MOMENTUM)
    max_momentum: Momentum = Field(default=0.9, description=_MAX_MOMENTUM)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        require_at_most_peak("an initial rate", self.initial, self.peak)
        return self

    @property
    def base(self) -> float:
        """The peak."""
        return self.peak

    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""
        return float(self.initial + (self.peak - self.initial) * self._height(step))

    def momentum_at(self, step: int) -> float:
        """Return the momentum of the step after so many: in the warm-up, the first."""
        height = self._height(max(step - self.warmup, 0))
        return float(self.max_momentum - (self.max_momentum - self.base_momentum) * height)

    def _height(self, step: int) -> float:
        down = self.down or self.steps
        cycle, at = divmod(step, self.steps + down)
        height = at / self.steps if at <= self.steps else (self.steps + down - at) / down
        if self.halving:
            height /= 2.0 ** min(cycle, 1000)
        return float(height * self.factor**step)

    def turns(self) -> list[int]:
        """Return the steps at which it may turn, or by which its phases are as long."""
        whole = self.steps + (self.down or self.steps)
        after = (0, self.steps, whole, whole + self.steps, 2 * whole)
        return [self.warmup + turn for turn in after]


ROWS["cyclical"] = Cyclical
