"""Activations with a slope of their own, or with a gate."""

from __future__ import annotations

from tests.cases.case import Case, image

CASES: list[Case] = [
    Case({"type": "prelu"}, ((5,),), (5,)),
    Case({"type": "prelu", "alpha_initializer": "ones"}, ((3, 4),), (3, 4)),
    Case({"type": "prelu"}, (("time", 3),), ("time", 3), "channels_last"),
    *image({"type": "prelu"}, (3, 2, 4), (3, 2, 4)),
    *image({"type": "prelu", "slopes": "one"}, (3, 2, "w"), (3, 2, "w")),
    Case({"type": "prelu", "slopes": "one", "alpha_initializer": "ones"}, ((),), ()),
    *image({"type": "prelu", "slopes": "element"}, (3, 2, 4), (3, 2, 4)),
    Case(
        {
            "type": "prelu",
            "slopes": "element",
            "alpha_initializer": {"type": "normal", "stddev": 0.5},
        },
        ((3, 4),),
        (3, 4),
    ),
    *[
        case
        for kind in ("glu", "swiglu")
        for case in (
            Case({"type": kind}, ((6,),), (3,)),
            Case({"type": kind}, (("time", 4),), ("time", 2)),
            Case({"type": kind, "axis": 0}, ((4, 2, 3),), (2, 2, 3)),
            Case({"type": kind, "axis": 0}, ((4, 2, 3),), (2, 2, 3), "channels_last"),
            Case({"type": kind, "axis": -2}, ((4, 2, 3),), (4, 1, 3)),
        )
    ],
]
