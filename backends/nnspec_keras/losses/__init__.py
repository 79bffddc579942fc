"""The losses: each file has the rows of those that the core defines in the file of its name."""

from nnspec.backend.rows import RowsByFile
from nnspec.emit.training import LossRow

LOSSES: RowsByFile[LossRow] = RowsByFile(
    __name__,
    "nnspec.language.losses",
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
"""Loss -> its body."""
