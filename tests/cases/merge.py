"""Layers that join several values."""

from __future__ import annotations

from nnspec.layers.shapes import Shape
from tests.cases.case import Case, Network

BINARY = ("add", "subtract", "multiply", "average", "maximum", "minimum")
POSITIVE = [
    {"name": "fed_0", "type": "dense", "units": 4, "inputs": "first"},
    {"name": "fed_1", "type": "dense", "units": 4, "inputs": "second"},
    {"name": "power", "type": "exp", "inputs": "fed_1"},
]
"""Divisors that are not 0."""


def divided(name: str, first: list[int | str], second: list[int | str], output: Shape) -> Network:
    layers = [*POSITIVE, {"name": "tested", "type": "divide", "inputs": ["fed_0", "power"]}]
    return Network(
        f"divide-{name}", {"first": {"shape": first}, "second": {"shape": second}}, layers, output
    )


CASES: list[Case | Network] = [
    *[Case({"type": kind}, ((3, 4),) * 2, (3, 4)) for kind in BINARY],
    *[Case({"type": kind}, ((3, 4),) * 3, (3, 4)) for kind in BINARY if kind != "subtract"],
    *[
        Case({"type": kind}, ((2, 3, 4),) * 2, (2, 3, 4), layout)
        for kind in ("add", "multiply")
        for layout in ("channels_first", "channels_last")
    ],
    # Shapes that stretch: as squeeze-and-excitation has them, and fewer axes on either side.
    Case({"type": "multiply"}, ((2, 1, 1), (2, 3, 4)), (2, 3, 4)),
    Case({"type": "multiply"}, ((3, 4, 2), (1, 1, 2)), (3, 4, 2), "channels_last"),
    Case({"type": "subtract"}, ((4,), (2, 3, 4)), (2, 3, 4)),
    Case({"type": "add"}, ((2, 3, 4), (3, 4)), (2, 3, 4)),
    Case({"type": "add"}, ((2, 3, 4), (3, 4)), (2, 3, 4), "channels_last"),
    Case({"type": "average"}, ((4,), (2, 1, 4), (3, 1)), (2, 3, 4)),
    Case({"type": "maximum"}, (("time", 1), (4,)), ("time", 4)),
    Case({"type": "minimum"}, ((4,), (3, 1), (3, 4)), (3, 4)),
    *[
        Case({"type": kind}, ((3,), (2, 3)), (2, 3), dtypes=("int64",) * 2)
        for kind in ("add", "subtract", "multiply", "maximum", "minimum")
    ],
    Case({"type": "add"}, ((3,),) * 3, (3,), dtypes=("int32",) * 3),
    divided("equal", [3, 4], [3, 4], (3, 4)),
    divided("fewer_axes", [4], ["time", 4], ("time", 4)),
    Case({"type": "matmul"}, ((3, 4), (4, 2)), (3, 2)),
    Case({"type": "matmul"}, ((2, 3, 4), (4, 5)), (2, 3, 5)),
    Case({"type": "matmul"}, ((3, 4), (2, 4, 1)), (2, 3, 1), "channels_last"),
    Case({"type": "matmul"}, (("time", 4), (4, 3)), ("time", 3)),
    Case({"type": "dot"}, ((4,), (4,)), (1,)),
    Case({"type": "dot"}, ((3, 4), (2, 4)), (3, 2)),
    Case({"type": "dot", "axes": [0, -1]}, ((3, 4), (2, 1, 3)), (4, 2, 1)),
    Case({"type": "dot", "axes": [0, 0]}, ((4,), (4, 3)), (3,), "channels_last"),
    Case({"type": "concatenate"}, ((3,), (4,)), (7,)),
    Case({"type": "concatenate"}, ((3,), (4,)), (7,), dtypes=("uint8", "uint8")),
    Case({"type": "split", "sizes": [1, 2]}, ((3,),), (1,), dtypes=("uint8",), others=((2,),)),
    Case({"type": "concatenate", "axis": 0}, ((1, 4), ("time", 4)), ("time + 1", 4)),
    Case({"type": "concatenate", "axis": 0}, (("a", 4), ("b", 4), (2, 4)), ("a + b + 2", 4)),
    Case({"type": "concatenate", "axis": 0}, (("time", 4), ("time", 4)), ("time * 2", 4)),
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
