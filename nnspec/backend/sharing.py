"""Protocols of programs that compute elsewhere than on one processor."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from nnspec.backend.programs import Program, Trainable


@runtime_checkable
class Placed(Program, Protocol):
    """A built network that says what it computes on."""

    def placed(self) -> str:
        """Return the kind of device, such as "cpu", of a GPU with its name."""
        ...


@runtime_checkable
class SharesBatches(Trainable, Protocol):
    """A built network whose steps several processes take together, each with some of the rows.

    All are given the whole batch, take the rows that are theirs, and end with the same weights.
    """

    def require_devices(self, processes: int) -> None:
        """Raise UsageError where this machine has not a device for each of so many."""
        ...

    def join(self, rank: int, processes: int, store: Path | None) -> None:
        """Wait for the other processes; raises UsageError where they cannot be reached.

        store: a file by which those of one machine find each other; None: by what torchrun has
        put into the environment.
        """
        ...

    def gather(self) -> None:
        """Let the program of the first be of the steps that all have taken; all call it.

        It does nothing where each has whole weights.
        """
        ...

    def told(self, message: bytes = b"") -> bytes:
        """Return what the first process says: its own message, given there."""
        ...

    def leave(self) -> None:
        """Part from the others."""
        ...
