"""Regularization: the size of parameters, or of what layers give, as a part of the loss."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.language.optimizers.groups import WEIGHTS
from nnspec.layers.fields import Frozen, OneOrMany, Positive


class Term(Frozen):
    """l1: factor · Σ |p|; l2: factor · Σ p², over all elements of the parameters, without 1/2.

    With `activity`, of what layers give instead, a in n rows: l1: factor · Σ |a| / n; l2:
    factor · Σ a² / n, summed over the layers, and over the calls of each.

    A part of the loss, so that its gradient is clipped and accumulated with the rest. As
    keras.regularizers.L1 and L2, and as Keras's activity_regularizer has them; the optimizer's l2
    of 2 · factor has the gradient of l2 of parameters.
    """

    type: Literal["l1", "l2"] = Field(description="Of absolute values, or of squares.")
    factor: Positive = Field(description="Times the sum.")
    of: OneOrMany = Field(
        default=(WEIGHTS,),
        description="Names of parameters or patterns, such as encoder.*, or `weights`.",
        min_length=1,
    )
    activity: OneOrMany | None = Field(
        default=None,
        description="Names of layers or patterns: of what they give, a mean over the rows, and of "
        "no parameter.",
        min_length=1,
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if self.activity is not None and "of" in self.model_fields_set:
            raise PydanticCustomError(
                "nnspec",
                "a term is of parameters (`of`) or of what layers give (`activity`); two terms "
                "are of both",
            )
        return self
