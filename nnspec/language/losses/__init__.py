"""The losses of the spec language, and the table from `type` to class."""

from typing import ClassVar, Literal

from nnspec.layers.fields import Frozen
from nnspec.layers.registry import RowsOfFiles


class Loss(Frozen):
    """Base of the losses; each is a mean over the rows of the batch and over all other axes."""

    leaves_out: ClassVar[Literal["", "sigmoid", "softmax"]] = ""
    """The activation at the network's end that the loss is computed without, from its logits."""

    type: str


LOSSES: RowsOfFiles[Loss] = RowsOfFiles(__name__, "cross_entropy", "regression")
"""The losses by `type`, from the files of this folder, what most specs use first."""
