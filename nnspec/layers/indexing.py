"""Layers that number, order and look up elements along an axis."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import ANY_DTYPE, NUMBERS, WHOLE, FeaturesRole, Layer, count, resolve_axis
from nnspec.layers.fields import Flag, Size, Whole
from nnspec.layers.shapes import DataFormat, Dim, Shape, shifted, show


class OneHot(Layer):
    """y[..., i] = 1 where x is i, else 0. (...) whole numbers -> (..., num_classes), floats."""

    type: Literal["one_hot"] = "one_hot"
    num_classes: Size = Field(description="How many numbers there are: x is 0 to num_classes - 1.")

    dtypes: ClassVar[frozenset[str]] = WHOLE
    passes_gradient: ClassVar[bool] = False
    features: ClassVar[FeaturesRole] = "last"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        return ((*inputs[0], self.num_classes),)

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return ("float32",)

    def whole_numbers(self, index: int, inputs: tuple[Shape, ...]) -> tuple[int, Dim] | None:
        return 0, self.num_classes - 1


class _Along(Layer):
    axis: Whole = Field(default=-1, description="The axis, the batch not counted from 0.")

    dtypes: ClassVar[frozenset[str]] = NUMBERS

    def resolved_axis(self, shape: Shape) -> int:
        """Return the axis, counted from 0 without the batch; raises ShapeError."""
        return resolve_axis(self.type, self.axis, shape)

    def size(self, shape: Shape) -> Dim:
        """Return the size of the axis; raises ShapeError."""
        return shape[self.resolved_axis(shape)]

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        self.resolved_axis(inputs[0])
        return (inputs[0],)


class Cumsum(_Along):
    """y[i] = x[0] + ... + x[i] along `axis`. Any shape; whole numbers too."""

    type: Literal["cumsum"] = "cumsum"

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(inputs[0])


class _Ordered(_Along):
    descending: Flag = Field(
        default=False, description="Whether the largest comes first, and not the smallest."
    )


class Sort(_Ordered):
    """The elements along `axis` in order, the smallest first. Any shape; whole numbers too.

    The gradient goes to where an element came from; equal elements keep their order.
    """

    type: Literal["sort"] = "sort"


class Argsort(_Ordered):
    """The indices along `axis` that bring its elements in order; int64. Any shape.

    Equal elements keep their order, the first first.
    """

    type: Literal["argsort"] = "argsort"

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return ("int64",)


class TopK(_Along):
    """The k largest elements along `axis`, the largest first, and as `name.1` their indices, int64.

    (..., n, ...) -> twice (..., k, ...). Of equal elements the first comes first. The gradient
    goes to the elements that were chosen.
    """

    type: Literal["top_k"] = "top_k"
    k: Size = Field(description="How many.")

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        axis = self.resolved_axis(shape)
        size = shape[axis]
        if isinstance(size, int) and size < self.k:
            raise ShapeError(
                f"top_k of {self.k} along an axis of {size}, of {show(shape)}",
                f"choose k from 1 to {size}",
            )
        chosen = (*shape[:axis], self.k, *shape[axis + 1 :])
        return chosen, chosen

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return inputs[0], "int64"

    def size_limits(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[tuple[Dim, int, int | None], ...]:
        return ((self.size(inputs[0]), self.k, None),)


class _LookUp(_Along):
    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE

    def input_dtypes(self, index: int, inputs: tuple[Shape, ...]) -> frozenset[str]:
        return WHOLE if index else self.dtypes

    def like(self, index: int) -> int:
        return index

    def whole_numbers(self, index: int, inputs: tuple[Shape, ...]) -> tuple[int, Dim] | None:
        if index == 0:
            return None
        size = self.size(inputs[0])
        return 0, size - 1 if isinstance(size, int) else shifted(size, -1)


class Take(_LookUp):
    """The elements of x along `axis` at the indices of each row; inputs [x, indices].

    (..., n, ...) and indices (k, ...) of 0 to n - 1 -> (..., k, ..., ...): the axes of the indices
    stand in the place of the axis, which goes where there is one index, (). Each row of the batch
    has indices of its own; `gather` has fixed ones.
    """

    type: Literal["take"] = "take"
    axis: Whole = Field(default=0, description="The axis, the batch not counted from 0.")

    features: ClassVar[FeaturesRole] = "lost"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape, indices = inputs
        axis = self.resolved_axis(shape)
        return ((*shape[:axis], *indices, *shape[axis + 1 :]),)


class TakeAlongAxis(_LookUp):
    """y[.., j, ..] = x[.., indices[.., j, ..], ..] along `axis`; inputs [x, indices].

    (..., n, ...) and indices (..., k, ...) of 0 to n - 1, the other axes alike -> (..., k, ...).
    """

    type: Literal["take_along_axis"] = "take_along_axis"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape, indices = inputs
        axis = self.resolved_axis(shape)
        rest = (*shape[:axis], *shape[axis + 1 :])
        if len(shape) != len(indices) or (*indices[:axis], *indices[axis + 1 :]) != rest:
            raise ShapeError(
                f"take_along_axis takes indices of the shape of x, but for the axis {axis}, and "
                f"got {show(shape)} and {show(indices)}",
                "use take for indices of one axis alone",
            )
        return (indices,)
