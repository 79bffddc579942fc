"""Normalisation."""

from __future__ import annotations

from tests.cases.case import Case, image

CASES: list[Case] = [
    Case({"type": "batch_normalization"}, ((5,),), (5,)),
    Case({"type": "batch_normalization", "momentum": 0.99, "epsilon": 0.01}, ((4,),), (4,)),
    *image({"type": "batch_normalization", "affine": False}, (3, 2, 4), (3, 2, 4)),
    *image({"type": "batch_normalization"}, (3, 4, 5), (3, 4, 5)),
    *image({"type": "batch_normalization", "momentum": 0.5}, (2, 3, 3), (2, 3, 3)),
    Case({"type": "layer_normalization"}, ((5,),), (5,)),
    Case({"type": "layer_normalization", "epsilon": 0.01}, (("time", 4),), ("time", 4)),
    Case({"type": "layer_normalization", "axis": [-2, -1]}, ((3, 2, 4),), (3, 2, 4)),
    Case({"type": "layer_normalization", "axis": [2, 0, 1]}, ((3, 2, 4),), (3, 2, 4)),
    Case({"type": "layer_normalization"}, ((2, 3, 4),), (2, 3, 4), "channels_last"),
    Case({"type": "layer_normalization", "axis": 0}, ((3, "h", "w"),), (3, "h", "w")),
    Case({"type": "layer_normalization", "axis": [0, 2], "center": False}, ((3, 2, 4),), (3, 2, 4)),
    Case(
        {"type": "layer_normalization", "axis": 1, "scale": False, "center": False},
        ((3, 2, 4),),
        (3, 2, 4),
        "channels_last",
    ),
    Case({"type": "rms_normalization", "axis": 0}, ((3, 4),), (3, 4)),
    Case({"type": "rms_normalization", "axis": [1, 0]}, ((3, 2, 4),), (3, 2, 4)),
    Case({"type": "layer_normalization", "center": False}, ((3, 4),), (3, 4)),
    Case({"type": "layer_normalization", "center": False, "scale": False}, ((4,),), (4,)),
    Case({"type": "rms_normalization"}, ((5,),), (5,)),
    Case({"type": "rms_normalization", "epsilon": 0.01}, (("time", 4),), ("time", 4)),
    Case({"type": "rms_normalization", "axis": [1, 2]}, ((3, 2, 4),), (3, 2, 4)),
    Case({"type": "rms_normalization"}, ((2, 3, 4),), (2, 3, 4), "channels_last"),
    Case({"type": "group_normalization", "groups": 2}, ((8,),), (8,)),
    *image({"type": "group_normalization", "groups": 2}, (4, 2, 3), (4, 2, 3)),
    *image({"type": "group_normalization", "groups": 1, "affine": False}, (3, 4), (3, 4)),
    *image({"type": "group_normalization", "groups": 3, "epsilon": 0.01}, (3, 2, 3), (3, 2, 3)),
    Case({"type": "group_normalization", "groups": 2}, ((2, 2, 3, 4),), (2, 2, 3, 4)),
    *image({"type": "group_normalization", "groups": 1}, (6, 1, 1), (6, 1, 1)),
    *image({"type": "group_normalization", "groups": 1}, (1, 2, 3), (1, 2, 3)),
    *image({"type": "instance_normalization"}, (3, 2, 3), (3, 2, 3)),
    *image({"type": "instance_normalization", "affine": False}, (3, 5), (3, 5)),
    Case(
        {"type": "instance_normalization", "epsilon": 0.01},
        ((2, 3, 2, 4),),
        (2, 3, 2, 4),
        "channels_last",
    ),
    Case({"type": "unit_normalization"}, ((5,),), (5,)),
    Case({"type": "unit_normalization", "epsilon": 0.5}, (("time", 1),), ("time", 1)),
    Case({"type": "unit_normalization", "axis": 1}, ((3, 2, 4),), (3, 2, 4)),
    Case({"type": "unit_normalization", "axis": 0}, ((3, 2, 4),), (3, 2, 4), "channels_last"),
]
