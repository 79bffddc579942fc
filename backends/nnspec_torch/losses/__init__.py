"""The losses: each file has the rows of those that the core defines in the file of its name."""

from nnspec.backend.rows import RowsByFile
from nnspec.emit.training import LossRow
from nnspec.language import losses

LOSSES: RowsByFile[LossRow] = RowsByFile(__name__, losses.LOSSES)
"""Loss -> its body."""
