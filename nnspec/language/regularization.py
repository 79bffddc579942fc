"""Regularization: the size of parameters as a part of the loss."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nnspec.language.optimizers.groups import WEIGHTS
from nnspec.layers.fields import Frozen, OneOrMany, Positive


class Term(Frozen):
    """l1: factor · Σ |p|; l2: factor · Σ p², over all elements of the parameters, without 1/2.

    A part of the loss, so that its gradient is clipped and accumulated with the rest. As
    keras.regularizers.L1 and L2; the optimizer's l2 of 2 · factor has the gradient of l2.
    """

    type: Literal["l1", "l2"] = Field(description="Of absolute values, or of squares.")
    factor: Positive = Field(description="Times the sum.")
    of: OneOrMany = Field(
        default=(WEIGHTS,),
        description="Names of parameters or patterns, such as encoder.*, or `weights`.",
        min_length=1,
    )
