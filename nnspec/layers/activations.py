"""Activations: each keeps the shape of its input.

At a kink the gradient is that of the side where nothing is clipped away at hard_tanh, and elsewhere
that of the flat or the negative side: 0 for ReLU, the slope for leaky ReLU.
"""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import ANY_DTYPE, Activation, FeaturesRole, Placement
from nnspec.layers.fields import Whole
from nnspec.layers.shapes import DataFormat, Shape, show


class Linear(Activation):
    """y = x. Any shape."""

    type: Literal["linear"] = "linear"

    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE


class Relu(Activation):
    """y = max(x, 0); gradient 0 at 0. Any shape. Nair and Hinton 2010."""

    type: Literal["relu"] = "relu"


class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x)). Any shape."""

    type: Literal["sigmoid"] = "sigmoid"


class Tanh(Activation):
    """y = tanh(x). Any shape."""

    type: Literal["tanh"] = "tanh"


class OverAxis(Activation):
    """Base of the activations of a vector: that along one axis."""

    axis: Whole = Field(
        default=-1,
        description="The axis that is summed over, the batch not counted from 0; -1, the last.",
    )

    placement: ClassVar[Placement] = "positional"
    features: ClassVar[FeaturesRole] = "along"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        rank = len(inputs[0])
        if not -rank <= self.axis < rank:
            raise ShapeError(
                f"{self.type} over axis {self.axis}, and its input {show(inputs[0])} has axes "
                f"0 to {rank - 1} (the batch not counted)",
                "use -1 for the last axis",
            )
        return (inputs[0],)


class Softmax(OverAxis):
    """y = exp(x) / Σ exp(x), summed over `axis`. Any shape of at least one axis."""

    type: Literal["softmax"] = "softmax"
