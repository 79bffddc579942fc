"""Layers that join several values."""

from __future__ import annotations

from tests.cases.case import Case

CASES: list[Case] = [
    *[
        Case({"type": kind}, ((3, 4),) * number, (3, 4))
        for kind in ("add", "multiply")
        for number in (2, 3)
    ],
    *[
        Case({"type": kind}, ((2, 3, 4),) * 2, (2, 3, 4), layout)
        for kind in ("add", "multiply")
        for layout in ("channels_first", "channels_last")
    ],
    Case({"type": "concatenate"}, ((3,), (4,)), (7,)),
    Case({"type": "concatenate"}, ((2, 3, 4), (1, 3, 4)), (3, 3, 4)),
    Case({"type": "concatenate"}, ((3, 4, 2), (3, 4, 1)), (3, 4, 3), "channels_last"),
    Case({"type": "concatenate", "axis": 1}, ((2, 3, 4), (2, 2, 4)), (2, 5, 4)),
    Case({"type": "concatenate", "axis": 0}, ((2, 3), (1, 3), (3, 3)), (6, 3)),
    Case({"type": "split", "sizes": [2, 3]}, ((5,),), (2,), others=((3,),)),
    Case(
        {"type": "split", "sizes": [1, 2, 1], "axis": 0}, ((4, 3),), (1, 3), others=((2, 3), (1, 3))
    ),
    Case(
        {"type": "split", "sizes": [1, 1], "axis": -2}, ((3, 2, 4),), (3, 1, 4), others=((3, 1, 4),)
    ),
]
