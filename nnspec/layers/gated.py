"""Activations that own a slope, or that let one half of an axis gate the other."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    FeaturesRole,
    Layer,
    Parameter,
    Placement,
    Trained,
    channel_axis,
    count,
    require_whole,
)
from nnspec.layers.fields import Whole, once
from nnspec.layers.initializers import Initializer
from nnspec.layers.plain_initializers import Constant
from nnspec.layers.shapes import DataFormat, Shape, show


class Prelu(Trained):
    """y = x for x > 0, weight · x otherwise, with learned slopes.

    slopes says how many: one for each channel, (channels,), the last axis, or the first of a
    channels_first spec; `one` for all, (1,); or one for each `element`, in the shape of the input.
    The gradient at 0 is the slope. Keeps the shape. He et al. 2015.
    """

    type: Literal["prelu"] = "prelu"
    slopes: Literal["channel", "one", "element"] = Field(
        default="channel",
        description="What has a slope of its own (PyTorch: one by default; Keras: element).",
    )
    alpha_initializer: Initializer = Field(
        default_factory=once(lambda: Constant(value=0.25)),
        description="First values of the slopes; 0.25 as in PyTorch (Keras: 0).",
    )

    @property
    def placement(self) -> Placement:  # type: ignore[override]
        return "positional" if self.slopes == "element" else "spatial"

    def shape_of_slopes(self, shape: Shape, data_format: DataFormat) -> tuple[int, ...]:
        """Return the shape of the slopes; raises ShapeError."""
        if self.slopes == "one":
            return (1,)
        if self.slopes == "element":
            return tuple(require_whole("prelu", size, "size for each slope") for size in shape)
        if not shape:
            raise ShapeError(
                "prelu takes at least one axis, and got a scalar per row",
                "put an `expand_dims` layer before it, or give it slopes: one",
            )
        channels = shape[channel_axis(len(shape), data_format)]
        return (require_whole("prelu", channels, "channel axis"),)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        self.shape_of_slopes(inputs[0], data_format)
        return (inputs[0],)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        shape = self.shape_of_slopes(inputs[0], data_format)
        return (Parameter("weight", shape, self.alpha_initializer),)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0])


class _Gated(Layer):
    axis: Whole = Field(
        default=-1, description="The axis to halve, the batch not counted from 0; -1, the last."
    )

    placement: ClassVar[Placement] = "pointwise"
    features: ClassVar[FeaturesRole] = "across"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        rank = len(shape)
        if not -rank <= self.axis < rank:
            raise ShapeError(
                f"{self.type} over axis {self.axis}, and its input {show(shape)} has axes "
                f"0 to {rank - 1} (the batch not counted)",
                "use -1 for the last axis",
            )
        axis = self.axis % rank
        size = require_whole(self.type, shape[axis], "axis to halve")
        if size % 2:
            raise ShapeError(
                f"{self.type} halves axis {axis}, and that of {show(shape)} has {size} elements",
                "give the layer before it an even number of units or filters",
            )
        return ((*shape[:axis], size // 2, *shape[axis + 1 :]),)

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0])


class Glu(_Gated):
    """y = a · sigmoid(b), a and b the halves of `axis`, which it halves. Dauphin et al. 2017."""

    type: Literal["glu"] = "glu"


class Swiglu(_Gated):
    """y = silu(a) · b, a and b the halves of `axis`, which it halves. Shazeer 2020."""

    type: Literal["swiglu"] = "swiglu"
