"""The elements along the first axis as rows of the batch, and back: `time_distributed`.

No spec names these two: the key puts them around a layer, or the use of a block.
"""

from typing import ClassVar, Literal

from nnspec.layers.base import MOVED, Layer, Side
from nnspec.layers.shapes import DataFormat, Shape


class MergeRows(Layer):
    """Each element along the first axis is a row. (n, ...) in b rows -> (...) in b · n rows."""

    type: Literal["merge_rows"] = "merge_rows"

    dtypes: ClassVar[frozenset[str]] = MOVED

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        return (inputs[0][1:],)

    def features_side(self, side: Side, rank: int) -> Side | None:
        return side if side == "last" else None


class PartRows(Layer):
    """The rows stand along a first axis again; inputs [x, what they were made of].

    (...) in b · n rows and (n, ...) in b rows -> (n, ...) in b rows.
    """

    type: Literal["part_rows"] = "part_rows"

    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    dtypes: ClassVar[frozenset[str]] = MOVED

    def like(self, index: int) -> int:
        return index

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        x, source = inputs
        return ((source[0], *x),)


ROWS: dict[str, type[Layer]] = {"merge_rows": MergeRows, "part_rows": PartRows}
"""By `type`."""
