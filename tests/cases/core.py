"""Dense and shape layers."""

from __future__ import annotations

from tests.cases.case import Case

CASES: list[Case] = [
    Case({"type": "dense", "units": 3}, ((4,),), (3,)),
    Case({"type": "dense", "units": 1, "use_bias": False}, ((5,),), (1,)),
    Case({"type": "dense", "units": 5, "activation": "tanh"}, ((5,),), (5,)),
    Case({"type": "dense", "units": 6}, ((3, 4),), (3, 6)),
    Case({"type": "dense", "units": 4, "activation": "softmax"}, ((2, 3),), (2, 4)),
    Case({"type": "dense", "units": 4}, (("time", 3),), ("time", 4)),
    Case({"type": "dense", "units": 5}, ((2, 3, 4),), (2, 3, 5)),
    Case(
        {"type": "dense", "units": 5, "activation": "relu"},
        (("height", "width", 3),),
        ("height", "width", 5),
        "channels_last",
    ),
    Case({"type": "dense", "units": 2, "use_bias": False}, ((2, 1, "n", 3),), (2, 1, "n", 2)),
    Case({"type": "flatten"}, ((2, 3, 4),), (24,)),
    Case({"type": "flatten"}, ((2, 3, 4),), (24,), dtypes=("uint8",)),
    Case({"type": "reshape", "shape": [-1, 6]}, (("time", 2, 3),), ("time", 6), dtypes=("uint8",)),
    Case({"type": "flatten"}, ((3, 4, 2),), (24,), "channels_last"),
    Case({"type": "flatten"}, ((6,),), (6,)),
    Case({"type": "flatten"}, ((),), (1,)),
    Case({"type": "flatten"}, ((2, "time", 3),), ("time * 6",)),
    Case({"type": "flatten"}, (("h", "w", 2),), ("h * w * 2",), "channels_last"),
    Case({"type": "reshape", "shape": [-1, 8]}, (("time", 2, 4),), ("time", 8), "channels_last"),
    Case({"type": "reshape", "shape": [-1, 2]}, (("time", 4),), ("time * 2", 2)),
    Case({"type": "reshape", "shape": [-1, 8]}, (("time", 4),), ("time / 2", 8)),
    Case({"type": "reshape", "shape": ["time", 2, -1]}, (("time", 6),), ("time", 2, 3)),
    Case({"type": "reshape", "shape": [-1, 3]}, (("h", "w", 3),), ("h * w", 3), "channels_last"),
    Case({"type": "reshape", "shape": ["h", 3, "w"]}, ((3, "h", "w"),), ("h", 3, "w")),
    Case(
        {"type": "reshape", "shape": ["w", -1, 2]},
        (("h", "w", 6),),
        ("w", "h * 3", 2),
        "channels_last",
    ),
    Case({"type": "reshape", "shape": []}, ((1,),), ()),
    Case({"type": "reshape", "shape": [4, 6]}, ((2, 3, 4),), (4, 6)),
    Case({"type": "reshape", "shape": [2, -1, 2]}, ((12,),), (2, 3, 2)),
    Case({"type": "reshape", "shape": [-1]}, ((3, 4, 2),), (24,), "channels_last"),
]
