"""Dense and shape layers."""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    MOVED,
    FeaturesRole,
    Layer,
    Parameter,
    count,
    require_whole,
)
from nnspec.layers.fields import Size, Text, Whole
from nnspec.layers.shapes import MAX_RANK, DataFormat, Dim, Shape, product, show
from nnspec.layers.weighted import Weighted


class Dense(Weighted):
    """y = activation(x Wᵀ + b) on the last axis. (..., n) -> (..., units); weight (units, n).

    The last axis is that of the declared shape: of an image the channels in channels_last, and the
    width in channels_first.
    """

    type: Literal["dense"] = "dense"
    units: Size = Field(description="Size of the output's last axis.")

    features: ClassVar[FeaturesRole] = "along"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        if not shape:
            raise ShapeError(
                "dense takes at least one axis, and got a scalar per row",
                "put an `expand_dims` layer before it",
            )
        require_whole("dense", shape[-1], "last axis")
        return ((*shape[:-1], self.units),)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        size = require_whole("dense", inputs[0][-1], "last axis")
        return self.weight_and_bias((self.units, size), size, self.units)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(inputs[0]) * self.units


class Flatten(Layer):
    """All axes but the batch become one, the last moving fastest. (a, b, ...) -> (a·b·...,)."""

    type: Literal["flatten"] = "flatten"

    dtypes: ClassVar[frozenset[str]] = MOVED

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        size = product(inputs[0])
        return ((size if size is not None else _dynamic_product(inputs[0]),),)


class Reshape(Layer):
    """The same elements, in the declared order, in another shape. One size may be -1.

    A size may be that of an axis of the input, by its name: (time, 16) with shape [time, 4, 4] ->
    (time, 4, 4). With dynamic axes the number of elements must be the same at any size;
    (time, 16) with shape [-1, 32] takes an even time alone.
    """

    type: Literal["reshape"] = "reshape"
    shape: Annotated[tuple[Whole | Text, ...], Field(strict=False)] = Field(
        max_length=MAX_RANK,
        description="The new sizes without the batch axis: numbers, or dynamic axes of the input "
        "by their names; one of them may be -1, to be computed.",
    )

    dtypes: ClassVar[frozenset[str]] = MOVED
    features: ClassVar[FeaturesRole] = "shaped"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        unknown = self.shape.count(-1)
        for size in self.shape:
            if isinstance(size, int) and (size < -1 or size == 0):
                raise ShapeError(
                    f"reshape to {show(self.shape)}: {size} is no size",
                    "give sizes of at least 1, or -1 for the one that follows from the others",
                )
        if unknown > 1:
            raise ShapeError(
                f"reshape to {show(self.shape)}: at most one size may be -1",
                "give the others a number",
            )
        given, known = product(inputs[0]), product(size for size in self.shape if size != -1)
        if given is None or known is None:
            return (self._dynamic(inputs[0]),)
        if given % known or (not unknown and given != known):
            raise ShapeError(
                f"reshape to {show(self.shape)} holds {known:,} elements"
                f"{' or a multiple' if unknown else ''}, and the input {show(inputs[0])} "
                f"has {given:,}",
                "give sizes whose product is that, or -1 in one place",
            )
        sizes: tuple[Dim, ...] = tuple(given // known if s == -1 else s for s in self.shape)
        return (sizes,)

    def _dynamic(self, shape: Shape) -> Shape:
        from nnspec.layers.sizes import product_of, size_of  # which few specs need

        given = product_of(shape)
        atoms = {atom for size in shape for atom in size_of(size).content()[0]}
        for size in self.shape:
            if not atoms.issuperset(size_of(size).content()[0]):
                named = ", ".join(sorted(atoms)) or "none"
                raise ShapeError(
                    f"reshape to {show(self.shape)}: {show(shape)} has no axis {size!r}",
                    f"its dynamic axes: {named}",
                )
        known = product_of(size for size in self.shape if size != -1)
        rest = given.per(known)
        computed = rest.dim() if rest is not None else None
        if computed is None or (-1 not in self.shape and computed != 1):
            raise ShapeError(
                f"reshape to {show(self.shape)} holds {known.dim()} elements"
                f"{' or a multiple' if -1 in self.shape else ''}, and the input {show(shape)} "
                f"has {given.dim()}",
                "name the dynamic axes that stay, such as [time, 4, -1], or give -1 in one place",
            )
        result = tuple(computed if s == -1 else s for s in self.shape)
        computed_axis(shape, result)
        return result

    def at_sizes(self, size_of: Callable[[Dim], int]) -> "Reshape":
        if all(isinstance(size, int) for size in self.shape):
            return self
        return self.model_copy(update={"shape": tuple(map(size_of, self.shape))})


def computed_axis(given: Shape, shape: Shape) -> int | None:
    """Return the axis of a new shape whose dynamic size is no axis of the input's, if one is.

    The others are sizes of the input's axes. Raises ShapeError where more than one is none.
    """
    computed = [i for i, size in enumerate(shape) if isinstance(size, str) and size not in given]
    if len(computed) > 1:
        raise ShapeError(
            f"reshape makes two sizes that no axis of {show(given)} has: {shape[computed[0]]} and "
            f"{shape[computed[1]]}",
            "reshape in two steps, each of which computes one size",
        )
    return computed[0] if computed else None


def _dynamic_product(shape: Shape) -> Dim:
    from nnspec.layers.sizes import product_of  # which few specs need

    size = product_of(shape).dim()
    assert size is not None
    return size
