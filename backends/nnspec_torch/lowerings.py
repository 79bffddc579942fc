"""The table of lowerings to PyTorch: the families' rows, and the layers that it cannot do."""

from __future__ import annotations

from collections.abc import Mapping

from nnspec.emit.alike import OPERATORS
from nnspec.emit.lowering import Rows
from nnspec.layers import Layer
from nnspec_torch import (
    activations,
    arithmetic,
    arrangement,
    attention,
    convolution,
    core,
    embedding,
    gated,
    merge,
    normalization,
    padding,
    pooling,
    recurrent,
    reduction,
    regularization,
    resizing,
)

LOWERINGS: Rows = {
    **OPERATORS,
    **activations.ROWS,
    **arithmetic.ROWS,
    **arrangement.ROWS,
    **attention.ROWS,
    **convolution.ROWS,
    **core.ROWS,
    **embedding.ROWS,
    **gated.ROWS,
    **merge.ROWS,
    **normalization.ROWS,
    **padding.ROWS,
    **pooling.ROWS,
    **recurrent.ROWS,
    **reduction.ROWS,
    **regularization.ROWS,
    **resizing.ROWS,
}

UNSUPPORTED: Mapping[type[Layer], str] = {}
