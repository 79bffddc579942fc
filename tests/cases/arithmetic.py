"""Functions of each element."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Case, Network, image


def positive(layer: dict[str, Any], data_format: str = "channels_first") -> Network:
    """Return the layer on numbers above a half, which are trained too."""
    return Network(
        "-".join(map(str, layer.values())) + f"-positive-{data_format}",
        {"given": {"shape": [4]}},
        [
            {"type": "dense", "units": 3},
            {"type": "square"},
            {"type": "rescaling", "offset": 0.5},
            {**layer, "name": "tested"},
        ],
        (3,),
        data_format,
    )


CASES: list[Case | Network] = [
    Case({"type": "rescaling", "scale": 0.1, "offset": -0.3}, ((3, 4),), (3, 4)),
    Case({"type": "rescaling", "scale": 2}, ((4,),), (4,)),
    Case({"type": "rescaling"}, ((4,),), (4,)),
    *image({"type": "rescaling", "offset": 0.7}, (2, 3, 4), (2, 3, 4)),
    Case({"type": "clip", "min_value": 0, "max_value": 1}, ((30,),), (30,)),
    Case({"type": "clip", "min_value": -0.1}, ((3, 4),), (3, 4)),
    Case({"type": "clip", "max_value": 1.0}, ((30,),), (30,)),
    Case({"type": "power", "exponent": 3}, ((3, 4),), (3, 4)),
    positive({"type": "power", "exponent": 0.3}),
    positive({"type": "power", "exponent": -1.5}),
    positive({"type": "sqrt"}),
    positive({"type": "log"}),
    positive({"type": "reciprocal"}),
    Case({"type": "exp"}, ((3, 4),), (3, 4)),
    *image({"type": "exp"}, (2, 3, 1), (2, 3, 1)),
    *[
        Case({"type": kind}, (("time", 4),), ("time", 4), dtypes=(dtype,))
        for kind in ("abs", "negative", "square")
        for dtype in ("float32", "int64")
    ],
    *[Case({"type": kind}, ((3, 40),), (3, 40)) for kind in ("sin", "cos", "erf")],
    *image({"type": "sin"}, (2, 3, 4), (2, 3, 4)),
    *[
        Case({"type": kind}, ((30,),), (30,))
        for kind in ("sign", "floor", "ceil", "round", "stop_gradient")
    ],
    Case({"type": "sign"}, ((3, 4),), (3, 4), dtypes=("int32",)),
    Case({"type": "stop_gradient"}, (("time", 4),), ("time", 4), dtypes=("bool",)),
    *[
        Case({"type": kind, "divisor": 3}, (("time", 4),), ("time", 4), dtypes=(dtype,))
        for kind in ("floor_divide", "modulo")
        for dtype in ("int32", "int64")
    ],
    Case({"type": "clip", "min_value": -3, "max_value": 5}, ((9,),), (9,), dtypes=("int64",)),
    Case({"type": "clip", "max_value": 0}, ((9,),), (9,), dtypes=("int32",)),
    # What follows learns, and what comes before learns from the other way alone.
    *[
        Network(
            f"{kind}-beside-a-gradient",
            {"given": {"shape": [4]}},
            [
                {"name": "wide", "type": "dense", "units": 6},
                {"name": "long", "type": "rescaling", "scale": 8.0},
                {"name": "stepped", "type": kind, "inputs": "long"},
                {"name": "tested", "type": "multiply", "inputs": ["stepped", "wide"]},
                {"type": "dense", "units": 3},
            ],
            (3,),
        )
        for kind in ("floor", "ceil", "round", "sign", "stop_gradient")
    ],
    Case({"type": "cast", "dtype": "float32"}, ((4,),), (4,), dtypes=("bool",)),
    Case({"type": "cast", "dtype": "float32"}, ((3, 4),), (3, 4), dtypes=("int32",)),
    Case({"type": "cast", "dtype": "int64"}, ((4,),), (4,), dtypes=("bool",)),
    Case(
        {"type": "cast", "dtype": "float32"},
        (("h", "w", 3),),
        ("h", "w", 3),
        "channels_last",
        ("uint8",),
    ),
    Case({"type": "cast", "dtype": "int32"}, ((4,),), (4,), dtypes=("uint8",)),
    Network(
        "cast-and-back",
        {"given": {"shape": [4]}},
        [
            {"name": "wide", "type": "dense", "units": 3},
            {"name": "long", "type": "rescaling", "scale": 8.0},
            {"name": "whole", "type": "cast", "dtype": "int32"},
            {"name": "some", "type": "cast", "dtype": "bool"},
            {"name": "bit", "type": "cast", "dtype": "float32"},
            {"name": "tested", "type": "multiply", "inputs": ["bit", "wide"]},
        ],
        (3,),
    ),
    # Keras names operations as these layers are named: the emitted code has to avoid it.
    Network(
        "names-that-keras-gives",
        {"multiply": {"shape": [4]}, "absolute": {"shape": [4]}},
        [
            {"name": "add_1", "type": "dense", "units": 4, "inputs": "multiply"},
            {"name": "a", "type": "rescaling", "scale": 2.0, "offset": 1.0},
            {"name": "b", "type": "rescaling", "scale": 3.0, "offset": -1.0},
            {"name": "c", "type": "abs"},
            {"name": "get_item", "type": "dense", "units": 4},
            {"name": "true_divide", "type": "relu", "inputs": "absolute"},
            {"name": "exp", "type": "exp"},
            {"name": "d", "type": "divide", "inputs": ["get_item", "exp"]},
            {"name": "e", "type": "slice", "start": 1},
        ],
        (3,),
    ),
]
