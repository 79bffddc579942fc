"""Losses of how far two masks overlap."""

from typing import Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.layers.fields import NotNegative, Positive, Whole
from nnspec.layers.shapes import Shape

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""


class Dice(Loss):
    """Mean over rows of 1 - (2 · Σ p·t + smooth) / (Σ p + Σ t + smooth), over a row's elements.

    p = sigmoid(z), z the logits, t in [0, 1]. Milletari et al. 2016. An empty mask predicted empty
    costs 0; keras.losses.Dice has no `smooth` above the line, and sums over the batch too.
    """

    leaves_out = "sigmoid"
    takes = "shares"
    usual_metrics = ("accuracy", "iou")

    type: Literal["dice"] = "dice"
    smooth: Positive = Field(default=1.0, description="Added above and below the line.")

    def places(self, output: Shape) -> Shape:
        return ()


ROWS["dice"] = Dice


class Tversky(Loss):
    """Mean over rows of 1 - (TP + smooth) / (TP + alpha · FP + beta · FN + smooth).

    TP = Σ p·t, FP = Σ p·(1 - t), FN = Σ (1 - p)·t over a row's elements; p = sigmoid(z), z the
    logits. Salehi et al. 2017; keras.losses.Tversky has alpha and beta the other way round.
    """

    leaves_out = "sigmoid"
    takes = "shares"
    usual_metrics = ("accuracy", "iou")

    type: Literal["tversky"] = "tversky"
    alpha: NotNegative = Field(default=0.3, description="What a false positive counts.")
    beta: NotNegative = Field(default=0.7, description="What a false negative counts.")
    smooth: Positive = Field(default=1.0, description="Added above and below the line.")

    def places(self, output: Shape) -> Shape:
        return ()


ROWS["tversky"] = Tversky


class CategoricalDice(Loss):
    """Mean over rows and classes of 1 - (2 · Σ p·t + smooth) / (Σ p + Σ t + smooth).

    Sums are over a row's places; p = softmax(z), t is 1 for the class of the place, else 0.
    The target is a class number for each place. Milletari et al. 2016, by class.
    """

    leaves_out = "softmax"
    takes = "classes"
    measured_as = "multiclass"
    usual_metrics = ("accuracy", "iou")

    type: Literal["categorical_dice"] = "categorical_dice"
    smooth: Positive = Field(default=1.0, description="Added above and below the line.")
    axis: Whole = Field(
        default=-1, description="The axis of the classes, the batch not counted from 0."
    )

    @property
    def class_axis(self) -> int:
        return self.axis

    def places(self, output: Shape) -> Shape:
        return ()


ROWS["categorical_dice"] = CategoricalDice
