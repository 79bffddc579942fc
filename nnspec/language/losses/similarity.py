"""Losses of how alike vectors are: of the output and the target, or within the output.

Where several vectors are compared, the output stacks them on its first axis: one network makes
them of several inputs, and `stack` with axis 0 puts them together.
"""

from typing import Annotated, Literal

from pydantic import Field

from nnspec.language.losses import Loss
from nnspec.layers.fields import NotNegative, Positive
from nnspec.layers.shapes import Shape

ROWS: dict[str, type[Loss]] = {}
"""Those of this file: each row stands below its class."""


def _lone(output: Shape) -> str:
    """Return what is wrong with vectors of one element, or nothing."""
    if output[-1:] == (1,):
        return "takes vectors of 2 elements or more: of one only the sign counts, which none learns"
    return ""


class CosineSimilarity(Loss):
    """Mean over rows of -Σ y · t / (max(|y|, epsilon) · max(|t|, epsilon)), on the last axis.

    From -1, the same direction, to 1. As keras.losses.CosineSimilarity.
    """

    takes = "numbers"
    usual_metrics = ()

    type: Literal["cosine_similarity"] = "cosine_similarity"
    epsilon: Positive = Field(default=1e-8, description="Shorter vectors count as this long.")

    def places(self, output: Shape) -> Shape:
        return output[:-1]

    def refusal(self, output: Shape) -> str:
        return super().refusal(output) or _lone(output)


ROWS["cosine_similarity"] = CosineSimilarity


class CosineEmbedding(Loss):
    """Mean over rows of 1 - cos(a, b) where the target is 1, else of max(0, cos(a, b) - margin).

    The output's first axis stacks a and b, its last one holds their elements. The target is 1 for
    what is alike, -1 or 0 for what is not. As torch.nn.CosineEmbeddingLoss.
    """

    takes = "sign"
    stacked = 2
    compares = "cosines"
    measured_as = "binary"
    usual_metrics = ("auc",)
    only_metrics = ("auc", "average_precision")

    type: Literal["cosine_embedding"] = "cosine_embedding"
    margin: Annotated[float, Field(strict=True, ge=-1, le=1)] = Field(
        default=0.0, description="The cosine that is unlike enough."
    )
    epsilon: Positive = Field(default=1e-8, description="Shorter vectors count as this long.")

    def refusal(self, output: Shape) -> str:
        return super().refusal(output) or _lone(output)


ROWS["cosine_embedding"] = CosineEmbedding


class Contrastive(Loss):
    """Mean over rows of d² where the target is 1, else of max(0, margin - d)².

    The output's first axis stacks a and b; d = |a - b + epsilon| over the last axis. The target is
    1 for what is alike, -1 or 0 for what is not. Hadsell et al. 2006, without the half.
    """

    takes = "sign"
    stacked = 2
    compares = "distances"
    measured_as = "binary"
    usual_metrics = ("auc",)
    only_metrics = ("auc", "average_precision")

    type: Literal["contrastive"] = "contrastive"
    margin: Positive = Field(default=1.0, description="The distance that is far enough.")
    epsilon: Positive = Field(
        default=1e-6, description="Added to each element, against distances of 0."
    )


ROWS["contrastive"] = Contrastive


class Triplet(Loss):
    """Mean over rows of max(0, d(anchor, positive) - d(anchor, negative) + margin).

    The output's first axis stacks anchor, positive and negative; d(a, b) = |a - b + epsilon| over
    the last axis. The target is not read. As torch.nn.TripletMarginLoss; Schroff et al. 2015.
    """

    takes = "nothing"
    stacked = 3
    compares = "triplets"
    measured_as = "binary"
    only_metrics = ("accuracy",)

    type: Literal["triplet"] = "triplet"
    margin: NotNegative = Field(default=1.0, description="By how much the negative is farther.")
    epsilon: Positive = Field(
        default=1e-6, description="Added to each element, against distances of 0."
    )


ROWS["triplet"] = Triplet


class MarginRanking(Loss):
    """Mean over all elements of max(0, margin - target · (a - b)), the target 1 or -1; 0 is -1.

    The output's first axis stacks the scores a and b; the target is 1 where a must be the higher.
    As torch.nn.MarginRankingLoss; gradient 0 at the margin.
    """

    takes = "sign"
    stacked = 2
    compares = "differences"
    measured_as = "binary"

    type: Literal["margin_ranking"] = "margin_ranking"
    margin: NotNegative = Field(default=0.0, description="By how much the right one must lead.")

    def compared(self, output: Shape) -> Shape:
        return output[1:]


ROWS["margin_ranking"] = MarginRanking
