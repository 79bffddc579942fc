"""The faults that `nnspec verify` once missed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.detection.framework import Inject, Injection, Patch, layer, network
from tests.detection.patches import (
    WRITER,
    fields,
    first,
    forward,
    keywords,
    node,
    output,
    program,
    text,
    where,
)

CNN = network(
    {"image": [2, 6, 6]},
    layer("conv2d", "conv", filters=4, kernel_size=3, padding="same", use_bias=False),
    layer("batch_normalization", "norm"),
    layer("relu6", "bend"),
    layer("max_pooling2d", "pool", pool_size=2),
    layer("flatten", "flat"),
    layer("dropout", "drop", rate=0.5),
    layer("dense", "hidden", units=12, activation="relu"),
    layer("dense", "scores", units=4),
    layer("softmax", "probabilities"),
    training={"task": "multiclass", "optimizer": {"type": "adam", "learning_rate": 0.01}},
)
MLP = network(
    {"x": [6]},
    layer("dense", "hidden", units=16),
    layer("relu", "bend"),
    layer("dense", "scores", units=3),
    training={
        "task": "regression",
        "optimizer": {"type": "sgd", "learning_rate": 0.01, "momentum": 0.9},
    },
)
SEQUENCE = network(
    {"x": ["time", 4]},
    layer("dense", "before", units=6),
    layer("tanh", "bend"),
    layer("dense", "after", units=3),
)
CLASSES = network(
    {"x": [6]},
    layer("dense", "before", units=5),
    layer("argmax", "winner"),
    outputs=["before", "winner"],
)
PICKED = network({"x": [5, 4]}, layer("argmax", "winner", axis=0))
WHOLE = network({"n": ([5], "int64")}, layer("flip", "flipped", axis=0))
TOKENS = network(
    {"tokens": ([7], "int64")},
    layer("embedding", "table", input_dim=9, output_dim=4, padding_index=0),
    layer("dense", "scores", units=3),
    layer("argmax", "winner"),
    outputs=["scores", "winner"],
)
WIDE = network(
    {"x": [6]},
    layer("dense", "before", units=8),
    layer("relu", "bend"),
    layer("dense", "after", units=3),
)
BARE6 = network({"x": [6]}, layer("relu6", "bend"))


def fault(
    name: str, kind: str, side: str, spec: str, inject: Inject, *layers: str, **more: Any
) -> Injection:
    return Injection(name, kind, side, spec, inject, layers, is_listed=True, **more)


def cast(kinds: str, dtype: str) -> Any:
    """Return what gives outputs of these kinds in another dtype; in double precision nothing."""

    def change(outputs: dict[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        if not any(array.dtype == kinds for array in outputs.values()):
            return None
        return {
            name: array.astype(dtype) if array.dtype == kinds else array
            for name, array in outputs.items()
        }

    return change


def frozen(which: str) -> Inject:
    """The model that nnspec writes declares a batch of 8."""

    def inject(patch: Patch) -> None:
        original = WRITER.lower

        def lower(*arguments: Any, **options: Any) -> Any:
            made = original(*arguments, **options)
            patch.note()
            values = tuple(
                value._replace(shape=(8, *value.shape[1:])) for value in getattr(made, which)
            )
            return dataclasses.replace(made, **{which: values})

        patch.monkeypatch.setattr(WRITER, "lower", lower)

    return inject


def through(dtype: str) -> Any:
    """Return what hands whole numbers through a narrower dtype."""

    def change(outputs: dict[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {name: array.astype(dtype).astype(array.dtype) for name, array in outputs.items()}

    return change


def without_nan(outputs: dict[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    if all(np.isfinite(array).all() for array in outputs.values()):
        return None
    return {name: np.nan_to_num(array) for name, array in outputs.items()}


def ulps(outputs: dict[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    if any(array.dtype != np.float32 for array in outputs.values()):
        return None
    return {name: array * np.float32(1 + 4 * 2.0**-23) for name, array in outputs.items()}


def last_of_equals(given: Any) -> Any:
    return given._replace(attributes={**given.attributes, "select_last_index": 1})


def rate_from_step(number: int, factor: float) -> Inject:
    """From a step on the optimizer of PyTorch has another learning rate."""

    def inject(patch: Patch) -> None:
        cls = program("torch")
        original = cls.train_step
        steps: dict[int, int] = {}

        def train_step(self: Any, *arguments: Any) -> float:
            patch.note()
            steps[id(self)] = steps.get(id(self), 0) + 1
            if steps[id(self)] == number:
                for group in self.optimizer.param_groups:
                    group["lr"] *= factor
            return float(original(self, *arguments))

        patch.monkeypatch.setattr(cls, "train_step", train_step)

    return inject


def first_weights(old: str, new: str) -> Inject:
    return text("keras", old, new)


def other_rate(rate: float) -> float:
    return 0.4 if rate else 0.0


_ZERO_BEYOND_10 = "torch.where({0}.abs() > 10, torch.zeros_like({0}), F.relu({0}))"
_ONE_AT_ZERO = "torch.where({0} >= 0, {0}, torch.zeros_like({0}))"

FAULTS = (
    *(
        fault("int32 for int64", "dtype", side, CLASSES, output(side, cast("int64", "int32")))
        for side in ("torch", "keras", "onnx")
    ),
    *(
        fault("float64 for float32", "dtype", side, WIDE, output(side, cast("float32", "float64")))
        for side in ("torch", "keras", "onnx")
    ),
    fault("batch of the input fixed at 8", "frozen shape", "onnx", WIDE, frozen("inputs")),
    fault("batch of the output fixed at 8", "frozen shape", "onnx", WIDE, frozen("outputs")),
    fault(
        "argmax last of equals", "ties", "onnx", PICKED, node("ArgMax", last_of_equals), "winner"
    ),
    fault(
        "argmax last of equals",
        "ties",
        "torch",
        PICKED,
        forward("torch", "argmax", "{0}.shape[1] - 1 - torch.argmax({0}.flip(1), dim=1)"),
        "winner",
    ),
    fault(
        "relu for relu6 in a small network",
        "range",
        "torch",
        CNN,
        forward("torch", "relu6", "F.relu({0})"),
        "bend",
    ),
    fault(
        "relu for relu6 on the inputs",
        "range",
        "torch",
        BARE6,
        forward("torch", "relu6", "F.relu({0})"),
        "bend",
    ),
    fault(
        "cap of 6.0001",
        "range",
        "torch",
        CNN,
        forward("torch", "relu6", "{0}.clamp(0, 6.0001)"),
        "bend",
    ),
    fault(
        "clip at 20", "range", "torch", WIDE, forward("torch", "relu", "{0}.clamp(0, 20)"), "bend"
    ),
    fault(
        "clip at 1e4",
        "range",
        "keras",
        WIDE,
        forward("keras", "relu", "ops.clip({0}, 0.0, 1e4)"),
        "bend",
    ),
    fault(
        "0 where |x| > 10",
        "range",
        "torch",
        WIDE,
        forward("torch", "relu", _ZERO_BEYOND_10),
        "bend",
    ),
    fault(
        "gradient of relu at 0 in an inner layer",
        "gradient",
        "torch",
        MLP,
        forward("torch", "relu", _ONE_AT_ZERO),
        "bend",
        "hidden",
    ),
    fault(
        "no number becomes 0",
        "non-finite",
        "torch",
        WIDE,
        output("torch", without_nan),
        is_out_of_sight=True,
    ),
    fault(
        "wrong at a batch of 5",
        "sizes",
        "torch",
        WIDE,
        output("torch", where(lambda inputs: len(first(inputs)) == 5)),
    ),
    fault(
        "wrong at a batch over 8",
        "sizes",
        "onnx",
        WIDE,
        output("onnx", where(lambda inputs: len(first(inputs)) > 8)),
    ),
    fault(
        "wrong at one step of time",
        "sizes",
        "keras",
        SEQUENCE,
        output("keras", where(lambda inputs: first(inputs).shape[1] == 1)),
    ),
    fault(
        "wrong at over 16 steps of time",
        "sizes",
        "onnx",
        SEQUENCE,
        output("onnx", where(lambda inputs: first(inputs).shape[1] > 16)),
    ),
    fault(
        "wrong from the 40th call on",
        "state",
        "torch",
        WIDE,
        output("torch", where(lambda inputs: True), from_call=40),
    ),
    fault("int64 through int32", "integers", "torch", WHOLE, output("torch", through("int32"))),
    fault("int64 through float32", "integers", "keras", WHOLE, output("keras", through("float32"))),
    fault(
        "dropout of another rate",
        "dropout",
        "torch",
        CNN,
        fields("torch", "dropout", rate=other_rate),
        "drop",
    ),
    fault(
        "dropout of another rate",
        "dropout",
        "keras",
        CNN,
        fields("keras", "dropout", rate=other_rate),
        "drop",
    ),
    fault("no dropout", "dropout", "torch", CNN, forward("torch", "dropout", "{0}"), "drop"),
    fault("no dropout", "dropout", "keras", CNN, forward("keras", "dropout", "{0}"), "drop"),
    fault("learning rate falls after step 6", "schedule", "torch", MLP, rate_from_step(7, 0.1)),
    fault(
        "clips at a norm of 1000",
        "optimizer",
        "torch",
        MLP,
        text(
            "torch",
            r"(    optimizer\.step\(\))",
            r"    nn.utils.clip_grad_norm_(model.parameters(), 1000.0)\n\1",
        ),
    ),
    fault(
        "decoupled decay of 1e-6",
        "optimizer",
        "torch",
        CNN,
        text(
            "torch",
            r"(?s)torch\.optim\.Adam\((.*?)fused=True",
            r"torch.optim.AdamW(\1fused=True, weight_decay=1e-6",
        ),
    ),
    fault(
        "decay of 1e-7",
        "optimizer",
        "torch",
        MLP,
        text("torch", "fused=True", "fused=True, weight_decay=1e-7"),
    ),
    fault(
        "first weights of another law",
        "first weights",
        "keras",
        CNN,
        keywords("keras", "dense", kernel_initializer="he_normal"),
        "hidden",
        "scores",
    ),
    fault(
        "another metric",
        "metrics",
        "keras",
        CNN,
        text(
            "keras",
            r'metrics=\["accuracy"\]',
            'metrics=[keras.metrics.SparseTopKCategoricalAccuracy(2, name="accuracy")]',
        ),
    ),
    fault(
        "gradient of a padding row beside whole numbers",
        "gradient",
        "torch",
        TOKENS,
        keywords("torch", "embedding", padding_idx=None),
        "table",
    ),
    fault(
        "4 units in the last place",
        "rounding",
        "torch",
        WIDE,
        output("torch", ulps),
        is_out_of_sight=True,
    ),
)
