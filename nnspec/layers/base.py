"""The base of all layers: fields, a shape rule, parameters."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.fields import Flag, Frozen, OneOrMany, Text
from nnspec.layers.initializers import InitializerBase, ones, zeros
from nnspec.layers.records import ByType
from nnspec.layers.registry import ACTIVATIONS, FAMILIES, Table
from nnspec.layers.shapes import MAX_RANK, DataFormat, Dim, Shape, product, show

FLOAT = frozenset({"float32"})
WHOLE = frozenset({"int32", "int64"})
NUMBERS = frozenset({"float32", "int32", "int64"})
ANY_DTYPE = frozenset({"float32", "int32", "int64", "bool"})
MOVED = ANY_DTYPE | {"uint8"}
"""The dtypes of layers that compute nothing: bytes too, as images have them."""

WINDOW = ("strides", "padding", "dilation_rate")
"""The fields that say how a convolution's window moves, whatever its weight."""

Placement = Literal["spatial", "pointwise", "positional"]
"""The relation of a layer to the layout of an image-like tensor.

spatial: works on image-like tensors, so a backend may hand it the layout its kernels need.
pointwise: acts on each element, or names its axes, so any layout will do, as long as all that it
takes and gives has one number of axes.
positional: the order of the axes matters; it gets the layout that the spec declares.
"""


UNSAID = {"trainable": True, "weight_normalization": False, "recurrent_dropout": 0.0}
"""Fields that say nothing at these values: hashes from before they were there hold."""

Side = Literal["first", "last"]
"""The end of an image-like tensor's axes where its channels, or a sequence's features, stand."""
FeaturesRole = Literal["kept", "last", "vectors", "across", "along", "layout", "shaped", "lost"]
"""The relation of a layer that is not `spatial` to the axis of the features.

kept: they stay. last: it takes and gives (..., time, features). vectors: so it does, unless the
vectors are not of features. across: it works across the features, which are last unless its `axis`
says otherwise, and keeps them. along: it works along the last axis, whatever that is. layout: it
takes and gives channels where the layout has them. shaped: the sizes that it gives tell. lost:
nothing tells.
"""


class Parameter(NamedTuple):
    """A tensor that a layer owns, in PyTorch's layout; the fans scale its first values.

    zero_row: a row that starts at zero, whatever the initializer. is_fixed: whether it keeps its
    first value for ever, so that a weights file may hold no other. trainable: whether it has a
    gradient, as a running statistic has none. is_frozen: whether training leaves it alone, because
    the spec says so. terms: how many terms the sums
    have that it goes into, where that is not fan_in. least: no element may be below it.
    """

    name: str
    shape: tuple[int, ...]
    initializer: InitializerBase
    fan_in: int = 1
    fan_out: int = 1
    trainable: bool = True
    zero_row: int | None = None
    is_fixed: bool = False
    terms: int | None = None
    least: float | None = None
    is_frozen: bool = False

    @property
    def learns(self) -> bool:
        """Whether training changes it by its gradient."""
        return self.trainable and not self.is_frozen


class Traits:
    """Traits that a layer's class gives all its layers."""

    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """The least and the greatest number of inputs."""
    placement: ClassVar[Placement] = "positional"
    dtypes: ClassVar[frozenset[str]] = FLOAT
    """The dtypes that its inputs may have."""

    features: ClassVar[FeaturesRole] = "kept"
    named_inputs: ClassVar[tuple[str, ...]] = ()
    """Fields that each name one more input, where they are given; these follow `inputs`."""
    refers: ClassVar[bool] = False
    """Whether the field `layer` names a layer whose weights this one uses."""
    is_tied: ClassVar[bool] = False
    """Whether it uses those weights in an operation of its own."""
    stored_together: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """Parameters that a framework has in one variable."""
    varying: ClassVar[tuple[str, ...]] = ()
    """Fields that leave the weights as they are, so that a `shared` may give others."""
    takes_batch_alone: ClassVar[bool] = False
    """Whether it takes nothing but the size of the batch: `inputs: []` gives it any input."""
    passes_gradient: ClassVar[bool] = True
    """Whether what it takes learns from what follows: else it takes but the size of the batch, or
    gives what does not change with it, or keeps its gradient back."""
    random: ClassVar[tuple[str, ...]] = ()
    """Fields that are probabilities, used in training: at 0 nothing is random."""
    training_only: ClassVar[tuple[str, ...]] = ()
    """Other fields that change nothing at inference; nor do those that end in `initializer`."""


# Pydantic would evaluate these again for every layer's class, which is half of what a class costs.
Traits.__annotations__.clear()


