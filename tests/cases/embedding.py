"""Embeddings, positions, and tensors that every row gets."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Case, Network


def _table(kind: str = "int64", **settings: Any) -> dict[str, Any]:
    return {"type": "embedding", "input_dim": 5, "output_dim": 3, **settings}


CASES: list[Case | Network] = [
    Case({"type": "constant", "value": 3, "dtype": "int64"}, ((4,),), ()),
    Case(
        {"type": "constant", "value": [[1, -2]], "dtype": "int32"}, ((),), (1, 2), dtypes=("int64",)
    ),
    Case({"type": "constant", "value": [0.1, 2]}, (("time",),), (2,), dtypes=("bool",)),
    Case(_table(), ((4,),), (4, 3), dtypes=("int64",)),
    Case(_table(), ((),), (3,), dtypes=("int32",)),
    Case(_table(), ((2, 3),), (2, 3, 3), "channels_last", dtypes=("int64",)),
    Case(_table(padding_index=1), ((2, 6),), (2, 6, 3), dtypes=("int64",)),
    Case(
        _table(padding_index=0, embeddings_initializer={"type": "normal", "stddev": 0.5}),
        (("time",),),
        ("time", 3),
        dtypes=("int32",),
    ),
    Case({"type": "position_embedding", "max_length": 4}, ((4, 3),), (4, 3)),
    Case({"type": "position_embedding", "max_length": 6}, ((4, 3),), (4, 3), "channels_last"),
    Case({"type": "position_embedding", "max_length": 13}, (("time", 3),), ("time", 3)),
    Case({"type": "sinusoidal_position"}, ((9, 4),), (9, 4)),
    Case({"type": "sinusoidal_position", "base": 100.0}, ((5, 3),), (5, 3), "channels_last"),
    Case({"type": "sinusoidal_position", "max_length": 13}, (("time", 5),), ("time", 5)),
    Case({"type": "rotary_position"}, ((9, 4),), (9, 4)),
    Case({"type": "rotary_position", "base": 50.0}, ((2, 5, 6),), (2, 5, 6), "channels_last"),
    Case({"type": "rotary_position", "max_length": 13}, (("time", 2),), ("time", 2)),
    Case({"type": "parameter", "shape": [2]}, ((4,),), (2,), dtypes=("int64",)),
    Network(
        "constants",
        {"given": {"shape": [2, 3]}},
        [
            {"name": "fed", "type": "dense", "units": 3},
            {"name": "offset", "type": "constant", "value": [[0.1, -2, 3], [0, 1e-3, 7.5]]},
            {"name": "moved", "type": "add", "inputs": ["fed", "offset"]},
            {"name": "flat", "type": "flatten"},
            {"name": "one", "type": "constant", "value": 0.1},
            {"name": "ones", "type": "reshape", "shape": [1]},
            {"name": "joined", "type": "concatenate", "inputs": ["flat", "ones"]},
        ],
        (7,),
    ),
    Network(
        "class_token",
        {"given": {"shape": [4, 3]}},
        [
            {"name": "token", "type": "parameter", "shape": [1, 3], "inputs": ["given"]},
            {"name": "tokens", "type": "concatenate", "axis": 0, "inputs": ["token", "given"]},
            {"name": "score", "type": "dense", "units": 2},
        ],
        (5, 2),
    ),
]
