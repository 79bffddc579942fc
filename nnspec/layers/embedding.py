"""Layers that hold tables: of vectors for whole numbers, of positions, of constants."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.arithmetic import require_fitting
from nnspec.layers.base import (
    MOVED,
    FeaturesRole,
    Layer,
    Parameter,
    Placement,
    Trained,
    require_whole,
)
from nnspec.layers.fields import FLOAT32_MAX, Finite, Positive, Size, once
from nnspec.layers.initializers import Initializer
from nnspec.layers.plain_initializers import Normal
from nnspec.layers.shapes import DataFormat, Dim, Shape, show
from nnspec.layers.weighted import Normalizable

INTEGERS = frozenset({"int32", "int64"})

# A list within a list within ...: a recursive type would need a name of its own in the schema.
Nested = Finite | list[Finite] | list[list[Finite]] | list[list[list[Finite]]]


class Embedding(Normalizable):
    """y = W[x], row x of the table. (...) whole numbers -> (..., output_dim).

    weight (input_dim, output_dim). The gradient of a row is the sum over all places that took it.
    With `padding_index`, that row starts at zero and gets no gradient from being looked up.
    """

    type: Literal["embedding"] = "embedding"
    input_dim: Size = Field(description="Rows of the table: inputs are 0 to input_dim - 1.")
    output_dim: Size = Field(description="Size of each row.")
    padding_index: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        description="A row that stays zero, as for padding; none by default.",
    )
    embeddings_initializer: Initializer = Field(
        default_factory=once(Normal),
        description="First values of the table; normal of deviation 0.02 by default "
        "(PyTorch has deviation 1, Keras uniform on ±0.05).",
    )

    dtypes: ClassVar[frozenset[str]] = INTEGERS
    features: ClassVar[FeaturesRole] = "last"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        if self.padding_index is not None and self.padding_index >= self.input_dim:
            raise ShapeError(
                f"embedding has rows 0 to {self.input_dim - 1}, and padding_index "
                f"{self.padding_index} is none of them",
                "name a row of the table, or make input_dim larger",
            )
        if self.padding_index is not None and self.weight_normalization:
            raise ShapeError(
                "embedding with weight_normalization divides by the length of each row, and row "
                f"{self.padding_index}, the padding_index, is 0",
                "leave out one of the two",
            )
        return ((*inputs[0], self.output_dim),)

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return ("float32",)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        shape = (self.input_dim, self.output_dim)
        initializer = self.embeddings_initializer
        table = Parameter("weight", shape, initializer, *shape, zero_row=self.padding_index)
        return self.parts(table)

    def whole_numbers(self, index: int, inputs: tuple[Shape, ...]) -> tuple[int, Dim] | None:
        return 0, self.input_dim - 1


class _Positions(Layer):
    """Base of the layers that know the place of a vector in a sequence."""

    def checked(self, shape: Shape, *, least_rank: int = 2) -> tuple[Dim, int]:
        """Return time and features; raises ShapeError."""
        if len(shape) < least_rank or (least_rank == 2 and len(shape) > 2 and not self.is_wide):
            raise ShapeError(
                f"{self.type} takes (time, features), and got {show(shape)}",
                "put it where each row is a sequence of vectors",
            )
        return shape[-2], require_whole(self.type, shape[-1], "last axis")

    features: ClassVar[FeaturesRole] = "last"
    is_wide: ClassVar[bool] = False
    """Whether more axes may stand before the time."""

    def size_limits(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[tuple[Dim, int, int | None], ...]:
        return ((inputs[0][-2], 1, getattr(self, "max_length", None)),)

    def within(self, time: Dim, length: int | None) -> None:
        """Raise ShapeError where the time does not fit in a table of this length."""
        if isinstance(time, str) and length is None:
            raise ShapeError(
                f"{self.type} needs to know how long the dynamic axis {time!r} may be",
                "add max_length",
            )
        if isinstance(time, int) and length is not None and time > length:
            raise ShapeError(
                f"{self.type} has max_length {length}, and the input has {time} positions",
                f"make max_length at least {time}, or the sequence shorter",
            )


class PositionEmbedding(_Positions, Trained):
    """y[t] = x[t] + W[t], W learned. (time, features) -> the same; weight (max_length, features).

    Gehring et al. 2017; Radford et al. 2018 (GPT).
    """

    type: Literal["position_embedding"] = "position_embedding"
    max_length: Size = Field(description="Rows of the table: the longest sequence.")
    embeddings_initializer: Initializer = Field(
        default_factory=once(Normal),
        description="First values of the table; normal of deviation 0.02 by default.",
    )

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        time, _ = self.checked(inputs[0])
        self.within(time, self.max_length)
        return (inputs[0],)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        shape = (self.max_length, require_whole(self.type, inputs[0][-1], "last axis"))
        return (Parameter("weight", shape, self.embeddings_initializer, *shape),)


class SinusoidalPosition(_Positions):
    """y[t] = x[t] + P[t], P[t, 2i] = sin(t / base^(2i/d)), P[t, 2i+1] = cos(t / base^(2i/d)).

    (time, features) -> the same; d is the number of features, t counts from 0. The table is
    computed in float64, whatever the network computes in. Vaswani et al. 2017, section 3.5.
    """

    type: Literal["sinusoidal_position"] = "sinusoidal_position"
    base: Positive = Field(default=10000.0, description="The longest wave is 2π · base.")
    max_length: Size | None = Field(
        default=None, description="The longest sequence; needed where the time axis is dynamic."
    )

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        time, _ = self.checked(inputs[0])
        self.within(time, self.max_length)
        return (inputs[0],)


class RotaryPosition(_Positions):
    """Turns each pair (x[t, i], x[t, i + d/2]) by the angle t / base^(2i/d).

    y = (x₁ cos - x₂ sin, x₂ cos + x₁ sin) for the halves x₁, x₂ of the features, d of them, an
    even number; t counts from 0. (..., time, features) -> the same. The angles are computed in
    float64, whatever the network computes in. Su et al. 2021 (RoFormer), in the split-half order
    of GPT-NeoX and Llama.
    """

    type: Literal["rotary_position"] = "rotary_position"
    base: Positive = Field(default=10000.0, description="The slowest pair turns by 1 / base.")
    max_length: Size | None = Field(
        default=None, description="The longest sequence; needed where the time axis is dynamic."
    )

    is_wide: ClassVar[bool] = True

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        time, features = self.checked(inputs[0])
        self.within(time, self.max_length)
        if features % 2:
            raise ShapeError(
                f"rotary_position turns pairs of features, and got {show(inputs[0])}: "
                f"{features} features",
                "use an even number of features",
            )
        return (inputs[0],)


class LearnedTensor(Trained):
    """y = W, a learned tensor such as a class token, the same for every row of the batch.

    Of the input nothing is taken but the size of the batch, so `inputs: []` will do. Any -> shape;
    weight of that shape.
    """

    type: Literal["parameter"] = "parameter"
    shape: tuple[Size, ...] = Field(
        strict=False, min_length=1, description="Shape of the tensor, without the batch axis."
    )
    initializer: Initializer = Field(
        default_factory=once(Normal),
        description="First values; normal of deviation 0.02 by default.",
    )

    placement: ClassVar[Placement] = "positional"
    features: ClassVar[FeaturesRole] = "lost"
    dtypes: ClassVar[frozenset[str]] = MOVED
    takes_batch_alone: ClassVar[bool] = True
    passes_gradient: ClassVar[bool] = False

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        return (self.shape,)

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        return ("float32",)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        return (Parameter("weight", self.shape, self.initializer, self.shape[0], self.shape[-1]),)


class ConstantTensor(Layer):
    """y = value, fixed numbers, the same for every row of the batch.

    Of the input nothing is taken but the size of the batch, so `inputs: []` will do. Any -> the
    shape of the value: () for a number, (n,) for a list of n, and so on.
    """

    type: Literal["constant"] = "constant"
    value: Nested = Field(description="A number, or lists of numbers, nested up to three deep.")
    dtype: Literal["float32", "int32", "int64"] = Field(
        default="float32", description="The dtype of the numbers."
    )

    dtypes: ClassVar[frozenset[str]] = MOVED
    takes_batch_alone: ClassVar[bool] = True
    passes_gradient: ClassVar[bool] = False
    features: ClassVar[FeaturesRole] = "lost"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        return (_shape_of(self.value),)

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        for number in _numbers(self.value):
            require_fitting(self.type, number, self.dtype)
        return (self.dtype,)

    def numbers(self) -> Nested:
        """Return the value as it is written: whole numbers without a point."""
        return self.value if self.dtype == "float32" else _whole(self.value)


def _whole(value: Any) -> Any:
    return [_whole(item) for item in value] if isinstance(value, list) else int(value)


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, list):
        for item in value:
            yield from _numbers(item)
    elif isinstance(value, int | float):
        yield value


def _shape_of(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        if isinstance(value, int | float) and abs(value) > FLOAT32_MAX:
            raise ShapeError(
                f"constant has {value:g}, beyond what float32 holds",
                f"give it numbers of at most {FLOAT32_MAX:g}",
                code="out-of-range",
            )
        return ()
    if not value:
        raise ShapeError("constant has an empty list", "give it at least one number")
    shapes = {_shape_of(item) for item in value}
    if len(shapes) > 1:
        raise ShapeError(
            f"constant has lists of unequal shapes: {', '.join(map(show, sorted(shapes)))}",
            "give every list the same number of elements",
        )
    return (len(value), *shapes.pop())
