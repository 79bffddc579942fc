"""Settings of a verification, as the caller asked for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.backend import OptionValue, default_backends
from nnspec.verification.levels import LEVELS, Level

if TYPE_CHECKING:
    from nnspec.backend import Array


@dataclass(frozen=True)
class Settings:
    """Settings of one verification, with their defaults.

    backends: by name, all installed ones by default.
    weights: canonical weights to verify with; None takes seeded ones, none of them trivial.
    steps: optimizer steps of the training check. batch: rows of every batch, at least 2.
    seed: of weights and inputs.
    exporters: where a backend writes ONNX, also compare what the frameworks' own exporters write.
    options: of the backends, by name; an option with a variant adds an engine that has it.
    sizes: of dynamic axes, by name, instead of found ones: the first is what all is compared at.
    memory: bytes that an exporter may take, as estimated; None allows what is free.
    device: of which programs are compared with those of the processor, "cuda" or "mps".
    data: a file of rows, by the spec's `data`, for inputs and targets instead of drawn ones.
    levels: what is checked, of `nnspec.verification.levels.LEVELS`. require: levels of which
    nothing may be left unchecked.
    progress: called with the name of each stage. count: with how many parts of the work, engines
    and checks, are done, of how many.
    """

    backends: tuple[str, ...] = field(default_factory=default_backends)
    weights: Mapping[str, Array] | None = None
    steps: int = 5
    batch: int = 8
    seed: int = 0
    exporters: bool = True
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    memory: int | None = None
    device: str | None = None
    data: str | Path | None = None
    levels: tuple[Level, ...] = LEVELS
    require: tuple[Level, ...] = ()
    progress: Callable[[str], None] | None = None
    count: Callable[[int, int], None] | None = None

    @property
    def trains(self) -> bool:
        """Whether a level asks for gradients or training."""
        return bool({"gradients", "training"}.intersection(self.levels))

    def show(self, stage: str) -> None:
        """Show the stage that begins."""
        if self.progress is not None:
            self.progress(stage)


BATCH = Settings.batch
"""Rows of every batch, where no other number is asked for."""
