"""The hardware that a training takes: it decides how fast a network learns, and not what."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nnspec.backend import (
    OptionValue,
    Placed,
    backend_names,
    declared_options,
    get_backend,
)
from nnspec.errors import UsageError
from nnspec.weights.scaling import without_scale

if TYPE_CHECKING:
    from nnspec.backend import Backend, Trainable, Weights

Device = Literal["cpu", "cuda", "mps", "auto"]
Arithmetic = Literal["32", "bf16-mixed", "16-mixed"]
Strategy = Literal["ddp", "fsdp"]
_NEEDS = {
    "device": "device", "processes": "devices", "precision": "precision", "sharded": "strategy",
}  # fmt: skip
"""Option of a backend -> the setting that needs it."""


@dataclass(frozen=True)
class Place:
    """One of the processes of a training: its number from 0, and how it finds the others.

    store: see `SharesBatches.join`.
    """

    rank: int
    processes: int
    store: Path | None = None


def place_here() -> Place | None:
    """Return the place that torchrun gives this process, or None where that has not begun it."""
    names = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID")
    if not all(name in os.environ for name in names):
        return None
    return Place(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))


@dataclass(frozen=True)
class Hardware:
    """The hardware that a training is asked to take.

    device: its kind, None for what the backend takes by itself. devices: processes with one each,
    which share every batch. precision: None for that of `dtype` throughout. place: that of this
    process, where torchrun has begun them. strategy: what each process holds, "ddp" all weights and
    "fsdp" a share of them.
    """

    device: Device | None = None
    devices: int = 1
    precision: Arithmetic | None = None
    place: Place | None = None
    strategy: Strategy = "ddp"

    @classmethod
    def asked(
        cls,
        device: Device | None,
        devices: int,
        precision: Arithmetic | None,
        strategy: Strategy = "ddp",
        *,
        is_follower: bool = False,
    ) -> Hardware:
        """Return what is asked for, here and by torchrun; raises UsageError.

        is_follower: whether this may be another process than the first.
        """
        if devices < 1:
            raise UsageError(f"at least one device is expected, not {devices}")
        place = place_here()
        if place is None:
            if strategy == "fsdp" and devices == 1:
                raise UsageError(
                    "fsdp leaves each of several processes a share of the weights: give `devices`"
                )
            return cls(device, devices, precision, strategy=strategy)
        if devices > 1:
            raise UsageError(f"torchrun has begun {place.processes} processes: leave out `devices`")
        if place.rank > 0 and not is_follower:
            raise UsageError(
                "several processes are trained with by the command `nnspec train`, or by one "
                "process that is given `devices`"
            )
        return cls(device, place.processes, precision, place, strategy)

    @property
    def is_shared(self) -> bool:
        """Whether several processes share each batch."""
        return self.devices > 1 or self.place is not None

    @property
    def options(self) -> dict[str, OptionValue]:
        """The options of a backend that this needs."""
        given: dict[str, OptionValue] = {}
        if self.device is not None:
            given["device"] = self.device
        if self.is_shared:
            given["processes"] = True
        if self.strategy == "fsdp":
            given["sharded"] = True
        if self.precision is not None:
            given["precision"] = self.precision
        return given

    def require(self, backend: Backend, alone: Mapping[str, Any]) -> None:
        """Raise UsageError where the backend, or a run of several processes, has no such thing.

        alone: settings of the run that are of one process, by name.
        """
        known = declared_options(backend)
        for name in self.options:
            if name not in known:
                able = [
                    each for each in backend_names() if name in declared_options(get_backend(each))
                ]
                raise UsageError(
                    f'the backend "{backend.name}" does not take `{_NEEDS[name]}`, and '
                    f"{' and '.join(able)} does: leave it out, or train with that"
                )
        if self.precision not in (None, "32") and alone.get("dtype") == "float64":
            raise UsageError(
                f'precision "{self.precision}" mixes 16 bits with float32, and the dtype is '
                "float64: leave one of them out"
            )
        if self.is_shared:
            for name in ("compiled", "diagnose"):
                if alone.get(name):
                    raise UsageError(
                        f"`{name}` is of one process, and {self._several} share each batch: leave "
                        f"out `{name}`, or `devices`"
                    )
            if alone.get("data") is not None and alone["data"].fold is None:
                raise UsageError(
                    f"{self._several} each read the rows that the spec names: leave out `data`, "
                    "or `devices`"
                )

    def remembered(self, optimizer: Weights) -> Weights:
        """Return what an optimizer remembers, without what this precision does not know."""
        return optimizer if self.precision == "16-mixed" else without_scale(optimizer)[1]

    def record(self, program: Trainable) -> dict[str, Any]:
        """Return what the record of a run says of it."""
        return {
            **({"device": program.placed()} if isinstance(program, Placed) else {}),
            **({"devices": self.devices} if self.is_shared else {}),
            **({"strategy": self.strategy} if self.strategy != "ddp" else {}),
            **({"precision": self.precision} if self.precision not in (None, "32") else {}),
        }

    @property
    def _several(self) -> str:
        return f"{self.devices} processes"
