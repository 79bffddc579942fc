"""The run of a training of two networks: its epochs, its folder, and how it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnspec.backend.versus import of_models
from nnspec.errors import WeightsError
from nnspec.network.networks import Networks
from nnspec.training.runs import RunFolder
from nnspec.weights.canonical import Array, load_weights, save_weights

ROLES = ("discriminator", "generator")


@dataclass(frozen=True, slots=True)
class VersusEpoch:
    """One pass over the rows; `values` holds the mean loss of each network, as its steps met it.

    An epoch in which the generator made no step has none of it.
    """

    number: int
    values: dict[str, float]
    seconds: float
    backend: str = ""
    """By which it was trained."""

    def as_json(self) -> dict[str, Any]:
        """Return the epoch as `history.json` holds it."""
        ended = {"seconds": round(self.seconds, 4), "backend": self.backend}
        return {"epoch": self.number, **self.values, **ended}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> VersusEpoch:
        """Read what `as_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        values = {name: float(record[name]) for name in ROLES if name in record}
        backend = str(record.get("backend", ""))
        return cls(int(record["epoch"]), values, float(record["seconds"]), backend)


class VersusFolder(RunFolder):
    """Paths of the files of a run that trains two networks."""

    def __init__(self, path: str | Path, networks: Networks) -> None:
        super().__init__(path)
        self.pictures = self.path / "samples"
        self.weights = {name: self.path / f"{name}.safetensors" for name in networks.models}

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that a run writes."""
        found = sorted(self.pictures.glob(f"epoch_{'[0-9]' * 5}*.png"))
        found += [self.pictures / "real.png"]
        own = (
            self.checkpoint,
            *self.weights.values(),
            self.history,
            self.picture,
            self.record,
            *self.logs,
        )
        return (*own, *found)

    def sweep(self) -> None:
        """Remove what kills have left of files that were being written, pictures too."""
        super().sweep()
        for left in self.pictures.glob(f".*.{'[0-9a-f]' * 12}.png"):
            left.unlink(missing_ok=True)


@dataclass(frozen=True)
class VersusRun:
    """A finished run: what it measured, and where its files are."""

    folder: Path
    backend: str
    history: tuple[VersusEpoch, ...]
    weights: dict[str, Path]
    pictures: tuple[Path, ...]
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the run as `nnspec train --json` prints it."""
        return {
            "folder": str(self.folder),
            "backend": self.backend,
            "epochs": len(self.history),
            "weights": {name: str(path) for name, path in self.weights.items()},
            "pictures": [str(path) for path in self.pictures],
            "history": [epoch.as_json() for epoch in self.history],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class VersusCheckpoint:
    """All that a run needs to go on as if it had never stopped."""

    identity: dict[str, Any]
    backend: str
    history: tuple[VersusEpoch, ...]
    counts: tuple[int, int]
    """Batches of the discriminator and of the generator."""
    weights: dict[str, Array]
    optimizers: dict[str, Array]

    def save(self, path: Path) -> None:
        """Write everything as one file, so that no kill can leave halves of two epochs."""
        tensors = {
            **{f"weights.{name}": array for name, array in self.weights.items()},
            **{f"optimizers.{name}": array for name, array in self.optimizers.items()},
        }
        record = {
            "identity": json.dumps(self.identity),
            "backend": self.backend,
            "history": json.dumps([epoch.as_json() for epoch in self.history]),
            "steps": json.dumps(self.counts),
        }
        save_weights(path, tensors, record, dtype=None)

    @classmethod
    def load(cls, path: Path) -> VersusCheckpoint:
        """Read what `save` wrote; raises WeightsError for anything else."""
        stored = load_weights(path)
        try:
            identity = dict(json.loads(stored.metadata["identity"]))
            backend = stored.metadata["backend"]
            history = tuple(map(VersusEpoch.from_json, json.loads(stored.metadata["history"])))
            first, second = map(int, json.loads(stored.metadata["steps"]))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"{path} is no checkpoint of such a run: {error!r}") from None
        weights, optimizers = of_models(stored, "weights"), of_models(stored, "optimizers")
        return cls(identity, backend, history, (first, second), weights, optimizers)
