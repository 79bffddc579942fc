"""The networks of `test_moving`, which other processes load too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.network.loader import Spec, loads
from nnspec.training.runs import RunFolder
from nnspec.weights.canonical import load_weights

TRAININGS: dict[str, dict[str, Any]] = {
    "adam": {
        "optimizer": {
            "type": "adam",
            "learning_rate": {"schedule": "cosine", "peak": 0.01, "steps": 300, "warmup": 10},
            "l2": 0.001,
            "groups": [{"match": "*.bias", "learning_rate": {"scale": 0.5}, "l2": 0}],
        },
        # Not a divisor of an epoch's batches, so that its end leaves some of them waiting.
        "accumulate": 4,
        "clip": {"norm": 0.5},
    },
    # More batches than Keras takes step by step.
    "momentum": {
        "optimizer": {"type": "sgd", "momentum": 0.9, "learning_rate": 0.02},
        "batch_size": 5,
        "stop": {"metric": "val_loss", "patience": 6},
        "keep": {"metric": "val_accuracy"},
        "average": {"type": "ema", "decay": 0.9},
    },
    "plateau": {
        "optimizer": {
            "type": "adam",
            "learning_rate": {"schedule": "plateau", "initial": 0.05, "patience": 1},
        },
        "average": {"type": "swa", "start": 10, "every": 3},
        "accumulate": 4,
    },
}


def spec_in(folder: Path, name: str) -> Spec:
    """Write rows into a folder, and return a network that is trained on them."""
    draw = np.random.default_rng(0)
    features = draw.normal(size=(60, 3))
    label = (features.sum(axis=1) > 0).astype(int) + (features[:, 0] > 1)
    lines = [",".join(map(str, (*row, y))) for row, y in zip(features, label, strict=True)]
    (folder / "rows.csv").write_text("a,b,c,y\n" + "\n".join(lines) + "\n")
    return load_in(folder, name)


def load_in(folder: Path, name: str) -> Spec:
    """Return the network, whose rows stand in the folder."""
    training = TRAININGS.get(name, {"optimizer": name})
    document = {
        "nnspec": 1,
        "name": "Moving",
        "inputs": {"x": {"shape": [3]}},
        "layers": [
            {"type": "gaussian_noise", "stddev": 0.1},
            {"type": "dense", "units": 8, "activation": "tanh"},
            {"type": "layer_normalization"},
            {"type": "dropout", "rate": 0.3},
            {"name": "scores", "type": "dense", "units": 3},
            {"type": "softmax"},
        ],
        "data": {"source": "rows.csv", "features": {"x": ["a", "b", "c"]}, "target": "y"},
        "training": {"task": "multiclass", "batch_size": 8, "epochs": 40, **training},
    }
    return loads(json.dumps(document), path=folder / "net.json")


def require_whole(folder: Path) -> None:
    """Read every file of a run that there is."""
    files = RunFolder(folder)
    for path in files.files:
        if path.exists() and path.suffix == ".safetensors":
            load_weights(path)
        elif path.exists() and path.suffix == ".json":
            json.loads(path.read_text())
