"""Dense and shape layers."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    ANY_DTYPE,
    FeaturesRole,
    Layer,
    Parameter,
    Weighted,
    count,
    require_whole,
)
from nnspec.layers.fields import Size, Whole
from nnspec.layers.shapes import MAX_RANK, DataFormat, Dim, Shape, product, show


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

    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        size = product(inputs[0])
        if size is None:
            raise ShapeError(
                f"flatten needs fixed sizes, and got {show(inputs[0])}",
                "pool the dynamic axis away first, or give it a number in `inputs`",
            )
        return ((size,),)


class Reshape(Layer):
    """The same elements, in the declared order, in another shape. One size may be -1."""

    type: Literal["reshape"] = "reshape"
    shape: Annotated[tuple[Whole, ...], Field(strict=False)] = Field(
        max_length=MAX_RANK,
        description="The new sizes without the batch axis; one of them may be -1, to be computed.",
    )

    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE
    features: ClassVar[FeaturesRole] = "shaped"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        given = product(inputs[0])
        if given is None:
            raise ShapeError(
                f"reshape needs fixed sizes, and got {show(inputs[0])}",
                "give the dynamic axes numbers in `inputs`",
            )
        known = 1
        for size in self.shape:
            if size < -1 or size == 0:
                raise ShapeError(
                    f"reshape to {show(self.shape)}: {size} is no size",
                    "give sizes of at least 1, or -1 for the one that follows from the others",
                )
            known *= size if size != -1 else 1
        unknown = self.shape.count(-1)
        if unknown > 1:
            raise ShapeError(
                f"reshape to {show(self.shape)}: at most one size may be -1",
                "give the others a number",
            )
        if given % known or (not unknown and given != known):
            raise ShapeError(
                f"reshape to {show(self.shape)} holds {known:,} elements"
                f"{' or a multiple' if unknown else ''}, and the input {show(inputs[0])} "
                f"has {given:,}",
                "give sizes whose product is that, or -1 in one place",
            )
        sizes: tuple[Dim, ...] = tuple(given // known if s == -1 else s for s in self.shape)
        return (sizes,)
