"""Trainings in which every two choices of what a script is made of meet at least once."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from functools import cache
from typing import Any

from nnspec.language.optimizers import OPTIMIZERS
from tests.matrix.networks import BATCH, BODIES, CLASSES, Document, end

Row = dict[str, str]

CHOICES: dict[str, tuple[str, ...]] = {
    "goal": ("numbers", "yes or no", "classes", "several", "itself"),
    "source": ("csv", "parquet", "jsonl", "npz"),
    "counts": ("rows alike", "sample_weight"),
    "parts": ("validation", "no validation", "test"),
    "scaling": ("as they are", "standardize", "standardize_target"),
    "optimizer": ("sgd", "adamw", "rms_prop", "muon", "schedule_free_adamw"),
    "rate": ("fixed", "cosine after warmup", "one_cycle", "epochs", "plateau"),
    "clip": ("unclipped", "norm", "norm_each", "value"),
    "decay": ("without decay", "l2", "decay of weights", "groups"),
    "accumulate": ("1", "3"),
    "average": ("no average", "ema", "swa"),
    "metrics": ("usual metrics", "no metrics", "collected metrics"),
    "regularization": ("no penalty", "penalty"),
    "watched": ("all epochs", "keep", "stop", "keep and stop"),
    "layers": ("plain", "batch_normalization", "dropout", "frozen"),
    "order": ("shuffled", "in order"),
}
"""What is chosen for each row, and from what."""
LOSSES: dict[str, Document] = {
    "numbers": {"type": "huber"},
    "yes or no": {"type": "binary_cross_entropy"},
    "classes": {"type": "categorical_cross_entropy", "class_weights": [1.0, 2.0, 0.5]},
    "itself": {"type": "mse"},
}
TASKS = {"numbers": "regression", "yes or no": "binary", "classes": "multiclass",
         "itself": "autoencoder"}  # fmt: skip
COLLECTED: dict[str, list[Any]] = {
    "numbers": ["rmse", "r2"],
    "yes or no": ["auc", "f1", "confusion_matrix"],
    "classes": [{"type": "recall", "average": "per_class"}, "kappa", "log_loss"],
    "several": ["mse", "balanced_accuracy"],
    "itself": ["rmse"],
}
OPTIONS: dict[str, Document] = {
    "sgd": {"momentum": 0.9, "nesterov": True},
    "rms_prop": {"centered": True, "momentum": 0.5},
}
RATES: dict[str, Document] = {
    "cosine after warmup": {"schedule": "cosine", "peak": 0.02, "steps": 9, "warmup": 2},
    "one_cycle": {"schedule": "one_cycle", "peak": 0.02, "steps": 10},
    "epochs": {"schedule": "linear", "initial": 0.02, "end": 0.01, "steps": "2 epochs"},
    "plateau": {"schedule": "plateau", "initial": 0.02, "patience": 1, "threshold": 0.5},
}


def is_valid(row: Row) -> bool:
    """Whether the language has such a training."""
    by_one = row["goal"] == "numbers" and row["scaling"] == "standardize_target"
    keeps_average = OPTIMIZERS[row["optimizer"]].keeps_average
    return (
        (by_one or row["scaling"] != "standardize_target")
        and not (keeps_average and row["average"] != "no average")
        and (OPTIMIZERS[row["optimizer"]].takes_schedule or row["rate"] == "fixed")
    )


@cache
def rows() -> tuple[Row, ...]:
    """Return rows in which all pairs that are valid occur: greedily, the same ones each time."""
    rng = random.Random("pairs")
    open_: set[tuple[tuple[str, str], ...]] = set()
    for one, other in itertools.combinations(CHOICES, 2):
        for values in itertools.product(CHOICES[one], CHOICES[other]):
            open_.add(((one, values[0]), (other, values[1])))
    found: list[Row] = []
    while open_:
        first = min(open_)
        candidates = [each for _ in range(60) if (each := _drawn(rng, dict(first))) is not None]
        if not candidates:
            open_.remove(first)  # these two exclude one another
            continue
        best = max(candidates, key=lambda row: len(open_ & _pairs(row)))
        open_ -= _pairs(best)
        found.append(best)
    return tuple(found)


def _drawn(rng: random.Random, fixed: Row) -> Row | None:
    for _ in range(30):
        row = {name: fixed.get(name) or rng.choice(values) for name, values in CHOICES.items()}
        if is_valid(row):
            return row
    return None


def _pairs(row: Row) -> set[tuple[tuple[str, str], ...]]:
    return set(itertools.combinations(row.items(), 2))


def named(row: Row) -> str:
    """Return the choices that are not the first of their kind, as a text."""
    said = [value for name, value in row.items() if value != CHOICES[name][0]]
    return f"pair {', '.join(said)}"


def document(row: Row) -> Document:
    """Return the spec of a row."""
    goal = row["goal"]
    columns = "x" if row["source"] == "npz" else "x_*"
    found: Document = {
        "nnspec": 1,
        "name": "Trained",
        "inputs": {"x": {"shape": [6]}},
        "layers": [*BODIES["vector"], *_late(row["layers"])],
        "data": {"source": f"rows.{row['source']}", "features": {"x": columns}, "validation": 0.3},
        "training": {"optimizer": _optimizer(row), "epochs": 3, "batch_size": BATCH, "seed": 1},
    }
    trunk = "late" if row["layers"] != "plain" else "hidden"
    data, training = found["data"], found["training"]
    if goal == "several":
        kinds = (("size", "numbers"), ("kind", "classes"))
        for name, kind in kinds:
            found["layers"] += end(LOSSES[kind] | {"weight": 1.0}, TASKS[kind], name, inputs=trunk)
        found["layers"][-2]["units"] = 1  # a column of a table
        training["loss"] = {name: {**LOSSES[kind], "weight": 0.5} for name, kind in kinds}
        found["outputs"] = data["target"] = {"size": "a", "kind": "b"}
        found["outputs"] = [*found["outputs"]]
    else:
        found["layers"] += end(LOSSES[goal], TASKS[goal])
        training |= {"task": TASKS[goal], "loss": LOSSES[goal]}
        if goal == "numbers":
            found["layers"][-1]["units"] = 1
        if goal != "itself":
            data["target"] = "wanted"
    for choose in (_rows, _updates, _watching):
        choose(row, data, training)
    return found


def _late(kind: str) -> list[Document]:
    made: dict[str, Document] = {
        "batch_normalization": {"type": "batch_normalization"},
        "dropout": {"type": "dropout", "rate": 0.3},
        "frozen": {"type": "dense", "units": 4, "trainable": False},
    }
    return [{"name": "late", **made[kind]}] if kind in made else []


def _optimizer(row: Row) -> Document:
    kind = row["optimizer"]
    found: Document = {"type": kind, **OPTIONS.get(kind, {})}
    found["learning_rate"] = RATES.get(row["rate"], 0.02)
    if row["decay"] == "l2":
        found["l2"] = 0.05
    elif row["decay"] == "decay of weights":
        found["decay"] = {"rate": 0.1, "of": "weights"}
    elif row["decay"] == "groups":
        found["groups"] = [{"match": "hidden.*", "l2": 0.1}, {"match": "*.bias", "decay": 0.0}]
    return found


def _rows(row: Row, data: Document, training: Document) -> None:
    if row["counts"] == "sample_weight":
        data["sample_weight"] = "w"
    if row["parts"] == "no validation":
        data["validation"] = 0
    elif row["parts"] == "test":
        data["test"] = 0.2
    if row["scaling"] != "as they are":
        data[row["scaling"]] = True
    training["shuffle"] = row["order"] == "shuffled"


def _updates(row: Row, data: Document, training: Document) -> None:
    if row["clip"] != "unclipped":
        training["clip"] = {row["clip"]: 0.05}
    if row["accumulate"] != "1":
        training["accumulate"] = int(row["accumulate"])
    if row["average"] == "ema":
        training["average"] = {"type": "ema", "decay": 0.7}
    elif row["average"] == "swa":
        training["average"] = {"type": "swa", "start": 2}
    if row["regularization"] == "penalty":
        training["regularization"] = [{"type": "l2", "factor": 0.05, "of": "weights"}]


def _watching(row: Row, data: Document, training: Document) -> None:
    if row["metrics"] == "no metrics":
        training["metrics"] = []
    elif row["metrics"] == "collected metrics":
        training["metrics"] = COLLECTED[row["goal"]]
    measure = "loss" if data["validation"] == 0 else "val_loss"
    if "keep" in row["watched"]:
        training["keep"] = {"metric": measure}
    if "stop" in row["watched"]:
        training["stop"] = {"metric": "loss", "patience": 1, "min_delta": 0.05}


Made = Callable[[Row], Document]


def pairs() -> dict[str, Document]:
    """Return the cases by name."""
    return {named(row): document(row) for row in rows()}


assert len(LOSSES["classes"]["class_weights"]) == CLASSES
