"""The schedules of the learning rate, and the table from name to class.

There is one clock, the optimizer's steps: t counts those that have been taken, from 0.
"""

from abc import abstractmethod
from typing import Annotated, ClassVar

from pydantic import Field

from nnspec.layers.fields import Frozen, NumberOr, Positive
from nnspec.layers.registry import RowsOfFiles

Steps = Annotated[int, Field(strict=True, gt=0, le=2**53)]
"""A number of optimizer steps, which is exact in float64."""


class Schedule(Frozen):
    """Base of the schedules; each says how large the step after t others is."""

    lengths: ClassVar[tuple[str, ...]] = ()
    """Fields that count steps, at which the schedule may turn."""

    schedule: str

    @property
    @abstractmethod
    def base(self) -> float:
        """The rate of which `at` is a multiple."""

    @abstractmethod
    def at(self, step: int) -> float:
        """Return the learning rate of the step after so many."""


SCHEDULES: RowsOfFiles[Schedule] = RowsOfFiles(__name__, "decay")
"""The schedules by `schedule`, from the files of this folder, what most specs use first."""


LearningRate = Annotated[
    Positive | Schedule, NumberOr("schedule", lambda: SCHEDULES, number=Positive)
]
"""A number, or a record that names its schedule."""
