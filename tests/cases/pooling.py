"""Pooling."""

from __future__ import annotations

from typing import Any

from nnspec.layers.shapes import Shape
from tests.cases.case import Case, image


def pool(kind: str, shape: Shape, output: Shape, **fields: Any) -> list[Case]:
    return image({"type": kind, **fields}, shape, output)


def first(kind: str, shape: Shape, output: Shape, **fields: Any) -> Case:
    return pool(kind, shape, output, **fields)[0]


def last(kind: str, shape: Shape, output: Shape, **fields: Any) -> Case:
    return pool(kind, shape, output, **fields)[1]


CASES: list[Case] = [
    *pool("max_pooling2d", (2, 6, 7), (2, 3, 3)),
    *pool("max_pooling2d", (2, 7, 7), (2, 3, 3), pool_size=3, strides=2),
    *pool("max_pooling2d", (2, 7, 5), (2, 4, 3), pool_size=3, strides=2, padding="same"),
    *pool("max_pooling2d", (2, 6, 6), (2, 6, 6), pool_size=2, strides=1, padding="same"),
    *pool("max_pooling2d", (3, 7, 7), (3, 4, 4), pool_size=3, strides=2, padding=1),
    *pool(
        "max_pooling2d",
        (2, "h", "w"),
        (2, "(h + 1) // 2", "(w + 1) // 2"),
        pool_size=3,
        strides=2,
        padding="same",
    ),
    first("max_pooling3d", (1, "d", 4, 5), (1, "(d + 1) // 2", 2, 3), padding="same"),
    first("max_pooling1d", (2, "time"), (2, "(time - 1) // 2 + 1"), ceil_mode=True),
    last(
        "max_pooling2d",
        (2, "h", 6),
        (2, "h // 3 + 1", 3),
        pool_size=3,
        padding=[[1, 0], [1, 0]],
        ceil_mode=True,
    ),
    last("max_pooling3d", (1, "d", 4, 5), (1, "(d - 1) // 2 + 1", 2, 3), ceil_mode=True),
    *pool("average_pooling2d", (2, "h", 5), (2, "(h + 1) // 2", 3), padding="same"),
    first(
        "average_pooling2d",
        (2, "h", "w"),
        (2, "(h + 1) // 2", "w"),
        pool_size=3,
        strides=[2, 1],
        padding="same",
        count_include_pad=True,
    ),
    last(
        "average_pooling1d",
        (2, "time"),
        (2, "(time + 2) // 3"),
        pool_size=2,
        strides=3,
        padding="same",
        count_include_pad=True,
    ),
    first(
        "average_pooling2d",
        (2, "h", "w"),
        (2, "(h - 1) // 2 + 1", "(w - 1) // 2 + 1"),
        ceil_mode=True,
    ),
    last("average_pooling3d", (1, "d", 4, 5), (1, "(d - 1) // 2 + 1", 2, 3), ceil_mode=True),
    first("max_pooling2d", (2, 6, 7), (2, 3, 4), ceil_mode=True),
    last("max_pooling2d", (2, 6, 6), (2, 3, 3), pool_size=3, strides=3, padding=1, ceil_mode=True),
    first(
        "max_pooling2d",
        (2, 6, 8),
        (2, 4, 4),
        pool_size=3,
        strides=2,
        padding=[[2, 1], [0, 1]],
        ceil_mode=True,
    ),
    *pool("average_pooling2d", (2, 6, 7), (2, 3, 3)),
    *pool("average_pooling2d", (2, 7, 5), (2, 4, 3), pool_size=3, strides=2, padding="same"),
    *pool("average_pooling2d", (2, 6, 6), (2, 6, 6), pool_size=2, strides=1, padding="same"),
    *pool(
        "average_pooling2d", (2, 6, 6), (2, 3, 4), pool_size=3, strides=2, padding=[[1, 0], [2, 1]]
    ),
    first(
        "average_pooling2d",
        (2, 6, 7),
        (2, 4, 4),
        pool_size=3,
        strides=2,
        padding=1,
        ceil_mode=True,
    ),
    last(
        "average_pooling2d",
        (2, 7, 6),
        (2, 3, 2),
        pool_size=3,
        strides=3,
        padding=1,
        count_include_pad=True,
    ),
    first(
        "average_pooling2d",
        (2, 6, 8),
        (2, 4, 5),
        pool_size=3,
        strides=2,
        padding=1,
        count_include_pad=True,
        ceil_mode=True,
    ),
    last(
        "average_pooling2d",
        (2, 6, 8),
        (2, 4, 5),
        pool_size=3,
        strides=2,
        padding=[[2, 0], [1, 2]],
        count_include_pad=True,
        ceil_mode=True,
    ),
    first(
        "average_pooling2d",
        (2, 6, 8),
        (2, 3, 4),
        pool_size=3,
        strides=2,
        padding=[[0, 1], [0, 1]],
        count_include_pad=True,
    ),
    *pool("max_pooling1d", (2, 7), (2, 3)),
    first("max_pooling1d", (2, 8), (2, 5), pool_size=3, strides=2, padding=[1, 2]),
    last("max_pooling1d", (2, 8), (2, 4), pool_size=[3], strides=2, padding="same"),
    first("max_pooling1d", (3, 8), (3, 5), pool_size=3, strides=2, padding=[1], ceil_mode=True),
    *pool("average_pooling1d", (2, 7), (2, 3)),
    first("average_pooling1d", (2, 8), (2, 5), pool_size=3, strides=2, padding=[1, 2]),
    last("average_pooling1d", (2, 8), (2, 5), pool_size=3, strides=2, padding=1, ceil_mode=True),
    first(
        "average_pooling1d",
        (2, 5),
        (2, 5),
        pool_size=3,
        strides=1,
        padding=1,
        count_include_pad=True,
    ),
    *pool("max_pooling3d", (2, 4, 5, 6), (2, 2, 2, 3)),
    last("max_pooling3d", (2, 3, 4, 5), (2, 2, 2, 3), pool_size=3, strides=2, padding="same"),
    first(
        "max_pooling3d",
        (1, 3, 4, 5),
        (1, 2, 3, 5),
        pool_size=[2, 3, 1],
        strides=[2, 1, 1],
        padding=[[1, 0], [0, 1], 0],
    ),
    *pool("average_pooling3d", (2, 4, 5, 6), (2, 2, 2, 3)),
    last("average_pooling3d", (2, 3, 4, 5), (2, 2, 2, 3), pool_size=3, strides=2, padding="same"),
    first(
        "average_pooling3d",
        (1, 3, 4, 5),
        (1, 2, 3, 5),
        pool_size=[2, 3, 1],
        strides=[2, 1, 1],
        padding=[[1, 0], [0, 1], 0],
    ),
    first("average_pooling3d", (2, 1, 4, 4), (2, 1, 4, 4), pool_size=3, strides=1, padding=1),
    *pool("global_average_pooling1d", (3, 5), (3,)),
    first("global_average_pooling1d", (3, 5), (3, 1), keepdims=True),
    Case({"type": "global_average_pooling2d"}, ((3, 4, 5),), (3,)),
    Case({"type": "global_average_pooling2d"}, ((4, 5, 3),), (3,), "channels_last"),
    *pool("global_average_pooling2d", (3, 4, 5), (3, 1, 1), keepdims=True),
    *pool("global_average_pooling3d", (2, 3, 2, 3), (2,)),
    last("global_average_pooling3d", (2, 3, 2, 3), (2, 1, 1, 1), keepdims=True),
    *pool("global_max_pooling1d", (3, 5), (3,)),
    first("global_max_pooling1d", (3, 5), (3, 1), keepdims=True),
    *pool("global_max_pooling2d", (3, 4, 5), (3,)),
    last("global_max_pooling2d", (3, 4, 5), (3, 1, 1), keepdims=True),
    *pool("global_max_pooling3d", (2, 3, 2, 3), (2,)),
    last("global_max_pooling3d", (2, 3, 2, 3), (2, 1, 1, 1), keepdims=True),
    *pool("adaptive_average_pooling1d", (2, 7), (2, 3), output_size=3),
    first("adaptive_average_pooling1d", (2, 6), (2, 3), output_size=3),
    *pool("adaptive_average_pooling2d", (2, 7, 5), (2, 3, 2), output_size=[3, 2]),
    first("adaptive_average_pooling2d", (2, 6, 4), (2, 2, 2), output_size=2),
    last("adaptive_average_pooling2d", (2, 2, 3), (2, 4, 4), output_size=4),
    first("adaptive_average_pooling2d", (2, 1, 5), (2, 2, 3), output_size=[2, 3]),
    last("adaptive_average_pooling1d", (2, 1), (2, 3), output_size=3),
    *pool("adaptive_max_pooling1d", (2, 7), (2, 3), output_size=3),
    first("adaptive_max_pooling1d", (2, 5), (2, 1), output_size=1),
    first("adaptive_max_pooling1d", (2, 1), (2, 3), output_size=3),
    last("adaptive_max_pooling2d", (2, 1, 5), (2, 2, 3), output_size=[2, 3]),
    first("adaptive_max_pooling1d", (2, 6), (2, 3), output_size=3),
    *pool("adaptive_max_pooling2d", (2, 7, 5), (2, 3, 2), output_size=[3, 2]),
    first("adaptive_max_pooling2d", (2, 6, 4), (2, 2, 2), output_size=2),
    last("adaptive_max_pooling2d", (2, 2, 3), (2, 4, 4), output_size=4),
]
