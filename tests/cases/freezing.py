"""Layers that training leaves alone."""

from __future__ import annotations

from tests.cases.case import Case, image

CASES: list[Case] = [
    Case({"type": "dense", "units": 3, "trainable": False}, ((4,),), (3,)),
    *image({"type": "batch_normalization", "trainable": False}, (3, 4, 5), (3, 4, 5)),
    Case({"type": "batch_normalization", "affine": False, "trainable": False}, ((4,),), (4,)),
    Case({"type": "gru", "units": 3, "trainable": False}, ((4, 3),), (3,)),
    Case(
        {"type": "bidirectional", "layer": {"type": "lstm", "units": 2}, "trainable": False},
        ((4, 3),),
        (4,),
    ),
    Case({"type": "multi_head_attention", "num_heads": 2, "trainable": False}, ((4, 6),), (4, 6)),
    *image(
        {"type": "separable_conv2d", "filters": 3, "kernel_size": 2, "trainable": False},
        (2, 4, 4),
        (3, 3, 3),
    ),
    Case({"type": "layer_normalization", "trainable": False}, ((4,),), (4,)),
]
