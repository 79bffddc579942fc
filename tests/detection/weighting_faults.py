"""Faults of weights, masks and regularization."""

from __future__ import annotations

from typing import Any

from tests.detection.framework import Injection, layer, network
from tests.detection.patches import text

SGD: dict[str, Any] = {"type": "sgd", "learning_rate": 0.02}
MASKED = network(
    {"words": ([5], "int64")},
    layer("embedding", "table", input_dim=4, output_dim=3),
    layer("dense", "scores", units=3),
    training={"task": "multiclass", "optimizer": SGD, "mask": "words"},
)
SMALL = network(
    {"x": [6]},
    layer("dense", "hidden", units=9),
    layer("tanh", "bend"),
    layer("dense", "scores", units=3),
    training={
        "task": "regression",
        "optimizer": {**SGD, "momentum": 0.9},
        "clip": {"norm": 0.5},
        "regularization": [{"type": "l2", "factor": 0.02}, {"type": "l1", "factor": 0.01}],
    },
)
_MEAN = {
    "torch": r"\(weights \* losses\)\.sum\(\) / torch\.where\(total > 0, total, torch\.inf\)",
    "keras": r"ops\.sum\(weights \* losses\) / ops\.where\(total > 0, total, float\(\"inf\"\)\)",
}


def fault(name: str, side: str, spec: str, old: str, new: str) -> Injection:
    return Injection(name, "loss", side, spec, text(side, old, new), ())


FAULTS = [
    fault("weights ignored", "torch", MASKED, _MEAN["torch"], "losses.mean()"),
    fault("weights ignored", "keras", MASKED, _MEAN["keras"], "ops.mean(losses)"),
    fault(
        "weights of other rows",
        "torch",
        MASKED,
        r"sample_weight\.reshape\(",
        "sample_weight.flip(0).reshape(",
    ),
    fault(
        "divides by what is masked too",
        "keras",
        MASKED,
        r"total = ops\.sum\(weights \* counts\)",
        "total = ops.sum(ops.ones_like(losses))",
    ),
    fault("regularization of biases", "torch", SMALL, r"parameter\.ndim > 1", "parameter.ndim > 0"),
    fault("regularization of biases", "keras", SMALL, r'fnmatchcase\(name, "\*/kernel"\)', "name"),
    fault("half of the squares", "keras", SMALL, r"l2=0\.02", "l2=0.01"),
    fault("regularization left out", "torch", SMALL, r" \+ penalty\(model\)", ""),
]
