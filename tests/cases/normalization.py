"""Normalisation."""

from __future__ import annotations

from tests.cases.case import Case, image

CASES: list[Case] = [
    Case({"type": "batch_normalization"}, ((5,),), (5,)),
    Case({"type": "batch_normalization", "momentum": 0.99, "epsilon": 0.01}, ((4,),), (4,)),
    *image({"type": "batch_normalization", "affine": False}, (3, 2, 4), (3, 2, 4)),
    *image({"type": "batch_normalization"}, (3, 4, 5), (3, 4, 5)),
    *image({"type": "batch_normalization", "momentum": 0.5}, (2, 3, 3), (2, 3, 3)),
]