class Layer(Frozen, Traits):
    """Base of every layer. A subclass adds `type`, its fields, and overrides what differs."""

    type: str
    name: Text | None = Field(
        default=None, description="The layer's name; by default its type and a number."
    )
    inputs: OneOrMany | None = Field(
        default=None,
        description="The inputs or layers that this one takes; by default the layer before it.",
    )

    @property
    def output_activation(self) -> "Activation | None":
        """The activation that is applied to the first output."""
        # To ask pydantic for what a record has not takes microseconds.
        activation: Activation | None = self.__dict__.get("activation")
        return activation

    @property
    def is_random(self) -> bool:
        """Whether anything is drawn in training."""
        return any(getattr(self, field) for field in self.random)

    def without_randomness(self) -> "Layer":
        """Return the layer as it is at inference, in training too."""
        if not self.is_random:
            return self
        return self.model_copy(update=dict.fromkeys(self.random, 0.0))

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        """Return the shape of each output, the batch axis left out; raises ShapeError."""
        return (inputs[0],)

    def takes_rank(self, rank: int) -> bool:
        """Whether an input may have so many axes, where its window says how many it slides over."""
        window = getattr(self, "kernel_size", None) or getattr(self, "pool_size", None)
        return window is None or rank == len(window) + 1

    def using(self, owner: "Layer") -> "Layer":
        """Return the layer that computes, where `layer` names this owner; raises ShapeError."""
        return self

    def at_sizes(self, size_of: Callable[[Dim], int]) -> "Layer":
        """Return the layer with numbers for the dynamic axes that it names, if any."""
        return self

    def input_dtypes(self, index: int, inputs: tuple[Shape, ...]) -> frozenset[str]:
        """Return what the elements of input `index`, of these shapes, may be."""
        return self.dtypes

    def like(self, index: int) -> int:
        """Return the input whose dtype input `index` has, where it may have it."""
        return 0

    def infer_dtype(self, inputs: tuple[str, ...]) -> tuple[str, ...]:
        """Return the dtype of each output."""
        return (inputs[0],)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        """Return the tensors that the layer owns, in the order of the canonical weights."""
        return ()

    def dead_parameters(self, inputs: tuple[Shape, ...]) -> tuple[str, ...]:
        """Return the parameters that change no output, so that their gradient is rounding noise."""
        return ()

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        """Return the multiply-adds of one row of the batch; dynamic axes count as 1."""
        return 0

    def float32_rounding(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> float:
        """Return how far what a framework computes beside sums is off in float32, in roundoffs.

        Relative to the largest output, in units of 2⁻²⁴: such as the positions of an interpolation.
        """
        return 0.0

    def whole_numbers(self, index: int, inputs: tuple[Shape, ...]) -> tuple[int, Dim] | None:
        """Return the smallest and the largest whole number that input `index` may hold.

        None for any. The largest may be a size of the inputs. Raises nothing.
        """
        return None

    @property
    def features_role(self) -> FeaturesRole:
        """The relation to the axis of the features."""
        return self.features

    def features_side(self, side: Side, rank: int) -> Side | None:
        """Return where features are in the output that stand at this side of an input's axes.

        None where they are at neither. rank: the input's axes.
        """
        return side

    def size_limits(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[tuple[Dim, int, int | None], ...]:
        """Return the sizes that it cannot take at any number: (size, at least, at most).

        That no size of an output may be below 1 need not be said. Raises nothing.
        """
        return ()

    def settings(self) -> Iterator[tuple[str, Any]]:
        """Yield the fields that give the layer its meaning: all but its name and its inputs."""
        for field in type(self).model_fields:
            if field not in ("type", "name", "inputs"):
                value = getattr(self, field)
                if field not in UNSAID or value != UNSAID[field]:
                    yield field, value

    def inference_settings(self) -> Iterator[tuple[str, Any]]:
        """Yield those of the settings that say what the layer computes at inference."""
        for field, value in self.settings():
            if field in self.random or field in self.training_only or field.endswith("initializer"):
                continue
            if field == "trainable":
                continue
            if isinstance(value, Layer):
                value = value.type, *value.inference_settings()
            yield field, value


class Activation(Layer):
    """Base of the layers that change each element, or each vector, and keep the shape."""

    placement: ClassVar[Placement] = "pointwise"


_ACTIVATIONS: Table[Frozen] = Table(ACTIVATIONS)

ActivationField = Annotated[
    Activation, ByType("activation", lambda: _ACTIVATIONS, without=("name", "inputs"))
]


class Trained(Layer):
    """Base of the layers that own parameters."""

    trainable: Flag = Field(
        default=True,
        description="Whether training changes its parameters.",
        repr=False,
    )


def weight_and_bias(size: int) -> tuple[Parameter, ...]:
    """Return the weight (ones) and the bias (zeros) of a normalisation."""
    return Parameter("weight", (size,), ones()), Parameter("bias", (size,), zeros())


def channel_axis(rank: int, data_format: DataFormat) -> int:
    """Return the axis of the channels, the batch not counted; the last for ranks below 2."""
    return 0 if data_format == "channels_first" and rank > 1 else rank - 1


def spatial_axes(rank: int, data_format: DataFormat) -> tuple[int, ...]:
    """Return the axes that are not the channels, the batch not counted."""
    channel = channel_axis(rank, data_format)
    return tuple(axis for axis in range(rank) if axis != channel)


EACH = (
    "add time_distributed: true, which applies it to each element along the first axis, or reshape "
    "the input"
)
"""The hint where a value has one axis more than a layer takes."""


def require_rank(layer: str, shape: Shape, rank: int, data_format: DataFormat) -> None:
    """Raise ShapeError unless `shape` has `rank` axes."""
    if len(shape) != rank:
        names = ("height", "width") if rank == 3 else ("length",) if rank == 2 else ("d", "h", "w")
        axes = ("channels", *names) if data_format == "channels_first" else (*names, "channels")
        raise ShapeError(
            f"{layer} takes {show(axes)} ({data_format}), and got {show(shape)}",
            _ways_out(layer, len(shape), rank),
        )


def _ways_out(layer: str, given: int, rank: int) -> str:
    """Return what to do where a layer takes another number of axes than it is given."""
    # What its window slides over stands in its name: conv1d, conv2d_transpose.
    other = layer.replace(f"{rank - 1}d", f"{given - 1}d")
    ways = [f"use {other}"] if any(other in kinds for kinds in FAMILIES.values()) else []
    if other == layer:
        ways = []
    ways.append(EACH if given == rank + 1 else "reshape the input to that many axes")
    return ", or ".join(ways)


def resolve_axis(layer: str, axis: int, shape: Shape) -> int:
    """Return the axis, counted from 0 without the batch; raises ShapeError if there is none."""
    rank = len(shape)
    if not -rank <= axis < rank:
        axes = "axis 0 alone" if rank == 1 else f"axes 0 to {rank - 1}"
        has = f"{axes} (the batch not counted)" if rank else "no axis but the batch"
        raise ShapeError(
            f"{layer} over axis {axis}, and {show(shape)} has {has}",
            "use -1 for the last axis" if rank else "give it an input of at least one axis",
        )
    return axis % rank


def require_whole(layer: str, size: Dim, what: str) -> int:
    """Return `size`, or raise ShapeError where it is a dynamic axis."""
    if isinstance(size, str):
        raise ShapeError(
            f"{layer} needs a fixed {what}, and got the dynamic axis {size!r}",
            "set data_format so that it is no axis of channels, or give it a number in `inputs`"
            if what == "channel axis"
            else "give that axis a number in `inputs`",
        )
    return size


def require_few_axes(layer: str, shape: Shape) -> None:
    """Raise ShapeError where a value would have more axes than the frameworks' kernels take."""
    if len(shape) > MAX_RANK:
        raise ShapeError(
            f"{layer} would give {len(shape)} axes, and a value has at most {MAX_RANK}",
            "reshape an input to fewer axes",
        )


def require_drawable(layer: str, parameter: Parameter) -> None:
    """Raise ShapeError where the initializer has no values of the parameter's shape."""
    initializer = parameter.initializer
    if initializer.type == "identity" and (
        layer not in ("dense", "simple_rnn") or len(parameter.shape) != 2
    ):
        raise ShapeError(
            f"the initializer identity is of a matrix of one layer, and the {parameter.name} of "
            f"{layer} is {show(parameter.shape)}, of several gates, heads or places",
            "use another initializer for it, such as orthogonal",
        )
    if len(parameter.shape) > 1:
        return
    if initializer.type == "unit_forget_bias":
        initializer = initializer.others  # type: ignore[attr-defined]
    if initializer.type == "orthogonal":
        raise ShapeError(
            f"the initializer orthogonal makes the rows or columns of a matrix orthonormal, and "
            f"the {parameter.name} of {layer} is the vector {show(parameter.shape)}",
            "use another initializer for it, such as zeros or normal",
        )


def count(shape: Shape) -> int:
    """Return the number of elements, each dynamic axis counted as 1."""
    return product(tuple(1 if isinstance(size, str) else size for size in shape)) or 0
