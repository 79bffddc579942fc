"""Verifies every network of the zoo, small, with trainings that rotate: no false alarm.

`python -m tests.fuzz.zoo` names what was chosen, and ends with 1 where verify finds anything;
`--rounds 3` takes three trainings for each network, words choose networks.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nnspec
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.schedules import SCHEDULES
from nnspec.language.source import parse
from nnspec.network.heads import final_activation
from nnspec.network.loader import Spec, loads
from tests.parity.rows import SETTINGS, scaled
from tests.project.test_zoo import PATHS, REDUCED, reduced

LOSSES: dict[str, tuple[Any, ...]] = {
    "regression": (
        "mse", "mae", {"type": "huber", "delta": 0.3}, {"type": "smooth_l1", "beta": 0.2},
        "log_cosh", "cosine_similarity", {"type": "poisson", "log_input": True}, "hinge",
    ),
    "binary": (
        {"type": "binary_cross_entropy", "label_smoothing": 0.1}, "binary_focal", "dice", "tversky",
        {"type": "binary_cross_entropy", "positive_weight": 3.0},
    ),
    "multiclass": (
        {"type": "categorical_cross_entropy", "label_smoothing": 0.1}, "categorical_focal",
        "generalized_cross_entropy", "kl_divergence", "categorical_dice",
        "categorical_cross_entropy",
    ),
}  # fmt: skip
OPTIONS: dict[str, dict[str, Any]] = {
    "adam": {"amsgrad": True},
    "sgd": {"momentum": 0.9, "nesterov": True},
    "rms_prop": {"centered": True, "momentum": 0.5},
}
CLIPS = (None, {"norm": 0.1}, {"norm_each": 0.05}, {"value": 0.01})
PENALTIES: tuple[dict[str, Any], ...] = (
    {}, {"l2": 0.01}, {"decay": {"rate": 0.1, "of": "weights"}},
    {"groups": [{"match": "weights", "l2": 0.01, "learning_rate": {"scale": 0.3}}]},
    {"decay": 0.1, "l2": {"rate": 0.01, "of": "weights"}},
)  # fmt: skip
AVERAGES = (None, None, {"type": "ema", "decay": 0.9}, {"type": "swa", "start": 2})
ACCUMULATIONS = (1, 1, 2)
Training = dict[str, Any]


def trainings() -> Iterator[tuple[int, Training]]:
    """Yield without end (number, training without task and loss), each part by its own turn."""
    schedules = [None, *SCHEDULES]
    parts = zip(
        itertools.cycle(OPTIMIZERS), itertools.cycle(schedules), itertools.cycle(CLIPS),
        itertools.cycle(PENALTIES), itertools.cycle(AVERAGES), itertools.cycle(ACCUMULATIONS),
        strict=False,
    )  # fmt: skip
    for number, (kind, schedule, clip, penalty, average, accumulate) in enumerate(parts):
        optimizer = {"type": kind, **OPTIONS.get(kind, {}), **penalty}
        rate = OPTIMIZERS[kind].model_fields["learning_rate"].default
        if schedule is not None and OPTIMIZERS[kind].takes_schedule:
            settings = {"schedule": schedule, **SETTINGS[schedule]}
            optimizer["learning_rate"] = scaled(settings, rate)
        found: Training = {"optimizer": optimizer, "accumulate": accumulate}
        if clip is not None:
            found["clip"] = clip
        if average is not None:
            found["average"] = average
        yield number, found


def trained(path: Path, number: int, training: Training) -> Spec:
    """Return the network, small, with a training; of several outputs with a loss for each."""
    document = dict(parse(path.read_text(encoding="utf-8")))
    small = reduced(path)
    outputs = small.graph.outputs
    document["variables"] = {**document.get("variables", {}), **REDUCED[path.stem]}
    document.pop("data", None)
    task = _task_of(small)
    losses = LOSSES[task]
    for turn in range(len(losses)):
        loss = losses[(number + turn) % len(losses)]
        if len(outputs) == 1:
            document["training"] = {"task": task, "loss": loss, **training}
        else:
            record = {"type": loss} if isinstance(loss, str) else loss
            each = {name: {**record, "weight": 0.5 + i} for i, name in enumerate(outputs)}
            document["training"] = {"loss": each, **training}
        try:
            return loads(json.dumps(document), path=path, is_json=True)
        except nnspec.SpecError as error:
            problem = error.problems[0]
    raise AssertionError(f"{path.stem}: {problem.code}: {problem.message}")


def _task_of(spec: Spec) -> str:
    head = final_activation(spec.graph) if len(spec.graph.outputs) == 1 else None
    kinds = {"softmax": "multiclass", "sigmoid": "binary"}
    return kinds.get(head.activation.type, "regression") if head is not None else "regression"


def main() -> int:
    """Verify each; 1 where there is an alarm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="of the trainings")
    parser.add_argument("words", nargs="*", help="of the networks' names")
    arguments = parser.parse_args()
    chosen = [p for p in PATHS if not arguments.words or any(w in p.stem for w in arguments.words)]
    made = itertools.islice(trainings(), arguments.start, None)
    alarms = verified = 0
    for _, path in itertools.product(range(arguments.rounds), chosen):
        number, training = next(made)
        spec = trained(path, number, training)
        start = time.process_time()
        report = nnspec.verify(spec, backends=("torch", "keras"), exporters=False, steps=3)
        seconds = time.process_time() - start
        given = spec.model.training
        assert given is not None
        verdict = "right" if report.passed else "ALARM"
        print(
            f"{path.stem:20} {verdict} {seconds:5.1f} s  {number}: {json.dumps(training)}",
            flush=True,
        )
        for check in report.failures():
            what = f"{check.kind} {check.dtype} {' and '.join(check.pair)} {check.layer or ''}"
            print(f"    {what}: {check.error:.2e} of {check.tolerance:.2e} {check.detail}")
        for left in report.not_checked:
            if left.kind in ("gradient", "training", "optimizer"):
                print(f"    left out: {left.kind} {' and '.join(left.pair)}: {left.reason}")
        alarms += not report.passed
        verified += 1
    print(f"{verified} trainings of {len(chosen)} networks: {alarms or 'no'} false alarms")
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
