"""Losses of a margin: what is right by enough costs nothing, and has the gradient 0."""

from typing import Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.layers.fields import Positive
from nnspec.layers.shapes import Shape

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""


class Hinge(Loss):
    """Mean over all elements of max(0, 1 - target · y), the target -1 or 1; 0 counts as -1.

    As keras.losses.Hinge; gradient 0 at the margin.
    """

    takes = "signs"
    compares = "signs"
    measured_as = "binary"

    type: Literal["hinge"] = "hinge"


ROWS["hinge"] = Hinge


class SquaredHinge(Loss):
    """Mean over all elements of max(0, 1 - target · y)², the target -1 or 1; 0 counts as -1.

    As keras.losses.SquaredHinge.
    """

    takes = "signs"
    compares = "signs"
    measured_as = "binary"

    type: Literal["squared_hinge"] = "squared_hinge"


ROWS["squared_hinge"] = SquaredHinge


class HingeEmbedding(Loss):
    """Mean over all elements of y where the target is 1, else of max(0, margin - y).

    y is a distance; the target is 1 for what is alike, -1 or 0 for what is not. As
    torch.nn.HingeEmbeddingLoss; gradient 0 at the margin.
    """

    takes = "signs"
    compares = "distance"
    measured_as = "binary"
    usual_metrics = ("auc",)
    only_metrics = ("auc", "average_precision")

    type: Literal["hinge_embedding"] = "hinge_embedding"
    margin: Positive = Field(default=1.0, description="The distance that is far enough.")


ROWS["hinge_embedding"] = HingeEmbedding


class CategoricalHinge(Loss):
    """Mean over rows of max(0, 1 + largest wrong score - right score), scores on the last axis.

    The target is a class number per row. Crammer and Singer 2001; the largest of equals is the
    first. keras.losses.CategoricalHinge counts a largest wrong score below 0 as 0.
    """

    takes = "classes"
    least_classes = 2
    measured_as = "multiclass"

    type: Literal["categorical_hinge"] = "categorical_hinge"


ROWS["categorical_hinge"] = CategoricalHinge


class MultiMargin(Loss):
    """Mean over rows of Σ max(0, margin + wrong score - right score)^power / K, K the scores.

    The sum is over the wrong classes, on the last axis; the target is a class number per row. As
    torch.nn.MultiMarginLoss, Weston and Watkins 1999; gradient 0 at the margin.
    """

    takes = "classes"
    least_classes = 2
    measured_as = "multiclass"

    type: Literal["multi_margin"] = "multi_margin"
    margin: Positive = Field(default=1.0, description="By how much a right score must lead.")
    power: Literal[1, 2] = Field(default=1, description="1, or 2 for the square of each.")


ROWS["multi_margin"] = MultiMargin


class MultilabelMargin(Loss):
    """Mean over rows of Σ max(0, 1 + wrong score - right score) / K, K the scores.

    The sum is over all pairs of a class that the row has and one that it has not; the target is 1
    or 0 per class. As torch.nn.MultiLabelMarginLoss, which takes the numbers of the row's classes.
    """

    takes = "answers"
    least_classes = 2
    compares = "ranks"
    measured_as = "binary"
    usual_metrics = ("auc",)
    only_metrics = ("auc", "average_precision")

    type: Literal["multilabel_margin"] = "multilabel_margin"

    def places(self, output: Shape) -> Shape:
        return output[:-1]


ROWS["multilabel_margin"] = MultilabelMargin
