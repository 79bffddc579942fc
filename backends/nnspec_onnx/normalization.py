"""Normalisation."""

from __future__ import annotations

import numpy as np

from nnspec.layers import BatchNormalization
from nnspec_onnx.context import Context, Values


def batch_normalization(layer: BatchNormalization, at: Context) -> Values:
    """BatchNormalization in its inference form."""
    size = at.parameters["running_mean"].shape
    scale = at.parameter("weight") if layer.affine else at.constant("ones", np.ones(size))
    shift = at.parameter("bias") if layer.affine else at.constant("zeros", np.zeros(size))
    output = at.node(
        "BatchNormalization",
        *at.inputs,
        scale,
        shift,
        at.parameter("running_mean"),
        at.parameter("running_var"),
        epsilon=layer.epsilon,
    )
    return (output,)
