"""Layers that number, order and look up elements."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Case, Network

LAST = "channels_last"


def looked_up(name: str, look_up: dict[str, Any], *, ids: list[int], size: int = 5) -> Network:
    """Return a look-up in what is trained, at indices that are given."""
    return Network(
        name,
        {"given": {"shape": [size, 3]}, "places": {"shape": ids, "dtype": "int64"}},
        [
            {"name": "wide", "type": "dense", "units": 3, "inputs": "given"},
            {**look_up, "name": "found", "inputs": ["wide", "places"]},
            {"type": "flatten"},
            {"type": "dense", "units": 2},
        ],
        (2,),
    )


CASES: list[Case | Network] = [
    Case({"type": "one_hot", "num_classes": 5}, ((3,),), (3, 5), dtypes=("int64",)),
    Case({"type": "one_hot", "num_classes": 1}, ((),), (1,), dtypes=("int32",)),
    Case({"type": "one_hot", "num_classes": 3}, ((2, "time"),), (2, "time", 3), dtypes=("int64",)),
    Case({"type": "cumsum"}, ((3, 9),), (3, 9)),
    Case({"type": "cumsum", "axis": 0}, (("time", 4),), ("time", 4), dtypes=("int32",)),
    Case({"type": "cumsum", "axis": 1}, ((3, 4, 2),), (3, 4, 2), LAST),
    Case({"type": "sort"}, ((3, 9),), (3, 9)),
    Case({"type": "sort", "axis": 0, "descending": True}, (("time", 4),), ("time", 4)),
    Case({"type": "sort", "axis": 1}, ((2, 5, 3),), (2, 5, 3), LAST, ("int64",)),
    Case({"type": "sort", "descending": True}, ((7,),), (7,), dtypes=("int32",)),
    Case({"type": "argsort"}, ((3, 9),), (3, 9)),
    Case({"type": "argsort", "axis": 0, "descending": True}, (("time", 4),), ("time", 4)),
    Case({"type": "argsort", "descending": True}, ((9,),), (9,), dtypes=("int64",)),
    Case({"type": "top_k", "k": 2}, ((3, 9),), (3, 2), others=((3, 2),), others_are_whole=True),
    Case(
        {"type": "top_k", "k": 4, "axis": 0},
        ((4, 3),),
        (4, 3),
        others=((4, 3),),
        others_are_whole=True,
    ),
    Case(
        {"type": "top_k", "k": 3, "axis": 0},
        (("time", 4),),
        (3, 4),
        others=((3, 4),),
        others_are_whole=True,
    ),
    Case(
        {"type": "top_k", "k": 2, "axis": 1},
        ((3, 5, 2),),
        (3, 2, 2),
        LAST,
        others=((3, 2, 2),),
        others_are_whole=True,
    ),
    Case({"type": "take"}, ((5, 4), (3,)), (3, 4), dtypes=("float32", "int64")),
    Case({"type": "take"}, (("time", 4), ()), (4,), dtypes=("float32", "int64")),
    Case({"type": "take", "axis": 1}, ((2, 5, 3), (4,)), (2, 4, 3), LAST, ("bool", "int32")),
    Case({"type": "take", "axis": -1}, ((3, 4), ()), (3,), dtypes=("int64",) * 2),
    Case({"type": "take"}, (("time", 4), ("k", 2)), ("k", 2, 4), dtypes=("float32", "int64")),
    Case({"type": "take", "axis": 1}, ((2, 5, 3), (2, 2)), (2, 2, 2, 3), LAST, ("bool", "int32")),
    Case({"type": "take", "axis": -1}, ((3, 4), (2, 1, 3)), (3, 2, 1, 3), dtypes=("int64",) * 2),
    Case({"type": "take"}, ((5,), (2, 3)), (2, 3), dtypes=("float32", "int64")),
    Case({"type": "take_along_axis"}, ((3, 5), (3, 2)), (3, 2), dtypes=("float32", "int64")),
    Case(
        {"type": "take_along_axis", "axis": 0},
        (("time", 2), ("time", 2)),
        ("time", 2),
        dtypes=("float32", "int32"),
    ),
    looked_up("take-in-what-is-trained", {"type": "take"}, ids=[4]),
    looked_up("take-many-in-what-is-trained", {"type": "take", "axis": 1}, ids=[2, 2]),
    looked_up("take-one-in-what-is-trained", {"type": "take", "axis": 1}, ids=[]),
    looked_up("take-along-an-axis-trained", {"type": "take_along_axis", "axis": 0}, ids=[2, 3]),
    # A mixture of experts: the gates that are not among the two largest are 0.
    Network(
        "top-k-gates",
        {"given": {"shape": [6]}},
        [
            {"name": "scores", "type": "dense", "units": 4, "inputs": "given"},
            {"name": "best", "type": "top_k", "k": 2},
            {"name": "chosen", "type": "one_hot", "num_classes": 4, "inputs": "best.1"},
            {"name": "parts", "type": "softmax", "inputs": "best"},
            {"name": "gates", "type": "dot", "axes": [0, 0], "inputs": ["parts", "chosen"]},
            {"name": "experts", "type": "dense", "units": 12, "inputs": "given"},
            {"name": "apart", "type": "reshape", "shape": [4, 3]},
            {"name": "mixed", "type": "dot", "axes": [0, 0], "inputs": ["gates", "apart"]},
        ],
        (3,),
    ),
]
