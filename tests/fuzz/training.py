"""Random sections `training` and `data`."""

from __future__ import annotations

import random
from typing import Any

_LOSSES: dict[str, list[Any]] = {
    "binary": [
        {"type": "binary_cross_entropy", "label_smoothing": 0.2, "positive_weight": 3.0},
        {"type": "binary_cross_entropy", "ignore_index": -1},
        {"type": "binary_focal", "gamma": 0.5, "alpha": 0.3},
        {"type": "dice", "smooth": 0.1},
        {"type": "tversky"},
    ],
    "multiclass": [
        {"type": "categorical_cross_entropy", "label_smoothing": 0.1},
        {"type": "categorical_cross_entropy", "ignore_index": 0},
        {"type": "generalized_cross_entropy"},
        {"type": "kl_divergence"},
    ],
}
"""Losses that take what a network of the task ends in."""


def training_for(task: str, rng: random.Random) -> dict[str, Any]:
    """Return how a network of this task is trained."""
    adam = {"type": "adam", "learning_rate": 0.01, "beta_1": rng.choice([0.5, 0.9])}
    momentum = rng.choice([0.0, 0.9])
    sgd: dict[str, Any] = {"type": "sgd", "momentum": momentum}
    if momentum:
        sgd["nesterov"] = rng.random() < 0.5
    others = ["adam", "sgd", "adamw", "adamax", "rms_prop", "adagrad"]
    training: dict[str, Any] = {
        "task": task,
        "optimizer": rng.choice([adam, sgd, rng.choice(others)]),
    }
    if task == "regression":
        losses = ["mse", "mae", "huber", "smooth_l1", "log_cosh", "msle"]
        training["loss"] = rng.choice(losses)
    if rng.random() < 0.4 and task in _LOSSES:
        training["loss"] = rng.choice(_LOSSES[task])
    if rng.random() < 0.3 and isinstance(training["optimizer"], dict):
        cosine = {"schedule": "cosine", "peak": 0.01, "steps": 9, "warmup": rng.choice([0, 4])}
        factor = {"schedule": "exponential", "initial": 0.01, "factor": 0.5, "steps": 2}
        factor |= {"staircase": rng.random() < 0.5}
        rate = rng.choice([cosine, factor])
        training["optimizer"] = {**training["optimizer"], "learning_rate": rate}
    if rng.random() < 0.4:
        training |= {"epochs": 2, "batch_size": rng.choice([1, 32]), "shuffle": rng.random() < 0.5}
    if task == "regression" and rng.random() < 0.5:
        losses = ["mae", "huber", "smooth_l1", "log_cosh", "msle"]
        training |= {"loss": rng.choice(losses), "metrics": ["mae"]}
    return training


def data_for(rng: random.Random, inputs: dict[str, Any]) -> dict[str, Any]:
    """Return where the rows would come from; no such file is needed to compile and to verify."""
    shapes = [value["shape"] for value in inputs.values()]
    is_flat = all(len(shape) == 1 and isinstance(shape[0], int) for shape in shapes)
    is_table = is_flat and rng.random() < 0.7
    features: dict[str, Any] = {}
    for name, value in inputs.items():
        features[name] = f"{name}_values"
        if is_table:
            columns = [f"{name[:30]} {i}" for i in range(value["shape"][0])]
            features[name] = f"{name[:30]}*" if rng.random() < 0.5 else columns
    source = rng.choice(["rows.csv", "rows.parquet"]) if is_table else "rows.npz"
    return {"source": source, "features": features, "target": "wanted"}
