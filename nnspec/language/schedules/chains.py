"""Schedules one after another."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.schedules import LearningRate, Schedule, Steps
from nnspec.language.schedules.falling import Constant

ROWS: dict[str, type[Schedule]] = {}
"""Those of this file: each row stands below its class."""


class Chained(Schedule):
    """Each schedule for its length, the last ever after; each counts t from its own beginning.

    As torch's SequentialLR, whose milestones are the sums of the lengths.
    """

    counted = ("lengths",)

    schedule: Literal["chained"] = "chained"
    schedules: Annotated[tuple[LearningRate, ...], Field(strict=False, min_length=2)] = Field(
        description="The schedules, one after another; a number is a constant rate."
    )
    lengths: Annotated[tuple[Steps, ...], Field(strict=False, min_length=1)] = Field(
        description="Optimizer steps of each but the last."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.schedules) != len(self.lengths) + 1:
            raise PydanticCustomError(
                "wrong_type",
                "{expected} lengths are expected for {given} schedules: of each but the last",
                {"expected": len(self.schedules) - 1, "given": len(self.schedules)},
            )
        if any(part.cycles_momentum for part in self.parts):
            raise PydanticCustomError(
                "wrong_value",
                "schedules without cycle_momentum are expected in a chain",
            )
        if any(getattr(part, "schedule", "") == "plateau" for part in self.parts):
            raise PydanticCustomError(
                "wrong_value",
                "schedules of steps are expected in a chain, and plateau follows what an epoch "
                "measures",
            )
        return self

    @property
    def parts(self) -> list[Schedule]:
        """The schedules, numbers among them as constant ones."""
        return [
            each if isinstance(each, Schedule) else Constant(initial=each)
            for each in self.schedules
        ]

    @property
    def base(self) -> float:
        """The largest base of its parts."""
        return max(part.base for part in self.parts)

    @property
    def is_relative(self) -> bool:
        """Whether a length is a share of all steps, or in epochs."""
        return super().is_relative or any(part.is_relative for part in self.parts)

    def in_steps(self, epoch: float, total: int) -> "Schedule":
        """Return the schedule with every length in steps; raises ValidationError."""
        parts = tuple(
            each.in_steps(epoch, total) if isinstance(each, Schedule) else each
            for each in self.schedules
        )
        # Its own lengths are changed in the base's way.
        return super(Chained, self.model_copy(update={"schedules": parts})).in_steps(epoch, total)

    def at(self, step: int) -> float:
        """Return the learning rate of the step after so many."""
        for part, length in zip(self.parts, self.lengths, strict=False):
            if step < length:
                return part.at(step)
            step -= length
        return self.parts[-1].at(step)

    def turns(self) -> list[int]:
        """Return the steps at which it may turn, or by which its phases are as long."""
        found, begin = [], 0
        for part, length in zip(self.parts, (*self.lengths, None), strict=True):
            ends = [] if length is None else [length]
            inner = [turn for turn in part.turns() if length is None or turn < length]
            found += [begin + turn for turn in (*inner, *ends)]
            begin += length or 0
        return found


ROWS["chained"] = Chained
