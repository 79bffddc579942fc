"""Random options of the language's own records: losses, metrics, optimizers, schedules."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from nnspec.language.losses import LOSSES
from nnspec.language.metrics import METRICS
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.schedules import SCHEDULES
from nnspec.language.schedules.chains import Chained
from nnspec.language.schedules.plateau import Plateau

Record = dict[str, Any]

CLASSES = 3
"""Of every network that has classes."""
MINE = {"type", "schedule", "weight", "output", "axis", "learning_rate", "groups"}
"""Fields that whoever makes the record gives, where they are given at all."""
CHOICES: dict[str, list[Any]] = {
    # Losses.
    "label_smoothing": [0.0, 0.1, 0.7],
    "positive_weight": [0.2, 3.0],
    "class_weights": [[1.0, 3.0, 0.5], [0.0, 1.0, 1.0]],
    "ignore_index": [-100, 0, 255],
    "gamma": [0.0, 0.5, 2.0, 5.0],
    "alpha": [0.25, 0.75],
    "q": [0.1, 0.7, 1.0],
    "delta": [0.01, 1.0, 30.0],
    "beta": [0.1, 0.9],
    "smooth": [1e-3, 1.0],
    "margin": [0.1, 0.9],
    "log_input": [True, False],
    "log_variance": [True, False],
    "blank": [0, 2],
    "padding": [-1, -7],
    # Optimizers.
    "momentum": [0.0, 0.5, 0.99],
    "dampening": [0.0, 0.3],
    "beta_1": [0.0, 0.5, 0.9],
    "beta_2": [0.0, 0.9, 0.999],
    "epsilon": [1e-10, 1e-7, 1e-3],
    "initial_sum": [1e-3, 0.1, 2.0],
    "rho": [0.0, 0.5, 0.99],
    "momentum_decay": [0.0, 0.004, 1.0],
    "l2": [0.0, 1e-4, 0.3, {"rate": 0.1, "of": "weights"}],
    "decay": [0.0, 1e-3, 0.5, {"rate": 0.1, "of": "weights"}],
    "shrink": [0.3, 0.5],
    "grow": [1.1, 2.0],
    "least": [1e-6, 1e-4],
    "most": [0.1, 50.0],
    "pull": [0.0, 1e-2],
    "l1": [0.0, 0.01],
    "ridge": [0.0, 0.1],
    # Schedules.
    "steps": [1, 2, 7, 1000, "10%", "50%", "1 epoch", "0.5 epochs"],
    "warmup": [0, 1, 3, "10%", "1 epoch"],
    "factor": [0.1, 0.7],
    "growth": [1, 3],
    "down": [0, 1, 3],
    "pct_start": [0.1, 0.5],
    "div_factor": [2.0, 25.0],
    "final_div_factor": [10.0, 1e4],
    "base_momentum": [0.5, 0.8],
    "max_momentum": [0.8, 0.99],
    "patience": [0, 3],
    "cooldown": [0, 2],
    "threshold": [0.0, 1e-2],
    # Metrics.
    "k": [1, 2],
}  # fmt: skip
"""What a field may be, by its name; a flag is either, and another stays as it is."""
BY_TYPE: dict[tuple[str, str], list[Any]] = {
    ("categorical_focal", "alpha"): [[1.0, 3.0, 0.5]],
    ("tversky", "beta"): [0.2, 0.7],
    ("multi_margin", "power"): [1, 2],
    ("asgd", "power"): [0.5, 0.75],
    ("ftrl", "power"): [-0.5, -0.1],
    ("schedule_free_adamw", "beta_1"): [0.5, 0.9],
    ("polynomial", "power"): [0.5, 2.0],
    ("inverse_time", "decay"): [0.1, 3.0],
    ("cosine_embedding", "margin"): [-0.5, 0.0, 0.5],
    ("contrastive", "epsilon"): [1e-8, 1e-3],
    ("triplet", "epsilon"): [1e-8, 1e-3],
}
"""Where one name means something else to a record."""
RATES = (1e-6, 1e-3, 0.02)
AVERAGED = {"precision", "recall", "f1", "iou", "auc", "average_precision"}


def options(rng: random.Random, kind: str, fields: Mapping[str, Any], share: float) -> Record:
    """Return some of a record's options with random values."""
    found: Record = {}
    for name, field in fields.items():
        if name in MINE or rng.random() >= share:
            continue
        if field.default is True or field.default is False:
            found[name] = rng.random() < 0.7
        elif choices := BY_TYPE.get((kind, name)) or CHOICES.get(name):
            found[name] = rng.choice(choices)
    return found


def loss_of(rng: random.Random, kind: str) -> Record | str:
    """Return a loss with some of its options."""
    found = {"type": kind, **options(rng, kind, LOSSES[kind].model_fields, 0.4)}
    return kind if len(found) == 1 and rng.random() < 0.5 else found


