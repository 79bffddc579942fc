"""Faults of what training and evaluation do unlike one another: running statistics, dropout."""

from __future__ import annotations

from tests.detection.framework import Inject, Injection, layer, network
from tests.detection.patches import fields, forward, keywords

NORMED = network(
    {"x": [5]},
    layer("dense", "first", units=6, use_bias=False),
    layer("batch_normalization", "norm", momentum=0.9),
    layer("tanh", "bend"),
    layer("dropout", "drop", rate=0.4),
    layer("dense", "scores", units=3),
    training={"task": "regression", "optimizer": {"type": "sgd", "learning_rate": 1e-4}},
)
SEQUENCE = network(
    {"x": [6, 3]},
    layer("conv1d", "first", filters=4, kernel_size=3, use_bias=False),
    layer("batch_normalization", "norm", momentum=0.5),
    layer("relu", "bend"),
    layer("spatial_dropout1d", "drop", rate=0.5),
    layer("flatten", "flat"),
    layer("dense", "scores", units=2),
    training={"task": "regression", "optimizer": "adam"},
)


def fault(name: str, side: str, spec: str, inject: Inject, *layers: str) -> Injection:
    return Injection(name, "statistics", side, spec, inject, layers)


def flipped(momentum: float) -> float:
    return 1 - momentum


_BIASED = (
    "F.batch_norm({0}, {module}.running_mean, {module}.running_var, {module}.weight, "
    "{module}.bias, {module}.training, {module}.momentum * 0.5, {module}.eps)"
)

FAULTS = [
    fault("momentum flipped", "torch", NORMED,
          fields("torch", "batch_normalization", momentum=flipped), "norm"),
    fault("momentum flipped", "keras", NORMED,
          fields("keras", "batch_normalization", momentum=flipped), "norm"),
    fault("momentum off by 0.001", "keras", SEQUENCE,
          fields("keras", "batch_normalization", momentum=0.501), "norm"),
    fault("half of the way to the statistics", "torch", SEQUENCE,
          forward("torch", "batch_normalization", _BIASED, keeps=True), "norm"),
    fault("mean for all batches alike", "torch", SEQUENCE,
          keywords("torch", "batch_normalization", momentum=None), "norm"),
    fault("statistics of the batch at inference", "torch", NORMED,
          forward("torch", "batch_normalization",
                  "F.batch_norm({0}, None, None, {module}.weight, {module}.bias, True)",
                  keeps=True), "norm"),
    fault("scaled at evaluation", "torch", NORMED,
          forward("torch", "dropout", "{forward} if self.training else 0.6 * {0}"), "drop"),
    fault("scaled at evaluation", "keras", SEQUENCE,
          forward("keras", "spatial_dropout1d", "{forward} * 0.5"), "drop"),
    fault("not scaled in training", "torch", NORMED,
          forward("torch", "dropout", "{forward} * (0.6 if self.training else 1.0)"), "drop"),
]  # fmt: skip
