"""Padding, cropping, and images made larger or smaller."""

from __future__ import annotations

from typing import Any

from nnspec.layers.shapes import Shape
from tests.cases.case import Case, Network, image


def each(kind: str, shape: Shape, output: Shape, **fields: Any) -> list[Case]:
    return image({"type": kind, **fields}, shape, output)


def first(kind: str, shape: Shape, output: Shape, **fields: Any) -> Case:
    return each(kind, shape, output, **fields)[0]


def last(kind: str, shape: Shape, output: Shape, **fields: Any) -> Case:
    return each(kind, shape, output, **fields)[1]


def dynamic(
    name: str, shape: tuple[int | str, ...], output: Shape, *layers: dict[str, Any]
) -> list[Network]:
    """Return a network of axes without a size, in both layouts."""
    shapes = {"channels_first": shape, "channels_last": (*shape[1:], shape[0])}
    return [
        Network(
            f"sizes-of-{name}-{layout}", {name: {"shape": list(given)}}, [*layers], output, layout
        )
        for layout, given in shapes.items()
    ]


CASES: list[Case | Network] = [
    *each("zero_padding1d", (2, 4), (2, 6)),
    first("zero_padding1d", (2, 4), (2, 7), padding=[0, 3]),
    *each("zero_padding2d", (2, 3, 4), (2, 5, 6)),
    first("zero_padding2d", (2, 3, 4), (2, 6, 4), padding=[[1, 2], 0]),
    first("zero_padding2d", (2, 3, 4), (2, 3, 4), padding=0),
    *each("zero_padding3d", (1, 2, 3, 2), (1, 4, 5, 4)),
    last("zero_padding3d", (1, 2, 3, 2), (1, 3, 3, 6), padding=[[1, 0], 0, [3, 1]]),
    *each("reflection_padding1d", (2, 4), (2, 6)),
    first("reflection_padding1d", (2, 4), (2, 7), padding=[0, 3]),
    *each("reflection_padding2d", (2, 3, 4), (2, 5, 6)),
    *each("reflection_padding1d", (2, "time"), (2, "time + 2")),
    last("reflection_padding2d", (2, 3, 4), (2, 6, 5), padding=[[1, 2], [0, 1]]),
    *each("replication_padding1d", (2, 4), (2, 6)),
    first("replication_padding1d", (2, 1), (2, 6), padding=[2, 3]),
    *each("replication_padding2d", (2, 3, 4), (2, 5, 6)),
    last("replication_padding2d", (2, 3, 2), (2, 6, 6), padding=[[1, 2], [0, 4]]),
    *each("cropping1d", (2, 5), (2, 3)),
    first("cropping1d", (2, 5), (2, 3), cropping=[0, 2]),
    *each("cropping2d", (2, 4, 5), (2, 2, 3)),
    last("cropping2d", (2, 4, 5), (2, 4, 2), cropping=[0, [1, 2]]),
    first("cropping2d", (2, 4, 5), (2, 2, 5), cropping=[[2, 0], 0]),
    *each("cropping3d", (2, 3, 4, 3), (2, 1, 2, 1)),
    first("cropping3d", (2, 3, 4, 3), (2, 2, 4, 2), cropping=[[1, 0], 0, [0, 1]]),
    *each("up_sampling1d", (2, 3), (2, 6)),
    first("up_sampling1d", (2, 3), (2, 9), size=3),
    *each("up_sampling2d", (2, 3, 2), (2, 6, 4)),
    first("up_sampling2d", (2, 3, 2), (2, 3, 6), size=[1, 3]),
    *each("resize", (2, 5, 4), (2, 3, 7), size=[3, 7]),
    first("resize", (2, 4, 6), (2, 2, 3), size=[2, 3]),
    *each("resize", (2, 5, 4), (2, 7, 6), scale=1.5),
    first("resize", (2, 5, 8), (2, 2, 4), scale=0.5, interpolation="bilinear"),
    *each("resize", (2, 5, 4), (2, 3, 7), size=[3, 7], interpolation="bilinear"),
    first(
        "resize", (2, 5, 4), (2, 1, 7), size=[1, 7], interpolation="bilinear", align_corners=True
    ),
    first("resize", (2, 3, 8), (2, 6, 4), size=[6, 4], interpolation="bilinear"),
    first("resize", (2, 3, 8), (2, 6, 4), size=[6, 4], interpolation="bicubic"),
    *each("resize", (2, 7, 5), (2, 3, 8), size=[3, 8], interpolation="bilinear", antialias=True),
    *each("resize", (2, 8, 5), (2, 4, 7), size=[4, 7], interpolation="bicubic", antialias=True),
    first("resize", (2, 9, 8), (2, 1, 8), size=[1, 8], interpolation="bicubic", antialias=True),
    last("resize", (2, 8, 8), (2, 2, 3), size=[2, 3], interpolation="bilinear", antialias=True),
    *each("resize", (2, 6, 4), (2, 2, 1), size=[2, 1], interpolation="bilinear", antialias=True),
    first("resize", (3, 6, 1), (3, 9, 1), size=[9, 1], interpolation="bicubic", antialias=True),
    first(
        "resize", (2, 6, "w"), (2, 3, "w // 2"), scale=0.5, interpolation="bilinear", antialias=True
    ),
    last("resize", (2, 3, 4), (2, 3, 7), size=[3, 7], interpolation="bilinear"),
    first("resize", (1, 1, 2), (1, 1, 41), size=[1, 41]),
    *each("resize", (2, "h", 4), (2, "h * 2", 8), scale=2),
    first("resize", (2, "h", "w"), (2, "h * 2", "w * 2"), scale=2, interpolation="bilinear"),
    *each("resize", (2, "h", "w"), (2, "(h * 3) // 2", "(w * 3) // 2"), scale=1.5),
    first("resize", (2, "h", 5), (2, "h // 2", 2), scale=0.5, interpolation="bicubic"),
    last("resize", (2, "h", 5), (2, "(h * 3) // 4", 3), scale=0.75, interpolation="bilinear"),
    *each("resize", (2, "h", "w"), (2, 3, 7), size=[3, 7], interpolation="bilinear"),
    first("resize", (2, "h", 5), (2, 3, 5), size=[3, 5]),
    first(
        "resize", (2, "h", "w"), (2, 3, 7), size=[3, 7], interpolation="bicubic", align_corners=True
    ),
    *each(
        "resize", (2, "h", "w"), (2, 3, 4), size=[3, 4], interpolation="bilinear", antialias=True
    ),
    first(
        "resize", (2, "h", 7), (2, "h // 2", 3), scale=0.5, interpolation="bicubic", antialias=True
    ),
    *each("pixel_unshuffle", (2, "h", 6), (8, "h / 2", 3), downscale_factor=2),
    *each("resize", (2, 5, 3), (2, 3, 8), size=[3, 8], interpolation="bicubic"),
    last("resize", (2, 5, 1), (2, 9, 3), size=[9, 3], interpolation="bicubic", align_corners=True),
    *each("pixel_shuffle", (8, 2, 3), (2, 4, 6), upscale_factor=2),
    first("pixel_shuffle", (9, 2, 1), (1, 6, 3), upscale_factor=3),
    *each("pixel_unshuffle", (2, 4, 6), (8, 2, 3), downscale_factor=2),
    last("pixel_unshuffle", (1, 3, 6), (9, 1, 2), downscale_factor=3),
    *dynamic(
        "image",
        (3, "height", "width"),
        (1,),
        {"type": "conv2d", "filters": 4, "kernel_size": 1},
        {"type": "replication_padding2d", "padding": [[2, 1], 1]},
        {"type": "zero_padding2d"},
        {"type": "up_sampling2d", "size": [2, 3]},
        {"type": "pixel_shuffle", "upscale_factor": 2},
        {"type": "cropping2d", "cropping": [[1, 0], 2]},
        {"type": "max_pooling2d", "pool_size": 3, "strides": 2, "padding": 1},
        {"type": "average_pooling2d", "pool_size": 2, "padding": [[1, 0], [0, 1]]},
        {"type": "average_pooling2d", "padding": 1, "count_include_pad": True},
        {"type": "global_max_pooling2d"},
    ),
    *dynamic(
        "x",
        (3, "time"),
        (2,),
        {"type": "replication_padding1d", "padding": [2, 1]},
        {"type": "zero_padding1d"},
        {"type": "up_sampling1d"},
        {"type": "cropping1d", "cropping": [1, 0]},
        {"type": "max_pooling1d", "pool_size": 3, "strides": 2, "padding": 1},
        {"type": "average_pooling1d", "padding": [1, 0]},
        {"type": "global_average_pooling1d"},
        {"type": "dense", "units": 2},
    ),
    *dynamic(
        "scan",
        (2, "depth", 5, 6),
        (2,),
        {"type": "zero_padding3d"},
        {"type": "max_pooling3d", "strides": 1, "padding": "same"},
        {"type": "average_pooling3d"},
        {"type": "global_max_pooling3d"},
        {"type": "dense", "units": 2},
    ),
]
