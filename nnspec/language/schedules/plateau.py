"""A rate that follows what the epochs measure."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from nnspec.language.schedules import Schedule
from nnspec.language.watching import Keep
from nnspec.layers.fields import Count, NotNegative, Positive, Text

ROWS: dict[str, type[Schedule]] = {}
"""Those of this file: each row stands below its class."""


class Plateau(Schedule):
    """initial; times factor when `metric` was no better for more than `patience` epochs in a row.

    Better: by the share `threshold` of the best. After a fall `cooldown` epochs do not count. As
    torch's ReduceLROnPlateau with eps 0, at the end of each epoch.
    """

    schedule: Literal["plateau"] = "plateau"
    initial: Positive = Field(description="The first rate.")
    metric: Text | None = Field(
        default=None, description="As the history names it; by default val_loss, or loss."
    )
    mode: Literal["min", "max"] | None = Field(
        default=None, description="What is better; by default by the metric."
    )
    factor: Annotated[float, Field(strict=True, gt=0, lt=1)] = Field(
        default=0.1, description="What the rate is multiplied by."
    )
    patience: Count = Field(default=10, description="Epochs in a row that may bring nothing.")
    threshold: NotNegative = Field(default=1e-4, description="Share of the best that counts.")
    cooldown: Count = Field(default=0, description="Epochs after a fall that do not count.")
    minimum: NotNegative = Field(default=0.0, description="The lowest rate.")

    @property
    def base(self) -> float:
        """The first rate."""
        return self.initial

    @property
    def watched(self) -> Keep:
        """The measure that it follows."""
        return Keep(metric=self.metric, mode=self.mode)

    def at(self, step: int) -> float:
        """Return the learning rate before any epoch has ended."""
        return self.initial

    def rates(self, values: Iterable[float], *, is_less: bool) -> list[float]:
        """Return the rate after each epoch, by what was measured. is_less: whether less is better.

        It follows from the history alone, so that a run that goes on needs no state of it.
        """
        found: list[float] = []
        rate, best, bad, waits = self.initial, None, 0, 0
        share = 1 - self.threshold if is_less else 1 + self.threshold
        for value in values:
            if best is None or (value < best * share if is_less else value > best * share):
                best, bad = value, 0
            else:
                bad += 1
            if waits:
                waits, bad = waits - 1, 0
            if bad > self.patience:
                # One that begins below the lowest stays where it is.
                rate = min(rate, max(rate * self.factor, self.minimum))
                bad, waits = 0, self.cooldown
            found.append(rate)
        return found


ROWS["plateau"] = Plateau
