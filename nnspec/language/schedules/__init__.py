"""The schedules of the learning rate, and the table from name to class.

There is one clock, the optimizer's steps: t counts those that have been taken, from 0.
"""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar

from pydantic import Field

from nnspec.language.schedules.lengths import Steps, StepsOrNone, are_known, in_steps
from nnspec.layers.fields import Frozen, Positive
from nnspec.layers.records import NumberOr
from nnspec.layers.registry import RowsOfFiles


class Schedule(Frozen):
    """Base of the schedules; each says how large the step after t others is."""

    counted: ClassVar[tuple[str, ...]] = ()
    """Fields that count steps, at which the schedule may turn."""

    schedule: str

    @property
    @abstractmethod
    def base(self) -> float:
        """The rate of which `at` is a multiple."""

    @abstractmethod
    def at(self, step: int) -> float:
        """Return the learning rate of the step after so many."""

    @property
    def cycles_momentum(self) -> bool:
        """Whether it says a momentum of each step as well."""
        return False

    def momentum_at(self, step: int) -> float:
        """Return the momentum of the step after so many, of one that cycles it."""
        raise NotImplementedError

    def turns(self) -> list[int]:
        """Return the steps at which it may turn, or by which its phases are as long."""
        return [length for length in self._lengths() if length]

    @property
    def is_relative(self) -> bool:
        """Whether a length is a share of all steps, or in epochs."""
        return not are_known(*self._lengths())

    def in_steps(self, epoch: float, total: int) -> "Schedule":
        """Return the schedule with every length in steps; raises ValidationError.

        epoch: the steps of an epoch. total: those of all epochs.
        """
        changed: dict[str, Any] = self.model_dump()
        for name in self.counted:
            given = getattr(self, name)
            changed[name] = (
                [in_steps(each, epoch, total) for each in given]
                if isinstance(given, tuple)
                else in_steps(given, epoch, total)
            )
        return type(self).model_validate(changed)

    def _lengths(self) -> list[int]:
        found: list[int] = []
        for name in self.counted:
            given = getattr(self, name)
            found += given if isinstance(given, tuple) else [given]
        return found


class Warmed(Schedule):
    """Base of those that may be warmed up: a line from 0 to the first rate, then they begin."""

    warmup: StepsOrNone = Field(default=0, description="Steps of a rise from 0.")

    @abstractmethod
    def after(self, step: int) -> float:
        """Return the learning rate so many steps after the warm-up."""

    def at(self, step: int) -> float:
        """Return the learning rate of the step after so many."""
        if step < self.warmup:
            return self.after(0) * step / self.warmup
        return self.after(step - self.warmup)

    def turns(self) -> list[int]:
        """Return the steps at which it may turn, or by which its phases are as long."""
        return [self.warmup, *(self.warmup + turn for turn in super().turns())]


SCHEDULES: RowsOfFiles[Schedule] = RowsOfFiles(
    __name__, "decay", "falling", "cycles", "chains", "plateau"
)
"""The schedules by `schedule`, from the files of this folder, what most specs use first."""


LearningRate = Annotated[
    Positive | Schedule, NumberOr("schedule", lambda: SCHEDULES, number=Positive)
]
"""A number, or a record that names its schedule."""

__all__ = ["SCHEDULES", "LearningRate", "Schedule", "Steps", "StepsOrNone", "Warmed"]
