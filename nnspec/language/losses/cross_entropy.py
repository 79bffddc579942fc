"""Losses of classes, from the logits."""

from typing import Annotated, Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.layers.fields import Fraction, NotNegative, Positive, Whole
from nnspec.layers.shapes import Shape

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""

PerClass = Annotated[tuple[NotNegative, ...], Field(strict=False, min_length=1)]
"""A number for each class."""


class BinaryCrossEntropy(Loss):
    """Mean over all elements of softplus(z) - target · z, z the logit, target in [0, 1].

    The network may end in sigmoid; the loss is then computed from what goes into it. Smoothed,
    the target is (1 - s) · target + s / 2. Ignored ones leave the mean; of none it is 0.
    """

    leaves_out = "sigmoid"

    type: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    label_smoothing: Fraction = Field(
        default=0.0, description="Share s of each target that becomes 1/2."
    )
    positive_weight: Positive | PerClass | None = Field(
        default=None,
        description="What a target of 1 costs next to one of 0; or a list for the last axis.",
    )
    ignore_index: Whole | None = Field(
        default=None, description="A target that counts for nothing."
    )

    @property
    def ignored(self) -> float | None:
        return self.ignore_index

    def refusal(self, output: Shape) -> str:
        return weights_refusal("positive_weight", self.positive_weight, output[-1:])


ROWS["binary_cross_entropy"] = BinaryCrossEntropy


class CategoricalCrossEntropy(Loss):
    """Mean over rows of -Σ target · log softmax(z), z the logits on the last axis.

    The target is a class number per row, or a probability per class. The network may end in
    softmax; the loss is then computed from what goes into it. Smoothed, the target is
    (1 - s) · target + s / K, K the classes. Weighted, each class counts by its weight, and the sum
    is divided by Σ weight · target of all rows, unsmoothed; ignored rows count 0; of none it is 0.
    """

    leaves_out = "softmax"

    type: Literal["categorical_cross_entropy"] = "categorical_cross_entropy"
    label_smoothing: Fraction = Field(
        default=0.0, description="Share s of each target that goes to all K classes."
    )
    class_weights: PerClass | None = Field(default=None, description="What each class counts.")
    ignore_index: Whole | None = Field(
        default=None,
        description="A class number that counts for nothing.",
    )
    axis: Whole = Field(
        default=-1, description="The axis of the classes, the batch not counted from 0."
    )

    @property
    def class_axis(self) -> int:
        return self.axis

    @property
    def ignored(self) -> float | None:
        return self.ignore_index

    @property
    def is_mean_of_rows(self) -> bool:
        return self.ignore_index is None and self.class_weights is None

    def refusal(self, output: Shape) -> str:
        found = super().refusal(output)
        return found or weights_refusal("class_weights", self.class_weights, output[self.axis :])


ROWS["categorical_cross_entropy"] = CategoricalCrossEntropy


def weights_refusal(key: str, weights: object, sizes: Shape) -> str:
    """Return why there is not a weight for each of the first of these sizes, or nothing."""
    if not isinstance(weights, tuple) or not sizes or len(weights) == sizes[0]:
        return ""
    if not isinstance(sizes[0], int):
        return ""
    return f"has {len(weights)} `{key}`, and the output {sizes[0]} scores"
