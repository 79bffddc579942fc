"""Products of matrices, and of vectors."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    FeaturesRole,
    Layer,
    count,
    resolve_axis,
)
from nnspec.layers.fields import Whole
from nnspec.layers.shapes import DataFormat, Shape, broadcast, show


class Matmul(Layer):
    """y = x₁ x₂, the product of the matrices in the last two axes.

    (..., m, k) and (..., k, n) -> (..., m, n); the axes before line up as for add.
    """

    type: Literal["matmul"] = "matmul"

    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    features: ClassVar[FeaturesRole] = "lost"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        first, second = inputs
        shown = f"{show(first)} and {show(second)}"
        if min(len(first), len(second)) < 2:
            raise ShapeError(
                f"matmul takes matrices, at least two axes each, and got {shown}",
                "use dot for vectors, or expand_dims before it",
            )
        if first[-1] != second[-2]:
            raise ShapeError(
                f"matmul of {shown}: the first has {first[-1]} columns, the second "
                f"{second[-2]} rows",
                "permute one of them so that these agree",
            )
        batch = broadcast((first[:-2], second[:-2]))
        if batch is None:
            raise ShapeError(
                f"matmul of {shown}: the axes before the last two must be equal, or 1",
                "reshape one of them",
            )
        return ((*batch, first[-2], second[-1]),)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0]) * count(inputs[0][-1:])


class Dot(Layer):
    """y = Σ x₁ · x₂ over an axis of each, for every pair of their other indices.

    (a, k) and (b, k) -> (a, b); two vectors (k,) -> (1,), as Keras's Dot gives.
    """

    type: Literal["dot"] = "dot"
    axes: Annotated[tuple[Whole, Whole], Field(strict=False)] = Field(
        default=(-1, -1),
        description="The axis of the first and of the second, the batch not counted from 0.",
    )

    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    features: ClassVar[FeaturesRole] = "lost"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        i, j = self.resolved(inputs)
        first, second = inputs
        if first[i] != second[j]:
            raise ShapeError(
                f"dot of axis {i} of {show(first)} and axis {j} of {show(second)}, which have "
                f"{first[i]} and {second[j]} elements",
                "choose axes of one size",
            )
        rest = (*first[:i], *first[i + 1 :], *second[:j], *second[j + 1 :])
        return (rest or (1,),)

    def resolved(self, inputs: tuple[Shape, ...]) -> tuple[int, int]:
        """Return both axes, counted from 0 without the batch; raises ShapeError."""
        first, second = inputs
        return resolve_axis("dot", self.axes[0], first), resolve_axis("dot", self.axes[1], second)

    def equation(self, ranks: tuple[int, int], axes: tuple[int, int]) -> str:
        """Return the sum in Einstein's notation, the batch as b."""
        first = list("cdefghij"[: ranks[0]])
        second = list("klmnopqr"[: ranks[1]])
        second[axes[1]] = first[axes[0]]
        rest = [*first[: axes[0]], *first[axes[0] + 1 :]]
        rest += [*second[: axes[1]], *second[axes[1] + 1 :]]
        return f"b{''.join(first)},b{''.join(second)}->b{''.join(rest)}"

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0]) * count((inputs[0][self.resolved(inputs)[0]],))
