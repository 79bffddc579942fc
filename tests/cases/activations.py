"""Activations."""

from __future__ import annotations

from typing import Any

from nnspec.layers import ACTIVATIONS
from tests.cases.case import Case


def activation(**layer: Any) -> list[Case]:
    return [Case(layer, (shape,), shape) for shape in [(7,), (3, 5), (2, 3, 4)]]


def pointwise(**layer: Any) -> list[Case]:
    return [Case(layer, ((7,),), (7,)), Case(layer, ((2, 3, 4),), (2, 3, 4), "channels_last")]


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
    Case({"type": "softmax"}, ((2, 1, 2, 2, 3),), (2, 1, 2, 2, 3)),
    Case({"type": "softmin", "axis": 1}, ((1, 3, 2, 1, 2),), (1, 3, 2, 1, 2)),
    *activation(type="gelu"),
    *activation(type="gelu", approximate=True),
    *activation(type="silu"),
    *[
        case
        for kind in (
            "relu6",
            "selu",
            "celu",
            "mish",
            "softplus",
            "softsign",
            "squareplus",
            "exponential",
            "log_sigmoid",
            "hard_sigmoid",
            "hard_silu",
            "hard_tanh",
            "soft_shrink",
            "hard_shrink",
            "tanh_shrink",
        )
        for case in pointwise(type=kind)
    ],
    *pointwise(type="celu", alpha=0.7),
    *pointwise(type="squareplus", b=0.3),
    *pointwise(type="threshold", threshold=1, default_value=-3),
    *pointwise(type="threshold", threshold=-0.1, default_value=0.2),
    *pointwise(type="soft_shrink", threshold=1.0),
    *pointwise(type="soft_shrink", threshold=0.3),
    *pointwise(type="hard_shrink", threshold=1.0),
    *pointwise(type="hard_shrink", threshold=0.0),
    *[
        case
        for kind in ("log_softmax", "softmin")
        for case in (*activation(type=kind), *activation(type=kind, axis=0))
    ],
    Case({"type": "dense", "units": 4, "activation": "selu"}, ((3,),), (4,)),
    Case(
        {"type": "dense", "units": 4, "activation": {"type": "celu", "alpha": 0.7}}, ((3,),), (4,)
    ),
    Case({"type": "dense", "units": 4, "activation": "hard_silu"}, ((3,),), (4,)),
    Case({"type": "dense", "units": 4, "activation": "log_softmax"}, ((3,),), (4,)),
]

_LISTED = {case.layer["type"] for case in CASES}
CASES += [case for kind in ACTIVATIONS if kind not in _LISTED for case in activation(type=kind)]
"""One that has no case of its own above is tried with its defaults."""
