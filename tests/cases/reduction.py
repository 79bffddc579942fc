"""Layers that make one number of many."""

from __future__ import annotations

from tests.cases.case import Case, Network

KINDS = ("sum", "mean", "max", "min", "variance", "norm")

CASES: list[Case | Network] = [
    *[Case({"type": f"reduce_{kind}", "axes": [-1]}, ((3, 4),), (3,)) for kind in KINDS],
    *[
        Case({"type": f"reduce_{kind}", "axes": [1, 2]}, ((2, 3, 4),), (2,))
        for kind in ("max", "variance")
    ],
    Case({"type": "reduce_mean", "axes": [2, 0]}, ((2, 3, 4),), (3,), "channels_last"),
    Case({"type": "reduce_sum", "axes": 0}, ((2, 3, 4),), (3, 4)),
    Case({"type": "reduce_max", "axes": 0}, ((2, 3, 4),), (3, 4), "channels_last"),
    Case({"type": "reduce_mean", "axes": 0}, (("time", 4),), (4,)),
    Case({"type": "reduce_norm", "axes": "time"}, (("time", 4),), (4,)),
    Case({"type": "reduce_max", "axes": ["width", -1]}, ((3, "width", 4),), (3,)),
    Case(
        {"type": "reduce_mean", "axes": ["height", 2], "keepdims": True},
        (("height", "width", 4),),
        (1, "width", 1),
        "channels_last",
    ),
    *[
        Case(
            {"type": f"reduce_{kind}", "axes": [1, 2], "keepdims": True},
            ((2, 3, 4),),
            (2, 1, 1),
        )
        for kind in ("mean", "norm")
    ],
    *[
        Case(
            {"type": f"reduce_{kind}", "axes": [0, 1], "keepdims": True},
            ((3, 4, 2),),
            (1, 1, 2),
            "channels_last",
        )
        for kind in ("variance", "min")
    ],
    Case({"type": "l2_normalize"}, ((5,),), (5,)),
    Case({"type": "l2_normalize", "axis": 0, "epsilon": 0.1}, ((2, 3, 4),), (2, 3, 4)),
    Case({"type": "l2_normalize", "axis": 2}, ((2, 3, 4),), (2, 3, 4), "channels_last"),
    *[
        Network(
            f"excitation-{data_format}",
            {"given": {"shape": shape}},
            [
                {"name": "stem", "type": "conv2d", "filters": 4, "kernel_size": 3},
                {"type": "reduce_mean", "axes": axes, "keepdims": True},
                {"type": "conv2d", "filters": 4, "kernel_size": 1, "activation": "sigmoid"},
                {"name": "gated", "type": "multiply", "inputs": ["stem", "conv2d_1"]},
                {"type": "flatten"},
            ],
            (24,),
            data_format,
        )
        for data_format, shape, axes in (
            ("channels_first", [2, 4, 5], [1, 2]),
            ("channels_last", [4, 5, 2], [0, 1]),
        )
    ],
    *[
        Network(
            f"argmax-{axis}-{data_format}",
            {"given": {"shape": [2, 3, 4]}},
            [
                {"name": "stem", "type": "conv2d", "filters": filters, "kernel_size": 1},
                {"type": "argmax", "axis": axis},
                {"name": "index", "type": "cast", "dtype": "float32"},
                {"name": "tested", "type": "add", "inputs": ["stem", "index"]},
            ],
            (2, 3, 4),
            data_format,
        )
        for axis, filters, data_format in ((0, 2, "channels_first"), (0, 4, "channels_last"))
    ],
]
