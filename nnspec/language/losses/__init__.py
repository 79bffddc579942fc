"""The losses of the spec language, and the table from `type` to class."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.layers.fields import Frozen, Positive
from nnspec.layers.registry import RowsOfFiles
from nnspec.layers.shapes import Shape

Takes = Literal[
    "",
    "classes",
    "numbers",
    "distribution",
    "shares",
    "answers",
    "signs",
    "sign",
    "amounts",
    "halves",
    "labels",
    "nothing",
]
"""The targets that a loss takes: see `nnspec.language.losses.targets`."""

Gives = Literal["means and variances", "means and log variances", "log rates"]
"""Parameters of a distribution for each number that is predicted; halves of the last axis."""
Compares = Literal[
    "",
    "signs",
    "distance",
    "distances",
    "cosines",
    "differences",
    "triplets",
    "ranks",
    "means",
    "rates",
    "labels",
    "nothing",
]
"""Views of the output that metrics compare with the target: see `nnspec.training.comparing`."""


class Loss(Frozen):
    """Base of the losses; each is a mean over the rows of the batch and over all other axes."""

    leaves_out: ClassVar[Literal["", "sigmoid", "softmax"]] = ""
    """The activation at the network's end that the loss is computed without, from its logits."""
    takes: ClassVar[Takes] = ""
    """The targets that it takes; empty: those of the task."""
    least_classes: ClassVar[int] = 1
    """The fewest scores that it can tell apart."""
    stacked: ClassVar[int] = 0
    """The number of vectors that the output's first axis stacks, where it does."""

    compares: ClassVar[Compares] = ""
    """The view of the output that metrics compare, where that is not the output as it is."""
    measured_as: ClassVar[Literal["", "regression", "binary", "multiclass", "labels"]] = ""
    """The kind of what metrics compare; empty: that of the task."""
    usual_metrics: ClassVar[tuple[str, ...] | None] = None
    """Its metrics where none are given, of those that fit; None: those of the task."""
    only_metrics: ClassVar[tuple[str, ...]] = ()
    """The only ones that say something of it, where they are few."""

    type: str
    weight: Positive = Field(
        default=1.0,
        description="Its factor in the sum of losses.",
        exclude_if=lambda weight: bool(weight == 1.0),
    )

    @property
    def class_axis(self) -> int:
        """The axis of the output that holds a score for each class, the batch not counted."""
        return -1

    @property
    def ignored(self) -> float | None:
        """The target whose place counts for nothing, where there is one."""
        return None

    @property
    def is_mean_of_rows(self) -> bool:
        """Whether all rows weigh alike, so that it is the mean of the losses of equal batches."""
        return self.ignored is None

    @property
    def is_compared_whole(self) -> bool:
        """Whether metrics take the output as it is, all of its places, classes on the last axis."""
        return not self.compares and self.ignored is None and self.class_axis == -1

    @property
    def gives(self) -> Gives | None:
        """Kind of numbers that the output holds, where these are not those that are predicted."""
        return None

    def compared(self, output: Shape) -> Shape:
        """Return the shape of what is compared where the output stacks it, without the vectors."""
        return output[1:-1]

    def places(self, output: Shape) -> Shape:
        """Return the shape, within a row, of what it is the mean of."""
        if self.stacked:
            return self.compared(output)
        if output and (self.takes == "classes" or self.leaves_out == "softmax"):
            axis = self.class_axis % len(output)
            return (*output[:axis], *output[axis + 1 :])
        return output

    def refusal(self, output: Shape) -> str:
        """Return why no output of this shape has this loss, or nothing."""
        if self.stacked:
            if len(output) > 0 and output[0] == self.stacked:
                return ""
            return f"takes an output whose first axis stacks {self.stacked} of a kind"
        rank, axis = len(output), self.class_axis
        if self.takes == "classes" or self.leaves_out == "softmax":
            if not -rank <= axis < rank:
                return f"takes the classes from axis {axis}, which the output does not have"
            size = output[axis]
            if isinstance(size, int) and size < self.least_classes:
                return f"takes {self.least_classes} scores or more"
        return ""


LOSSES: RowsOfFiles[Loss] = RowsOfFiles(
    __name__,
    "cross_entropy",
    "regression",
    "focal",
    "overlap",
    "distributions",
    "margins",
    "similarity",
    "alignment",
    "values",
)
"""The losses by `type`, from the files of this folder, what most specs use first."""
