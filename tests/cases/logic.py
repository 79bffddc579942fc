"""Layers that compare, join truths and choose."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Case, Network

COMPARISONS = ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal")


def gated(*layers: dict[str, Any], name: str) -> Network:
    """Return a network in which `a` and `b`, of equal and unequal elements, decide what is kept."""
    return Network(
        name,
        {"given": {"shape": [4]}},
        [
            {"name": "wide", "type": "dense", "units": 6, "inputs": "given"},
            {"name": "a", "type": "relu", "inputs": "wide"},
            {"name": "other", "type": "dense", "units": 6, "inputs": "given"},
            {"name": "b", "type": "relu", "inputs": "other"},
            *layers,
            {"name": "tested", "type": "where", "inputs": ["truth", "wide", "other"]},
        ],
        (6,),
    )


CASES: list[Case | Network] = [
    *[Case({"type": kind}, ((3, 4),) * 2, (3, 4)) for kind in COMPARISONS],
    *[
        Case({"type": kind, "value": value}, ((30,),), (30,))
        for kind, value in zip(COMPARISONS, (0, 1, 0.3, -1, 6, 0.1), strict=True)
    ],
    *[
        Case({"type": kind}, (("time", 1), (4,)), ("time", 4), dtypes=("int64",) * 2)
        for kind in ("equal", "greater_equal")
    ],
    Case({"type": "not_equal", "value": 1}, ((3, 4),), (3, 4), dtypes=("int32",)),
    Case({"type": "less"}, ((2, 3, 4), (2, 1, 1)), (2, 3, 4), "channels_last"),
    *[
        gated({"name": "truth", "type": kind, "inputs": ["a", "b"]}, name=f"{kind}-gates")
        for kind in ("equal", "greater", "less_equal")
    ],
    *[
        Network(
            f"{kind}-to-itself",
            {"given": {"shape": [4]}},
            [
                {"name": "a", "type": "relu"},
                {"name": "truth", "type": kind, "inputs": ["a", "a"]},
                {"name": "tested", "type": "where", "inputs": ["truth", "a", "given"]},
            ],
            (4,),
        )
        for kind in COMPARISONS
    ],
    *[
        Case({"type": f"logical_{kind}"}, ((3, 4), (4,)), (3, 4), dtypes=("bool",) * 2)
        for kind in ("and", "or", "xor")
    ],
    *[
        Case({"type": f"logical_{kind}"}, ((4,),) * 3, (4,), dtypes=("bool",) * 3)
        for kind in ("and", "or")
    ],
    Case({"type": "logical_not"}, (("time", 4),), ("time", 4), dtypes=("bool",)),
    Case({"type": "where"}, ((3, 4),) * 3, (3, 4), dtypes=("bool", "float32", "float32")),
    Case(
        {"type": "where"}, ((3, 1), (4,), (2, 1, 1)), (2, 3, 4), dtypes=("bool", "int64", "int64")
    ),
    Case({"type": "where"}, ((4,),) * 3, (4,), dtypes=("bool",) * 3),
    Case(
        {"type": "where"},
        ((3, 4, 1), (3, 4, 2), (1, 1, 2)),
        (3, 4, 2),
        "channels_last",
        ("bool", "float32", "float32"),
    ),
    gated(
        {"name": "above", "type": "greater", "value": 0.25, "inputs": "wide"},
        {"name": "below", "type": "less", "inputs": ["a", "b"]},
        {"name": "either", "type": "logical_or", "inputs": ["above", "below"]},
        {"name": "neither", "type": "logical_not"},
        {"name": "truth", "type": "logical_xor", "inputs": ["neither", "below"]},
        name="truths-of-truths",
    ),
    # A comparison of what is itself a truth must not become a chain of comparisons.
    gated(
        {"name": "first", "type": "greater", "inputs": ["a", "b"]},
        {"name": "bit", "type": "cast", "dtype": "float32"},
        {"name": "middle", "type": "greater", "value": 0.5},
        {"name": "number", "type": "cast", "dtype": "int32"},
        {"name": "truth", "type": "equal", "value": 1},
        name="comparison-of-a-comparison",
    ),
]
