"""The networks of `test_moving`, which other processes load too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from nnspec.network.loader import Spec, loads

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
    "cycled": {
        "optimizer": {
            "type": "nadam",
            "learning_rate": {
                "schedule": "one_cycle", "peak": 0.02, "steps": "100%", "cycle_momentum": True,
            },
        },
        "accumulate": 2,
    },
    "everything": {
        "optimizer": {
            "type": "nadam",
            "learning_rate": {"schedule": "plateau", "initial": 0.02, "patience": 2},
            "decay": {"rate": 0.01, "of": "weights"},
            "groups": [{"match": "scores.*", "decay": 0.1}],
        },
        "accumulate": 5,
        "clip": {"norm_each": 0.5},
        "average": {"type": "ema", "decay": 0.9},
        "keep": {"metric": "val_accuracy"},
        "stop": {"metric": "val_loss", "patience": 30},
    },
    "losses": {
        "loss": {
            "chances": {"type": "categorical_cross_entropy", "label_smoothing": 0.1},
            "amount": {"type": "huber", "weight": 0.3},
        },
        "optimizer": {
            "type": "adamw",
            "learning_rate": {"schedule": "cosine_restarts", "peak": 0.01, "steps": 20},
        },
        "accumulate": 4,
        "clip": {"value": 0.1},
        "average": {"type": "ema", "decay": 0.9},
    },
}  # fmt: skip


def spec_in(folder: Path, name: str) -> Spec:
    """Write rows into a folder, and return a network that is trained on them."""
    draw = np.random.default_rng(0)
    features = draw.normal(size=(60, 3))
    label = (features.sum(axis=1) > 0).astype(int) + (features[:, 0] > 1)
    rows = zip(features, label, strict=True)
    lines = [",".join(map(str, (*row, y, row[0] * row[1]))) for row, y in rows]
    (folder / "rows.csv").write_text("a,b,c,y,z\n" + "\n".join(lines) + "\n")
    return load_in(folder, name)


def load_in(folder: Path, name: str) -> Spec:
    """Return the network, whose rows stand in the folder."""
    training = TRAININGS.get(name, {"optimizer": name})
    task, several = {"task": "multiclass"}, {}
    target: Any = "y"
    amount: list[dict[str, Any]] = []
    if isinstance(training.get("loss"), dict):
        amount = [{"name": "amount", "type": "dense", "units": 1, "inputs": "hidden"}]
        task = {}
        several, target = {"outputs": ["chances", "amount"]}, {"chances": "y", "amount": "z"}
    document = {
        "nnspec": 1,
        "name": "Moving",
        "inputs": {"x": {"shape": [3]}},
        "layers": [
            {"type": "gaussian_noise", "stddev": 0.1},
            {"type": "dense", "units": 8, "activation": "tanh"},
            {"type": "layer_normalization"},
            {"name": "hidden", "type": "dropout", "rate": 0.3},
            *amount,
            {"name": "scores", "type": "dense", "units": 3, "inputs": "hidden"},
            {"name": "chances", "type": "softmax"},
        ],
        **several,
        "data": {"source": "rows.csv", "features": {"x": ["a", "b", "c"]}, "target": target},
        "training": {**task, "batch_size": 8, "epochs": 40, **training},
    }
    return loads(json.dumps(document), path=folder / "net.json")
