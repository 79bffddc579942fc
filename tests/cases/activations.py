"""Activations."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Case


def activation(**layer: Any) -> list[Case]:
    return [Case(layer, (shape,), shape) for shape in [(7,), (3, 5), (2, 3, 4)]]


CASES: list[Case] = [
    *activation(type="linear"),
    *activation(type="relu"),
    *activation(type="leaky_relu"),
    *activation(type="leaky_relu", negative_slope=0.25),
    *activation(type="elu"),
    *activation(type="elu", alpha=0.3),
    *activation(type="sigmoid"),
    *activation(type="tanh"),
    *activation(type="softmax"),
    *activation(type="softmax", axis=0),
    Case({"type": "softmax", "axis": 1}, ((2, 3, 4),), (2, 3, 4)),
    *activation(type="gelu"),
    *activation(type="gelu", approximate=True),
    *activation(type="silu"),
]
