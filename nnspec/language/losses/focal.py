"""Losses that weigh rows by how wrong they are; Lin et al. 2017, Zhang and Sabuncu 2018."""

from typing import Annotated, Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.language.losses.cross_entropy import PerClass, weights_refusal
from nnspec.layers.fields import NotNegative, Whole
from nnspec.layers.shapes import Shape

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""

Share = Annotated[float, Field(strict=True, gt=0, lt=1)]


class BinaryFocal(Loss):
    """Mean over all elements of (1 - p_t)^gamma · -log p_t, the target 0 or 1.

    p_t is sigmoid(z) where the target is 1, else 1 - sigmoid(z), z the logit. As
    keras.losses.BinaryFocalCrossentropy and torchvision's sigmoid_focal_loss.
    """

    leaves_out = "sigmoid"
    takes = "answers"

    type: Literal["binary_focal"] = "binary_focal"
    gamma: NotNegative = Field(default=2.0, description="How little easy elements count.")
    alpha: Share | None = Field(
        default=None, description="Factor of targets of 1; those of 0 have 1 - alpha."
    )


ROWS["binary_focal"] = BinaryFocal


class CategoricalFocal(Loss):
    """Mean over rows of alpha_c · (1 - p_c)^gamma · -log p_c, c the target's class, p = softmax(z).

    The target is a class number per row. As keras.losses.CategoricalFocalCrossentropy: the mean is
    not divided by alpha. With `ignore_index`: the mean of the others; of none, 0.
    """

    leaves_out = "softmax"
    takes = "classes"
    measured_as = "multiclass"
    least_classes = 2

    type: Literal["categorical_focal"] = "categorical_focal"
    gamma: NotNegative = Field(default=2.0, description="How little easy rows count.")
    alpha: PerClass | None = Field(default=None, description="A factor for each class.")
    ignore_index: Whole | None = Field(
        default=None, description="A class number that counts for nothing."
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

    def refusal(self, output: Shape) -> str:
        found = super().refusal(output)
        return found or weights_refusal("alpha", self.alpha, output[self.axis :])


ROWS["categorical_focal"] = CategoricalFocal


class GeneralizedCrossEntropy(Loss):
    """Mean over rows of (1 - p_c^q) / q, c the target's class, p = softmax(z), z the logits.

    The target is a class number per row. As keras.losses.CategoricalGeneralizedCrossEntropy: near
    cross-entropy for small q, and near the mean absolute error, which bears wrong labels, at 1.
    """

    leaves_out = "softmax"
    takes = "classes"
    measured_as = "multiclass"

    type: Literal["generalized_cross_entropy"] = "generalized_cross_entropy"
    q: Annotated[float, Field(strict=True, gt=0, le=1)] = Field(
        default=0.5, description="How much wrong labels are borne: above 0, at most 1."
    )


ROWS["generalized_cross_entropy"] = GeneralizedCrossEntropy
