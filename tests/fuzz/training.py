"""Random sections `training` and `data`."""

from __future__ import annotations

import random
from typing import Any

from nnspec.language.optimizers import OPTIMIZERS

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
SCHEDULES: list[dict[str, Any]] = [
    {"schedule": "constant", "initial": 0.01},
    {"schedule": "step", "initial": 0.01, "steps": 2},
    {"schedule": "multi_step", "initial": 0.01, "milestones": [1, 3]},
    {"schedule": "piecewise_constant", "rates": [0.01, 0.0, 0.02], "milestones": [2, 3]},
    {"schedule": "linear", "initial": 0.01, "end": 0.02, "steps": 5},
    {"schedule": "polynomial", "initial": 0.01, "power": 2.0, "steps": 5},
    {"schedule": "inverse_sqrt", "peak": 0.01, "steps": 3},
    {"schedule": "inverse_time", "initial": 0.01, "steps": 3, "staircase": True},
    {"schedule": "cosine_restarts", "peak": 0.01, "steps": 2, "growth": 3, "end": 0.001},
    {"schedule": "one_cycle", "peak": 0.01, "steps": 12},
    {"schedule": "cyclical", "initial": 0.001, "peak": 0.01, "steps": 2, "down": 1},
    {"schedule": "one_cycle", "peak": 0.01, "steps": 12, "cycle_momentum": True},
    {
        "schedule": "chained",
        "schedules": [0.01, {"schedule": "linear", "initial": 0.01, "steps": 4}],
        "lengths": [2],
    },
]


def training_for(task: str, rng: random.Random) -> dict[str, Any]:
    """Return how a network of this task is trained."""
    adam = {"type": "adam", "learning_rate": 0.01, "beta_1": rng.choice([0.5, 0.9])}
    momentum = rng.choice([0.0, 0.9])
    sgd: dict[str, Any] = {"type": "sgd", "momentum": momentum}
    if momentum:
        sgd["nesterov"] = rng.random() < 0.5
    others = [*OPTIMIZERS]
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
        rate = rng.choice([cosine, factor, *SCHEDULES])
        if rng.random() < 0.3 and rate["schedule"] not in ("cosine", "one_cycle", "chained"):
            rate = {**rate, "warmup": rng.choice([1, 3])}
        if rate.get("cycle_momentum") and not OPTIMIZERS[training["optimizer"]["type"]].cycled:
            rate = cosine
        training["optimizer"] = {**training["optimizer"], "learning_rate": rate}
    if rng.random() < 0.2:
        training["clip"] = {
            rng.choice(["norm", "norm_each", "value"]): rng.choice([1e-3, 0.5, 9.0])
        }
    if rng.random() < 0.15:
        training["accumulate"] = rng.choice([2, 3])
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