def metrics_of(rng: random.Random, task: str) -> list[Any]:
    """Return some metrics that a kind of targets has."""
    fitting = [kind for kind, each in METRICS.items() if task in each.fits]
    found: list[Any] = []
    for kind in rng.sample(fitting, rng.randint(0, min(4, len(fitting)))):
        record: Record = {"type": kind}
        if kind in AVERAGED and rng.random() < 0.4 and task == "multiclass":
            record["average"] = rng.choice(["macro", "weighted", "per_class"])
        if kind == "top_k_accuracy":
            record["k"] = rng.choice([1, 2])
        found.append(record if len(record) > 1 or rng.random() < 0.3 else kind)
    return found


def schedule_of(rng: random.Random, rate: float, measures: list[str], depth: int = 0) -> Record:
    """Return a schedule of rates around this one; measures: what a plateau may follow."""
    kind = rng.choice([k for k in SCHEDULES if depth == 0 or k not in ("plateau", "chained")])
    cls = SCHEDULES[kind]
    fields = cls.model_fields
    if issubclass(cls, Chained):
        count = rng.choice([2, 3])
        inner = [
            rate if rng.random() < 0.3 else schedule_of(rng, rate, measures, depth + 1)
            for _ in range(count)
        ]
        for each in inner:
            if isinstance(each, dict):
                without_momentum(each)
        lengths = [rng.choice([1, 4, "1 epoch", "20%"]) for _ in range(count - 1)]
        return {"schedule": kind, "schedules": inner, "lengths": lengths}
    found: Record = {"schedule": kind, **options(rng, kind, fields, 0.5)}
    for name, field in fields.items():
        if name in ("initial", "peak"):
            found[name] = rate * (10 if name == "peak" and "initial" in fields else 1)
        elif name in ("end", "minimum") and rng.random() < 0.5:
            found[name] = rate * 0.1
        elif name == "rates":
            found[name] = [rate, rng.choice([0.0, rate / 3]), rate * 2]
            found["milestones"] = rng.choice([[1, 3], ["1 epoch", "3 epochs"], ["20%", "70%"]])
        elif name == "milestones" and "rates" not in fields:
            found[name] = rng.choice([[1], [1, 3, 500], ["50%"], ["0.5 epochs", "1 epoch"]])
        elif field.is_required() and name in CHOICES:
            found.setdefault(name, rng.choice(CHOICES[name]))
    if not found.get("cycle_momentum"):
        found.pop("base_momentum", None)
        found.pop("max_momentum", None)
    if issubclass(cls, Plateau) and measures and rng.random() < 0.5:
        found["metric"] = rng.choice(measures)
    return found


def without_momentum(schedule: Record) -> None:
    """Let a schedule cycle no momentum."""
    for name in ("cycle_momentum", "base_momentum", "max_momentum"):
        schedule.pop(name, None)


def optimizer_of(rng: random.Random, names: list[str], measures: list[str]) -> Record | str:
    """Return an optimizer with options, a schedule, groups; names: parameters of the network."""
    kind = rng.choice([*OPTIMIZERS])
    cls = OPTIMIZERS[kind]
    if rng.random() < 0.1:
        return kind
    found: Record = {"type": kind, **options(rng, kind, cls.model_fields, 0.35)}
    if found.get("nesterov"):
        found["momentum"] = found.get("momentum") or 0.9
    if found.get("nesterov") or not found.get("momentum"):
        found.pop("dampening", None)
    rate = rng.choice(RATES)
    if rng.random() < 0.55 and cls.takes_schedule:
        found["learning_rate"] = schedule_of(rng, rate, measures)
        if cls.cycled is None:
            without_momentum(found["learning_rate"])
    elif rng.random() < 0.7:
        found["learning_rate"] = rate
    if names and rng.random() < 0.25:
        found["groups"] = [
            _group(rng, names, found.get("learning_rate")) for _ in range(rng.choice([1, 2]))
        ]
    return found


def _group(rng: random.Random, names: list[str], shared: Any) -> Record:
    """Return a group beside this rate: beside a schedule a share of it, on a plateau none."""
    group: Record = {"match": rng.choice(["weights", rng.choice(names), [rng.choice(names)]])}
    is_plain = not isinstance(shared, dict)
    rate = rng.choice([1e-4 if is_plain else {"scale": 3.0}, {"scale": 0.1}])
    own = {"learning_rate": rate, "l2": 0.01, "decay": 0.2}
    if not is_plain and shared["schedule"] == "plateau":
        del own["learning_rate"]
    for key in rng.sample([*own], rng.choice([1, 2])):
        group[key] = own[key]
    return group
