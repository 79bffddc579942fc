"""Layers that choose and rearrange elements."""

from __future__ import annotations

from tests.cases.case import Case

LAST = "channels_last"

CASES: list[Case] = [
    Case({"type": "permute", "axes": [1, 0]}, ((3, 4),), (4, 3)),
    Case({"type": "permute", "axes": [2, 0, 1]}, ((2, 3, 4),), (4, 2, 3)),
    Case({"type": "permute", "axes": [0, 2, 1]}, ((2, 3, 4),), (2, 4, 3), LAST),
    Case({"type": "permute", "axes": [0]}, ((3,),), (3,)),
    Case({"type": "permute", "axes": []}, ((),), ()),
    Case({"type": "permute", "axes": [1, 0]}, (("time", 3),), (3, "time"), dtypes=("bool",)),
    Case({"type": "repeat_vector", "n": 3}, ((4,),), (3, 4)),
    Case({"type": "repeat_vector", "n": 2}, ((4,),), (2, 4), dtypes=("int64",)),
    Case({"type": "expand_dims"}, ((3, 4),), (3, 4, 1)),
    Case({"type": "expand_dims", "axis": 1}, ((3, "time"),), (3, 1, "time"), LAST, ("int32",)),
    Case({"type": "squeeze", "axis": 0}, ((1, 3, 4),), (3, 4)),
    Case({"type": "squeeze", "axis": -1}, ((3, 4, 1),), (3, 4), LAST),
    Case({"type": "stack"}, ((3, 4),) * 2, (2, 3, 4)),
    Case({"type": "stack", "axis": -1}, ((3,),) * 3, (3, 3), dtypes=("bool",) * 3),
    Case({"type": "stack", "axis": 1}, ((3, 4),) * 2, (3, 2, 4), LAST),
    Case({"type": "slice", "start": 1, "stop": -1}, ((5,),), (3,)),
    Case({"type": "slice", "axis": 0, "stop": 2}, ((3, 4),), (2, 4), dtypes=("int64",)),
    Case({"type": "slice", "start": -4, "step": 3}, ((2, 3, 5),), (2, 3, 2)),
    Case({"type": "slice", "axis": 1, "step": 2}, ((3, 5, 2),), (3, 3, 2), LAST),
    Case({"type": "slice", "axis": 0, "start": 1}, (("time", 3),), ("time - 1", 3)),
    Case({"type": "slice", "axis": 0, "start": -2}, (("time", 3),), (2, 3)),
    Case({"type": "slice", "axis": 0, "start": -4, "stop": -1, "step": 2}, (("time", 3),), (2, 3)),
    Case({"type": "slice", "axis": 1, "start": 1, "stop": 3}, ((2, "time", 3),), (2, 2, 3)),
    Case({"type": "slice", "axis": 0, "start": 1, "step": 2}, (("n", 3),), ("n // 2", 3)),
    Case({"type": "gather", "axis": 0, "indices": [0, -1, 2]}, (("time", 3),), (3, 3)),
    Case({"type": "gather", "indices": [2, 0, -1, 2]}, ((4,),), (4,)),
    Case({"type": "gather", "axis": 0, "indices": [1]}, ((2, 3, 4),), (1, 3, 4)),
    Case({"type": "gather", "axis": 2, "indices": [1, 0, 0]}, ((3, 4, 2),), (3, 4, 3), LAST),
    Case({"type": "flip", "axis": 1}, ((2, 3, 4),), (2, 3, 4)),
    Case({"type": "flip"}, ((3, 4, 2),), (3, 4, 2), LAST),
    Case({"type": "flip", "axis": 0}, (("time", 3),), ("time", 3), dtypes=("bool",)),
    Case({"type": "roll", "shift": 2}, ((5,),), (5,)),
    Case({"type": "roll", "axis": 0, "shift": -7}, ((2, 3, 4),), (2, 3, 4), LAST),
    Case({"type": "repeat_elements", "repeats": 2}, ((3, 4),), (3, 8)),
    Case({"type": "repeat_elements", "axis": 1, "repeats": 3}, ((2, 3, 4),), (2, 9, 4), LAST),
    Case({"type": "roll", "axis": 0, "shift": -9}, (("time", 3),), ("time", 3)),
    Case({"type": "roll", "axis": 0, "shift": 2}, (("h", "w", 3),), ("h", "w", 3), LAST),
    Case({"type": "repeat_elements", "axis": 0, "repeats": 3}, (("time", 2),), ("time * 3", 2)),
    Case({"type": "tile", "axis": 0, "repeats": 2}, (("time", 2),), ("time * 2", 2)),
    Case({"type": "tile", "repeats": 2}, ((3, 4),), (3, 8)),
    Case({"type": "tile", "axis": 0, "repeats": 3}, ((2, 3, 4),), (6, 3, 4), LAST, ("int32",)),
]
