"""Layers that compute with the weights of another layer."""

from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from nnspec.errors import ShapeError
from nnspec.layers.base import FeaturesRole, Layer, Parameter, Trained, count, require_whole
from nnspec.layers.fields import Flag, Text
from nnspec.layers.initializers import zeros
from nnspec.layers.shapes import DataFormat, Shape, show


class Shared(Layer):
    """y = the layer, or the use of a block, of that name once more, with the same weights.

    It takes what that one takes, also at other sizes where the weights fit. A gradient is the sum
    over all calls; running statistics are updated by each call, in the order of computation.
    Bromley et al. 1993, the siamese network.
    """

    type: Literal["shared"] = "shared"
    layer: Text = Field(
        description="The name of the layer, or of the use of a block, in the same network or block."
    )

    refers: ClassVar[bool] = True
    arity: ClassVar[tuple[int, int | None]] = (1, None)


class TiedDense(Trained):
    """y = x Wᵀ + b on the last axis, W the table of an embedding. (..., n) -> (..., rows of W).

    bias (rows of W,), if there is one. Press and Wolf 2017; the output of GPT-2 and BERT.
    """

    type: Literal["tied_dense"] = "tied_dense"
    layer: Text = Field(
        description="The name of the embedding, in the same network or block, whose table it uses."
    )
    use_bias: Flag = Field(default=False, description="Whether a bias is added.")

    refers: ClassVar[bool] = True
    is_tied: ClassVar[bool] = True
    features: ClassVar[FeaturesRole] = "along"
    _table: tuple[int, int] = PrivateAttr(default=(0, 0))

    def using(self, owner: Layer) -> Layer:
        if owner.type != "embedding":
            raise ShapeError(
                f'tied_dense uses the table of an embedding, and "{self.layer}" is a {owner.type}',
                "name an embedding in `layer`",
            )
        copy = self.model_copy()
        copy._table = (owner.input_dim, owner.output_dim)  # type: ignore[attr-defined]
        return copy

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        rows, size = self._table
        if not shape or require_whole("tied_dense", shape[-1], "last axis") != size:
            raise ShapeError(
                f'tied_dense multiplies by the rows of "{self.layer}", of {size} numbers each, and '
                f"got {show(shape)}",
                f"bring the last axis to {size} with a dense layer",
            )
        return ((*shape[:-1], rows),)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        rows, size = self._table
        return (Parameter("bias", (rows,), zeros(), size, rows),) if self.use_bias else ()

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(inputs[0]) * self._table[0]
