"""Convolutions."""

from __future__ import annotations

from typing import Any

from nnspec.shapes import Shape
from tests.cases.case import Case, image


def conv(shape: Shape, output: Shape, **fields: Any) -> list[Case]:
    return image({"type": "conv2d", "filters": output[0], **fields}, shape, output)


CASES: list[Case] = [
    *conv((3, 5, 7), (4, 3, 5), kernel_size=3),
    *conv((2, 6, 5), (3, 6, 5), kernel_size=3, padding="same"),
    *conv((2, 6, 5), (3, 6, 5), kernel_size=[2, 4], padding="same", use_bias=False),
    *conv((2, 7, 8), (3, 4, 4), kernel_size=3, padding="same", strides=2),
    *conv((2, 8, 7), (4, 4, 3), kernel_size=3, padding="same", strides=[2, 3], activation="relu"),
    *conv((4, 9, 9), (6, 5, 5), kernel_size=3, dilation_rate=2, groups=2),
    *conv((4, 8, 8), (4, 8, 8), kernel_size=3, dilation_rate=2, padding="same", groups=4),
    *conv((2, 6, 6), (3, 3, 3), kernel_size=3, strides=2, padding=1),
    *conv((2, 5, 6), (3, 6, 7), kernel_size=3, padding=[[2, 1], [0, 3]]),
    *conv((2, 9, 9), (3, 3, 3), kernel_size=3, strides=2, dilation_rate=2),
    *conv((1, 1, 1), (2, 1, 1), kernel_size=1),
]
