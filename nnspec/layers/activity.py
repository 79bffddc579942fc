"""Activations as a part of the loss: what follows a layer that a term names.

No spec names it: `training.regularization` puts it where a term has `activity`.
"""

from typing import ClassVar, Literal

from nnspec.layers.base import Layer, Placement


class ActivityRegularization(Layer):
    """y = x; l1 · Σ |x| + l2 · Σ x² over the rows of a batch, by their number, adds to the loss."""

    type: Literal["activity_regularization"] = "activity_regularization"
    l1: float = 0.0
    l2: float = 0.0

    placement: ClassVar[Placement] = "pointwise"
