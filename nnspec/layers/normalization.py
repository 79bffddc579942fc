"""Normalisation."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    EACH,
    FeaturesRole,
    Layer,
    Parameter,
    Placement,
    Trained,
    channel_axis,
    count,
    require_rank,
    require_whole,
    weight_and_bias,
)
from nnspec.layers.fields import Flag, Positive, Size, Whole, is_whole
from nnspec.layers.initializers import ones, zeros
from nnspec.layers.shapes import DataFormat, Shape, show

_RESHAPE = "reshape the input: one axis of channels, and at most three others"


def _one_or_many(value: object) -> object:
    return (value,) if is_whole(value) else value


LastAxes = Annotated[
    tuple[Whole, ...],
    Field(strict=False, min_length=1),
    BeforeValidator(_one_or_many, json_schema_input_type=int | list[int]),
]
"""One axis, or a list of several."""


class _OverLastAxes(Layer):
    axis: LastAxes = Field(
        default=(-1,),
        description="The axis or axes to normalise over, the batch not counted from 0; by default "
        "the last one.",
    )

    @property
    def features_role(self) -> FeaturesRole:
        return "vectors" if self.axis == (-1,) else "kept"

    def axes(self, shape: Shape) -> tuple[int, ...]:
        """Return the axes to normalise over, in order, from 0; raises ShapeError."""
        rank = len(shape)
        inside = all(-rank <= axis < rank for axis in self.axis)
        axes = sorted({axis % rank for axis in self.axis}) if inside else []
        if len(axes) != len(self.axis):
            given = self.axis[0] if len(self.axis) == 1 else list(self.axis)
            raise ShapeError(
                f"{self.type} over axis {given}, and its input {show(shape)} has axes 0 to "
                f"{rank - 1} (the batch not counted)",
                "use -1 for the last axis, [-2, -1] for the last two, and name each once",
            )
        return tuple(axes)

    def normalized(self, shape: Shape) -> tuple[int, ...]:
        """Return the sizes of the axes to normalise over; raises ShapeError."""
        return tuple(
            require_whole(self.type, shape[axis], "size to normalise") for axis in self.axes(shape)
        )

    def order(self, shape: Shape) -> tuple[int, ...] | None:
        """Return the order of axes that has those to normalise over last; None if they are."""
        axes = self.axes(shape)
        if axes == tuple(range(len(shape) - len(axes), len(shape))):
            return None
        return (*(axis for axis in range(len(shape)) if axis not in axes), *axes)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        self.normalized(inputs[0])
        return (inputs[0],)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0])


class LayerNormalization(_OverLastAxes, Trained):
    """y = weight · (x - μ) / √(σ² + epsilon) + bias; μ and σ² (biased) over the axes.

    Keeps the shape; weight and bias have the sizes of those axes. Ba et al. 2016.
    """

    type: Literal["layer_normalization"] = "layer_normalization"
    epsilon: Positive = Field(
        default=1e-5,
        description="Added to the variance; 1e-5 as in PyTorch and ONNX (Keras: 1e-3).",
    )
    scale: Flag = Field(default=True, description="Whether a learned weight multiplies.")
    center: Flag = Field(default=True, description="Whether a learned bias is added.")

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        sizes = self.normalized(inputs[0])
        weight = (Parameter("weight", sizes, ones()),) if self.scale else ()
        return (*weight, Parameter("bias", sizes, zeros())) if self.center else weight

    def dead_parameters(self, inputs: tuple[Shape, ...]) -> tuple[str, ...]:
        # A number less its own mean is 0.
        is_single = all(size == 1 for size in self.normalized(inputs[0]))
        return ("weight",) if self.scale and is_single else ()


class RmsNormalization(_OverLastAxes, Trained):
    """y = weight · x / √(mean(x²) + epsilon), the mean over the last axes.

    Keeps the shape; weight has the sizes of those axes. Zhang and Sennrich 2019.
    """

    type: Literal["rms_normalization"] = "rms_normalization"
    epsilon: Positive = Field(
        default=1e-6,
        description="Added to the mean; 1e-6 as in Keras (ONNX: 1e-5; PyTorch's depends on the "
        "dtype).",
    )

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        return (Parameter("weight", self.normalized(inputs[0]), ones()),)


class _OfChannels(Trained):
    epsilon: Positive = Field(
        default=1e-5,
        description="Added to the variance; 1e-5 as in PyTorch and ONNX (Keras: 1e-3).",
    )
    affine: Flag = Field(
        default=True,
        description="Whether a weight multiplies and a bias is added, both learned, one a channel.",
    )

    placement: ClassVar[Placement] = "spatial"

    def channels(self, shape: Shape, data_format: DataFormat) -> int:
        """Return the number of channels."""
        axis = channel_axis(len(shape), data_format)
        return require_whole(self.type, shape[axis], "channel axis")

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        return weight_and_bias(self.channels(inputs[0], data_format)) if self.affine else ()

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0])


class GroupNormalization(_OfChannels):
    """y = weight · (x - μ) / √(σ² + epsilon) + bias, per row and group of channels.

    μ and σ² (biased) are over the channels of a group, which are consecutive, and over all other
    axes. Keeps the shape; the channels are the last axis, or the first of a channels_first spec.
    Wu and He 2018.
    """

    type: Literal["group_normalization"] = "group_normalization"
    groups: Size = Field(description="Number of groups; it divides the channels.")

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        if not 1 <= len(shape) <= 4:
            raise ShapeError(
                f"group_normalization takes one to four axes, and got {show(shape)}",
                EACH if len(shape) == 5 else _RESHAPE,
            )
        channels = self.channels(shape, data_format)
        if channels % self.groups:
            raise ShapeError(
                f"group_normalization in {self.groups} groups, and {channels} channels of "
                f"{show(shape)} ({data_format}) do not divide by it",
                f"give a divisor of {channels} as groups",
            )
        if count(shape) == self.groups and all(isinstance(size, int) for size in shape):
            raise ShapeError(
                f"group_normalization in {self.groups} groups of {show(shape)}: a group of one "
                "number has no variance",
                "give fewer groups",
            )
        return (shape,)


class InstanceNormalization(_OfChannels):
    """y = weight · (x - μ) / √(σ² + epsilon) + bias, per row and channel.

    μ and σ² (biased) are over all axes but the channels, in training and otherwise. Keeps the
    shape; the channels are the last axis, or the first of a channels_first spec.
    Ulyanov et al. 2016.
    """

    type: Literal["instance_normalization"] = "instance_normalization"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        if not 2 <= len(shape) <= 4:
            raise ShapeError(
                f"instance_normalization takes two to four axes, and got {show(shape)}",
                EACH
                if len(shape) == 5
                else "use layer_normalization for a vector"
                if len(shape) < 2
                else _RESHAPE,
            )
        if count(shape) == self.channels(shape, data_format) and all(
            isinstance(size, int) for size in shape
        ):
            raise ShapeError(
                f"instance_normalization of {show(shape)} ({data_format}): one number a channel "
                "has no variance",
                "normalise before the other axes are reduced to 1, or use layer_normalization",
            )
        return (shape,)


class UnitNormalization(Layer):
    """y = x / max(‖x‖, epsilon), ‖x‖ = √Σx² over `axis`. Any shape of at least one axis.

    A vector shorter than epsilon is divided by epsilon, and its length has no gradient.
    """

    type: Literal["unit_normalization"] = "unit_normalization"
    axis: Whole = Field(
        default=-1,
        description="The axis whose vectors get length 1, the batch not counted from 0; -1, the "
        "last.",
    )
    epsilon: Positive = Field(default=1e-12, description="The smallest length divided by.")

    placement: ClassVar[Placement] = "pointwise"
    features: ClassVar[FeaturesRole] = "across"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        rank = len(inputs[0])
        if not -rank <= self.axis < rank:
            raise ShapeError(
                f"unit_normalization over axis {self.axis}, and its input {show(inputs[0])} has "
                f"axes 0 to {rank - 1} (the batch not counted)",
                "use -1 for the last axis",
            )
        return (inputs[0],)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0])


class LocalResponseNormalization(Layer):
    """y = x / (k + alpha / size · Σ x²)^beta, over `size` channels, of which x is in the middle.

    Beyond the first and the last channel there is nothing. Two to four axes; keeps the shape.
    TensorFlow's alpha is alpha / size here, and its depth_radius (size - 1) / 2.
    Krizhevsky et al. 2012 (AlexNet).
    """

    type: Literal["local_response_normalization"] = "local_response_normalization"
    size: Size = Field(default=5, description="How many channels; an odd number.")
    alpha: Positive = Field(default=1e-4, description="Factor of the mean of the squares.")
    beta: Positive = Field(default=0.75, description="The exponent.")
    k: Positive = Field(default=1.0, description="What is added to it; AlexNet has 2.")

    placement: ClassVar[Placement] = "spatial"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        if not 2 <= len(shape) <= 4:
            require_rank(self.type, shape, 3, data_format)
        if self.size % 2 == 0:
            raise ShapeError(
                f"local_response_normalization over {self.size} channels has none in the middle",
                "give an odd size",
                "out-of-range",
            )
        require_whole(self.type, shape[channel_axis(len(shape), data_format)], "channel axis")
        return (shape,)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0]) * self.size
