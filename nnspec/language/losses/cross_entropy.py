"""Losses of classes, from the logits."""

from typing import Literal

from nnspec.language.losses import Loss

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""


class BinaryCrossEntropy(Loss):
    """Mean over all elements of softplus(z) - target · z, z the logit, target in [0, 1].

    The network may end in sigmoid; the loss is then computed from what goes into it.
    """

    leaves_out = "sigmoid"

    type: Literal["binary_cross_entropy"] = "binary_cross_entropy"


ROWS["binary_cross_entropy"] = BinaryCrossEntropy


class CategoricalCrossEntropy(Loss):
    """Mean over rows of -Σ target · log softmax(z), z the logits on the last axis.

    The target is a class number per row, or a probability per class. The network may end in
    softmax; the loss is then computed from what goes into it.
    """

    leaves_out = "softmax"

    type: Literal["categorical_cross_entropy"] = "categorical_cross_entropy"


ROWS["categorical_cross_entropy"] = CategoricalCrossEntropy
