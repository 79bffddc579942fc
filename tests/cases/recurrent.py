"""Recurrent layers: each cell in one direction and in two, with states and with lengths."""

from __future__ import annotations

from typing import Any

from nnspec.layers.shapes import Shape
from tests.cases.case import Case, Network

X: Shape = (4, 3)
LENGTHS = ("float32", "int32")


SEQUENCES = {"type": "lstm", "units": 2, "return_sequences": True}


def _of(*inputs: str) -> dict[str, Any]:
    return {"inputs": list(inputs)}


def _both(layer: dict[str, Any], **settings: Any) -> dict[str, Any]:
    return {"type": "bidirectional", "layer": layer, **settings}


def _cell(kind: str, states: int, **settings: Any) -> list[Case]:
    cell = {"type": kind, "units": 2, **settings}
    whole = {**cell, "return_sequences": True, "return_state": True}
    state = ((2,),) * states
    return [
        Case(cell, (X,), (2,)),
        Case({**cell, "return_sequences": True}, (("time", 3),), ("time", 2)),
        Case(
            {**whole, "go_backwards": True},
            (X, *state, ()),
            (4, 2),
            dtypes=("float32",) * (1 + states) + ("int32",),
            others=state,
        ),
        Case({**cell, "use_bias": False, "go_backwards": True}, (X,), (2,)),
        Case({**cell, "return_sequences": True}, (X, ()), (4, 2), dtypes=("float32", "int64")),
        Case(_both(cell), (X,), (4,)),
        Case(
            _both(whole, merge_mode="sum"),
            (X, *state, *state, ()),
            (4, 2),
            dtypes=("float32",) * (1 + 2 * states) + ("int32",),
            others=(*state, *state),
        ),
    ]


CASES: list[Case | Network] = [
    *_cell("simple_rnn", 1),
    *_cell("lstm", 2),
    *_cell("gru", 1),
    *_cell("gru", 1, reset_after=False),
    Case(
        {
            "type": "gru",
            "units": 2,
            "reset_after": False,
            "kernel_initializer": "he_normal",
            "bias_initializer": {"type": "constant", "value": 0.1},
        },
        (("time", 1),),
        (2,),
    ),
    Case({"type": "simple_rnn", "units": 3, "activation": "relu"}, ((5, 1),), (3,)),
    Case(
        {"type": "lstm", "units": 2, "unit_forget_bias": False, "return_state": True},
        (("time", 3), ()),
        (2,),
        dtypes=LENGTHS,
        others=((2,), (2,)),
    ),
    Case(
        {
            "type": "gru",
            "units": 1,
            "return_sequences": True,
            "go_backwards": True,
            "kernel_initializer": "he_normal",
            "recurrent_initializer": {"type": "orthogonal", "gain": 0.5},
            "bias_initializer": {"type": "constant", "value": 0.1},
        },
        ((1, 2),),
        (1, 1),
    ),
    Case(_both({"type": "lstm", "units": 2}, merge_mode="multiply"), (X, ()), (2,), dtypes=LENGTHS),
    Case(_both({"type": "gru", "units": 2}, merge_mode="average"), (X,), (2,)),
    Case(
        _both({"type": "lstm", "units": 3, "return_sequences": True}),
        (("time", 2), ()),
        ("time", 6),
        dtypes=LENGTHS,
    ),
    Case(
        _both(
            {
                "type": "simple_rnn",
                "units": 2,
                "activation": "relu",
                "return_sequences": True,
                "use_bias": False,
            }
        ),
        (X,),
        (4, 4),
    ),
    Case(
        {"type": "lstm", "units": 2, "recurrent_dropout": 0.3, "return_sequences": True}
        | {"return_state": True},
        (X, (2,), (2,), ()),
        (4, 2),
        dtypes=("float32",) * 3 + ("int32",),
        others=((2,), (2,)),
    ),
    Case(
        {"type": "gru", "units": 2, "recurrent_dropout": 0.2, "reset_after": False}
        | {"go_backwards": True, "return_sequences": True},
        (X, ()),
        (4, 2),
        dtypes=LENGTHS,
    ),
    Case(
        _both(
            {"type": "simple_rnn", "units": 2, "activation": "relu", "recurrent_dropout": 0.5},
            merge_mode="average",
        ),
        (X,),
        (2,),
    ),
    Case({"type": "gru", "units": 2, "recurrent_dropout": 0.1, "use_bias": False}, (X,), (2,)),
    Network(
        # Keras would hand the mask of the first layer on to the second.
        "recurrent-after-lengths",
        {"x": {"shape": ["time", 3]}, "count": {"shape": [], "dtype": "int32"}},
        [
            {"name": "a", "type": "gru", "units": 2, "return_sequences": True, **_of("x", "count")},
            {"name": "b", "type": "lstm", "units": 2, "return_sequences": True, **_of("a")},
            {"name": "c", **_both(SEQUENCES, merge_mode="sum"), **_of("b", "count")},
            {"name": "d", "type": "simple_rnn", "units": 2, **_of("c")},
            {"name": "e", "type": "dense", "units": 1, **_of("d")},
        ],
        (1,),
    ),
]
