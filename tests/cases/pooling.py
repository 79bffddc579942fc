"""Pooling."""

from __future__ import annotations

from typing import Any

from nnspec.shapes import Shape
from tests.cases.case import Case, image


def pool(kind: str, shape: Shape, output: Shape, **fields: Any) -> list[Case]:
    return image({"type": kind, **fields}, shape, output)


CASES: list[Case] = [
    *pool("max_pooling2d", (2, 6, 7), (2, 3, 3)),
    *pool("max_pooling2d", (2, 7, 7), (2, 3, 3), pool_size=3, strides=2),
    *pool("max_pooling2d", (2, 7, 5), (2, 4, 3), pool_size=3, strides=2, padding="same"),
    *pool("max_pooling2d", (2, 6, 6), (2, 6, 6), pool_size=2, strides=1, padding="same"),
    *pool("max_pooling2d", (3, 7, 7), (3, 4, 4), pool_size=3, strides=2, padding=1),
    *pool("average_pooling2d", (2, 6, 7), (2, 3, 3)),
    *pool("average_pooling2d", (2, 7, 5), (2, 4, 3), pool_size=3, strides=2, padding="same"),
    *pool("average_pooling2d", (2, 6, 6), (2, 6, 6), pool_size=2, strides=1, padding="same"),
    *pool(
        "average_pooling2d", (2, 6, 6), (2, 3, 4), pool_size=3, strides=2, padding=[[1, 0], [2, 1]]
    ),
    Case({"type": "global_average_pooling2d"}, ((3, 4, 5),), (3,)),
    Case({"type": "global_average_pooling2d"}, ((4, 5, 3),), (3,), "channels_last"),
]
