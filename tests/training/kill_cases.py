"""The trainings that `kills` interrupts: of one network and of two, with all that a run carries."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.network.loader import load_networks
from nnspec.network.spec import Spec
from nnspec.training.adversarial import train_networks
from nnspec.training.epochs import train
from nnspec.training.runs import RunFolder
from nnspec.training.versus_runs import VersusFolder
from nnspec.weights.canonical import load_weights
from tests.training.moving_spec import TRAININGS, spec_in
from tests.versus_cases import text_of, write

VERSUS = {"gan": "non_saturating", "wasserstein": "penalty"}
"""Case of a generator and a discriminator -> its loss."""


class Case(ABC):
    """A training of some epochs, and how its folders are compared."""

    epochs = 40

    @abstractmethod
    def train(self, backend: str, folder: Path, **more: Any) -> object:
        """Train, or go on, in float64."""

    @abstractmethod
    def files(self, folder: Path) -> tuple[Path, ...]:
        """Return all that a run may write."""

    def require_whole(self, folder: Path) -> None:
        """Read every file of a run that there is."""
        for path in self.files(folder):
            if path.exists() and path.suffix == ".safetensors":
                load_weights(path)
            elif path.exists() and path.suffix == ".json":
                json.loads(path.read_text())
            elif path.exists() and path.suffix == ".png":
                from matplotlib.image import imread

                imread(path)

    def difference(self, folder: Path, whole: Sequence[Path]) -> float:
        """Return the largest relative error of a tensor against the runs that nobody killed.

        PyTorch's running variance follows another formula (docs/divergences.md), which nothing else
        follows from: it lies between those of the frameworks alone.
        """
        worst = 0.0
        found = load_weights(folder / "checkpoint.safetensors")
        others = [load_weights(each / "checkpoint.safetensors") for each in whole]
        for other, path in zip(others, whole, strict=True):
            assert found.keys() == other.keys()
            self.require_record(folder, path)
        for name, array in found.items():
            values = [other[name] for other in others]
            if name.endswith("running_var"):
                low, high = np.minimum.reduce(values), np.maximum.reduce(values)
                slack = 1e-7 * high
                assert ((low - slack <= array) & (array <= high + slack)).all(), name
                continue
            for value in values:
                scale = max(np.abs(value).max(initial=0), 1e-3)
                worst = max(worst, float(np.abs(array - value).max(initial=0) / scale))
        return worst

    def require_record(self, folder: Path, other: Path) -> None:
        """Hold the two histories equal, but for what rounding does to them."""
        records = [json.loads((each / "run.json").read_text()) for each in (folder, other)]
        assert [record["status"] for record in records] == ["finished"] * 2, records
        assert records[0]["epochs"] == records[1]["epochs"], records
        histories = [json.loads((each / "history.json").read_text()) for each in (folder, other)]
        for first, second in zip(*histories, strict=True):
            assert first.keys() == second.keys()
            for name in first.keys() - {"seconds", "backend"}:
                assert abs(first[name] - second[name]) <= 1e-6 * max(1, abs(second[name])), name


class OneNetwork(Case):
    """The training of one network."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    def train(self, backend: str, folder: Path, **more: Any) -> object:
        return train(self.spec, backend, folder, epochs=self.epochs, dtype="float64", **more)

    def files(self, folder: Path) -> tuple[Path, ...]:
        return RunFolder(folder).files

    def require_record(self, folder: Path, other: Path) -> None:
        super().require_record(folder, other)
        records = [json.loads((each / "run.json").read_text()) for each in (folder, other)]
        assert records[0]["best"]["epoch"] == records[1]["best"]["epoch"]
        best = [load_weights(each / "best.safetensors") for each in (folder, other)]
        for name, array in best[0].items():
            np.testing.assert_allclose(best[1][name], array, rtol=1e-6, atol=1e-7)


class TwoNetworks(Case):
    """The training of a generator against a discriminator."""

    epochs = 12

    def __init__(self, path: Path) -> None:
        self.networks = load_networks(path)

    def train(self, backend: str, folder: Path, **more: Any) -> object:
        given = self.networks
        return train_networks(given, backend, folder, epochs=self.epochs, dtype="float64", **more)

    def files(self, folder: Path) -> tuple[Path, ...]:
        return VersusFolder(folder, self.networks).files


def case_in(folder: Path, name: str) -> Case:
    """Write the rows, and the spec, of a case into a folder."""
    if name not in VERSUS:
        assert name in TRAININGS, f"no case {name}"
        return OneNetwork(spec_in(folder, name))
    loss = VERSUS[name]
    norm = "rms_normalization, axis: 0" if loss == "penalty" else "batch_normalization"
    return TwoNetworks(write(folder, text_of(loss, norm=norm, updates="gathered")))
