"""Faults of recurrent layers, attention, embeddings, and of what stands between layers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from tests.detection.framework import Inject, Injection, layer, network
from tests.detection.patches import (
    every,
    fields,
    forward,
    natives,
    output,
    parameter,
    text,
)
from tests.detection.suspects import fault


def recurrent(kind: str, **settings: Any) -> str:
    return network(
        {"x": [5, 4]},
        layer(kind, "suspect", units=6, **settings),
        layer("dense", "after", units=3),
    )


def attending(**settings: Any) -> str:
    return network(
        {"x": [6, 8]},
        layer("dense", "before", units=8),
        layer("multi_head_attention", "suspect", num_heads=2, **settings),
        layer("dense", "after", units=3),
    )


TOKENS = network(
    {"tokens": ([7], "int64")},
    layer("embedding", "suspect", input_dim=9, output_dim=4),
    layer("dense", "after", units=3),
)


def gates(side: str, kind: str, order: tuple[int, ...]) -> Inject:
    return natives(side, kind, lambda native: dataclasses.replace(native, blocks=order))


def without(field: str) -> Any:
    return {field: None}


_LENGTHS = network(
    {"x": [5, 4], "lengths": ([], "int32")},
    layer("lstm", "suspect", "x", "lengths", units=6),
    layer("dense", "after", units=3),
)
_PADDED = network(
    {"x": [6, 8], "keep": ([6], "bool")},
    layer("multi_head_attention", "suspect", "x", num_heads=2, key_padding="keep"),
    layer("dense", "after", units=3),
)
_MASKED = network(
    {"x": [6, 8], "seen": ([6, 6], "bool")},
    layer("multi_head_attention", "suspect", "x", num_heads=2, mask="seen"),
    layer("dense", "after", units=3),
)
_TWO = network(
    {"x": [5]},
    layer("dense", "left", "x", units=4),
    layer("dense", "right", "x", units=4),
    layer("subtract", "joined", "left", "right"),
    layer("dense", "after", units=3),
)


def of_network(name: str, side: str, kind: str, spec: str, inject: Inject) -> Injection:
    return Injection(name, kind, side, spec, inject)


RECURRENT = [
    fault(
        "lstm gate order", "keras", "gates", recurrent("lstm"), gates("keras", "lstm", (1, 0, 2, 3))
    ),
    fault(
        "lstm cell and output swapped",
        "keras",
        "gates",
        recurrent("lstm"),
        gates("keras", "lstm", (0, 1, 3, 2)),
    ),
    fault("gru gate order", "keras", "gates", recurrent("gru"), gates("keras", "gru", (0, 1, 2))),
    fault(
        "gru resets before the product",
        "keras",
        "gates",
        recurrent("gru"),
        parameter("keras", "suspect.bias_hh_l0", np.zeros_like),
    ),
    fault(
        "lstm state bias as the input's",
        "torch",
        "bias",
        recurrent("lstm"),
        parameter("torch", "suspect.bias_ih_l0", np.zeros_like),
    ),
    fault(
        "state as all steps",
        "torch",
        "axis",
        recurrent("lstm", return_sequences=True),
        forward("torch", "lstm", "{module}({0})[0].flip(1)"),
    ),
    fault(
        "first step for the last",
        "torch",
        "axis",
        recurrent("gru"),
        forward("torch", "gru", "{module}({0})[0][:, 0]"),
    ),
    fault(
        "reads forwards",
        "keras",
        "axis",
        recurrent("simple_rnn", go_backwards=True),
        fields("keras", "simple_rnn", go_backwards=False),
    ),
    fault(
        "relu as tanh",
        "torch",
        "activation",
        recurrent("simple_rnn", activation="relu"),
        fields("torch", "simple_rnn", activation="tanh"),
    ),
    fault(
        "directions swapped",
        "torch",
        "layout",
        network(
            {"x": [5, 4]},
            layer(
                "bidirectional",
                "suspect",
                layer={"type": "lstm", "units": 3, "return_sequences": True},
            ),
            layer("dense", "after", units=3),
        ),
        forward("torch", "bidirectional", "{module}({0})[0].roll(3, -1)"),
    ),
    fault(
        "lengths left out",
        "torch",
        "mask",
        _LENGTHS,
        forward("torch", "lstm", "{module}({0})[0][:, -1] + 0 * {1}.unsqueeze(-1)"),
    ),
]

ATTENTION = [
    fault(
        "causal mask left out",
        "torch",
        "mask",
        attending(causal=True),
        fields("torch", "multi_head_attention", causal=False),
    ),
    fault(
        "causal mask left out",
        "keras",
        "mask",
        attending(causal=True),
        fields("keras", "multi_head_attention", causal=False),
    ),
    fault(
        "causal mask where there is none",
        "torch",
        "mask",
        attending(),
        fields("torch", "multi_head_attention", causal=True),
    ),
    fault(
        "scaled twice",
        "torch",
        "scale",
        attending(),
        text(
            "torch",
            r"scaled_dot_product_attention\(([^)]*)\)",
            r"scaled_dot_product_attention(\1, scale=0.25)",
        ),
    ),
    fault(
        "query as key",
        "torch",
        "weights",
        attending(),
        parameter("torch", "suspect.k.weight", lambda weight: weight[::-1].copy()),
    ),
    fault(
        "padding mask inverted",
        "torch",
        "mask",
        _PADDED,
        forward("torch", "multi_head_attention", "{module}({0}, key_padding=~{1})"),
    ),
    fault(
        "mask turned",
        "torch",
        "mask",
        _MASKED,
        forward("torch", "multi_head_attention", "{module}({0}, mask={1}.transpose(1, 2))"),
    ),
    fault(
        "heads repeated in another order",
        "torch",
        "layout",
        network(
            {"x": [6, 8]},
            layer("grouped_query_attention", "suspect", num_heads=4, num_kv_heads=2),
            layer("dense", "after", units=3),
        ),
        parameter("torch", "suspect.k.weight", lambda weight: np.roll(weight, 2, axis=0)),
    ),
]

EMBEDDING = [
    fault(
        "ids off by one",
        "torch",
        "axis",
        TOKENS,
        forward("torch", "embedding", "{module}(({0} + 1) % 9)"),
    ),
    fault(
        "scaled by the root of its size",
        "torch",
        "scale",
        TOKENS,
        forward("torch", "embedding", "{module}({0}) * 2.0"),
    ),
    fault(
        "positions off by one",
        "torch",
        "axis",
        network(
            {"x": [5, 4]},
            layer("position_embedding", "suspect", max_length=8),
            layer("dense", "after", units=3),
        ),
        forward("torch", "position_embedding", "{0} + {module}.weight[1:6]"),
    ),
    fault(
        "sinusoidal base",
        "torch",
        "constant",
        network(
            {"x": [5, 4]}, layer("sinusoidal_position", "suspect"), layer("dense", "after", units=3)
        ),
        fields("torch", "sinusoidal_position", base=1000.0),
    ),
    fault(
        "sinusoidal base",
        "keras",
        "constant",
        network(
            {"x": [5, 4]}, layer("sinusoidal_position", "suspect"), layer("dense", "after", units=3)
        ),
        fields("keras", "sinusoidal_position", base=1000.0),
    ),
    fault(
        "rotary base",
        "torch",
        "constant",
        network(
            {"x": [5, 4]}, layer("rotary_position", "suspect"), layer("dense", "after", units=3)
        ),
        fields("torch", "rotary_position", base=500.0),
    ),
]

BETWEEN = [
    of_network(
        "weights of two layers swapped",
        "torch",
        "weights",
        _TWO,
        parameter("torch", "left.weight", lambda weight: weight[::-1].copy()),
    ),
    of_network(
        "weights in single precision",
        "keras",
        "rounding",
        _TWO,
        parameter(
            "keras", "left.weight", lambda weight: weight.astype(np.float32).astype(np.float64)
        ),
    ),
    of_network(
        "bias in half precision",
        "torch",
        "rounding",
        _TWO,
        parameter("torch", "after.bias", lambda bias: bias.astype(np.float16).astype(np.float64)),
    ),
    of_network(
        "outputs scaled by 1 + 1e-7",
        "keras",
        "scale",
        _TWO,
        output("keras", every(lambda array: array * (1 + 1e-7))),
    ),
    of_network(
        "rows in another order",
        "torch",
        "layout",
        _TWO,
        output("torch", every(lambda array: array[::-1].copy())),
    ),
    of_network(
        "a row of its neighbours",
        "torch",
        "rows",
        _TWO,
        output("torch", every(lambda array: array + 1e-6 * array.mean(0))),
    ),
    of_network(
        "noise",
        "torch",
        "random",
        _TWO,
        output(
            "torch",
            every(lambda array: array + 1e-6 * np.random.default_rng().normal(size=array.shape)),
        ),
    ),
]

FAULTS = (*RECURRENT, *ATTENTION, *EMBEDDING, *BETWEEN)
