"""Layers that are random in training."""

from __future__ import annotations

from tests.cases.case import Case, image

CASES: list[Case] = [
    Case({"type": "dropout", "rate": 0.4}, ((5,),), (5,)),
    *image({"type": "dropout", "rate": 0.0}, (2, 3, 4), (2, 3, 4)),
    *image({"type": "spatial_dropout1d", "rate": 0.4}, (2, 3), (2, 3)),
    *image({"type": "spatial_dropout2d", "rate": 0.4}, (2, 3, 4), (2, 3, 4)),
    *image({"type": "spatial_dropout3d", "rate": 0.4}, (2, 3, 2, 3), (2, 3, 2, 3)),
    Case({"type": "alpha_dropout", "rate": 0.4}, ((5,),), (5,)),
    Case({"type": "gaussian_dropout", "rate": 0.4}, ((5,),), (5,)),
    Case({"type": "gaussian_noise", "stddev": 0.4}, ((5,),), (5,)),
    Case({"type": "sampling"}, ((5,),) * 2, (5,)),
    Case({"type": "sampling", "stddev": 0.5}, (("time", 4),) * 2, ("time", 4)),
    *image({"type": "gaussian_noise", "stddev": 1}, (2, 3, 4), (2, 3, 4)),
]
