"""The middle of an epoch, from which a run may go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass
class Taken:
    """The steps of an epoch that are taken: the loss before each, and the rows of its batch."""

    losses: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.losses)


class Saving(NamedTuple):
    """The way in which an epoch is saved while it runs.

    every: steps from one save to the next. taken: the steps that an earlier run took of it. save:
    what keeps the state, of the process that writes. Random layers draw anew after each save, by
    the number of its step, so that who goes on from there draws what would have been drawn.
    """

    every: int
    taken: Taken
    save: Callable[[Taken], None] | None = None
