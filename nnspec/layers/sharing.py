"""Layers that compute with the weights of another layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr
from pydantic_core import PydanticCustomError

from nnspec.errors import ShapeError
from nnspec.layers.base import WINDOW, FeaturesRole, Layer, Parameter, Trained, count, require_whole
from nnspec.layers.fields import Flag, Pads, PerAxis, Text, Validated
from nnspec.layers.initializers import zeros
from nnspec.layers.shapes import DataFormat, Shape, show

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

_Sizes = int | tuple[int, ...]
_Padding = str | int | tuple[Any, ...]
_AXES = (1, 2, 3)
_WORDS = ("valid", "same")


class AnyAxes(Validated):
    """Field metadata: what one of several others takes, where the owner tells how many axes it has.

    kinds: for 1, 2, ... axes.
    """

    also = int

    def __init__(self, *kinds: PerAxis | Pads) -> None:
        self.kinds = kinds

    def validate(self, value: object) -> object:
        """Return the value as it is given, lists as tuples."""
        for kind in self.kinds:
            try:
                kind.validate(value)
            except PydanticCustomError as error:
                if error.type == "out_of_range":
                    raise
            else:
                return _as_tuples(value)
        first = self.kinds[0]
        if isinstance(first, PerAxis):
            message = f"a whole number or a list of 1 to {len(self.kinds)} is expected"
        else:
            words = ", ".join(f'"{word}"' for word in first.words)
            message = f"{words}, a size, or a list of 1 to {len(self.kinds)} is expected"
        raise PydanticCustomError("wrong_type", message)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        first, *_, last = (
            kind.__get_pydantic_json_schema__(schema, handler)["anyOf"] for kind in self.kinds
        )
        each = next(part for part in last if part.get("type") == "array")
        return {
            "anyOf": [
                *(part for part in first if part.get("type") != "array"),
                each | {"minItems": 1},
            ]
        }


def _as_tuples(value: object) -> object:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def with_setting(layer: Layer, name: str, value: object) -> Layer:
    """Return the layer with another setting; raises PydanticCustomError where that cannot be."""
    (metadata,) = type(layer).model_fields[name].metadata
    return layer.model_copy(update={name: metadata.validate(value)})


class Shared(Layer):
    """y = the layer, or the use of a block, of that name once more, with the same weights.

    It takes what that one takes, also at other sizes where the weights fit. A convolution may be
    called with other strides, padding or dilation. A gradient is the sum over all calls; running
    statistics are updated by each call, in the order of computation. Bromley et al. 1993, the
    siamese network; Li et al. 2019, TridentNet.
    """

    type: Literal["shared"] = "shared"
    layer: Text = Field(
        description="The name of the layer, or of the use of a block, in the same network or block."
    )
    strides: Annotated[_Sizes, AnyAxes(*map(PerAxis, _AXES))] | None = Field(
        default=None, description="Of a convolution: the strides of this call; by default its own."
    )
    padding: Annotated[_Padding, AnyAxes(Pads(1, (*_WORDS, "causal")), Pads(2), Pads(3))] | None = (
        Field(
            default=None,
            description="Of a convolution: the padding of this call; by default its own.",
        )
    )
    dilation_rate: Annotated[_Sizes, AnyAxes(*map(PerAxis, _AXES))] | None = Field(
        default=None, description="Of a convolution: the dilation of this call; by default its own."
    )

    refers: ClassVar[bool] = True
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    def given(self) -> dict[str, object]:
        """Return the settings that are those of this call alone."""
        values = {name: getattr(self, name) for name in WINDOW}
        return {name: value for name, value in values.items() if value is not None}


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
