"""The losses of the spec language, and the table from `type` to class."""

from typing import ClassVar, Literal

from nnspec.layers.fields import Frozen


class Loss(Frozen):
    """Base of the losses; each is a mean over the rows of the batch and over all other axes."""

    leaves_out: ClassVar[Literal["", "sigmoid", "softmax"]] = ""
    """The activation at the network's end that the loss is computed without, from its logits."""

    type: str


LOSSES: dict[str, type[Loss]] = {}
"""The losses by `type`: each row stands below its class."""


class MeanSquaredError(Loss):
    """Mean of (y - target)² over all elements."""

    type: Literal["mse"] = "mse"


LOSSES["mse"] = MeanSquaredError


class MeanAbsoluteError(Loss):
    """Mean of |y - target| over all elements; gradient 0 at 0."""

    type: Literal["mae"] = "mae"


LOSSES["mae"] = MeanAbsoluteError


class BinaryCrossEntropy(Loss):
    """Mean over all elements of softplus(z) - target · z, z the logit, target in [0, 1].

    The network may end in sigmoid; the loss is then computed from what goes into it.
    """

    leaves_out = "sigmoid"

    type: Literal["binary_cross_entropy"] = "binary_cross_entropy"


LOSSES["binary_cross_entropy"] = BinaryCrossEntropy


class CategoricalCrossEntropy(Loss):
    """Mean over rows of -Σ target · log softmax(z), z the logits on the last axis.

    The target is a class number per row, or a probability per class. The network may end in
    softmax; the loss is then computed from what goes into it.
    """

    leaves_out = "softmax"

    type: Literal["categorical_cross_entropy"] = "categorical_cross_entropy"


LOSSES["categorical_cross_entropy"] = CategoricalCrossEntropy
