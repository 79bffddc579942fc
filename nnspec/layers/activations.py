"""Activations: each keeps the shape of its input.

At a kink the gradient is that of the side where nothing is clipped away at hard_tanh, and elsewhere
that of the flat or the negative side: 0 for ReLU, the slope for leaky ReLU.
"""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import ANY_DTYPE, Activation, FeaturesRole, Placement
from nnspec.layers.fields import Flag, Number, Whole
from nnspec.layers.shapes import DataFormat, Shape, show


class Linear(Activation):
    """y = x. Any shape."""

    type: Literal["linear"] = "linear"

    dtypes: ClassVar[frozenset[str]] = ANY_DTYPE


class Relu(Activation):
    """y = max(x, 0); gradient 0 at 0. Any shape. Nair and Hinton 2010."""

    type: Literal["relu"] = "relu"


class LeakyRelu(Activation):
    """y = x for x > 0, negative_slope · x otherwise. Any shape. Maas et al. 2013."""

    type: Literal["leaky_relu"] = "leaky_relu"
    negative_slope: Number = Field(
        default=0.01, description="Slope for x ≤ 0; 0.01 as in PyTorch and ONNX (Keras: 0.3)."
    )


class Elu(Activation):
    """y = x for x > 0, alpha · (exp(x) - 1) otherwise. Any shape. Clevert et al. 2016."""

    type: Literal["elu"] = "elu"
    alpha: Number = Field(default=1.0, description="Minus the limit at minus infinity.")


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


class Gelu(Activation):
    """y = x · Φ(x), Φ the normal distribution function (erf). Any shape. Hendrycks, Gimpel 2016.

    approximate: y = 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    """

    type: Literal["gelu"] = "gelu"
    approximate: Flag = Field(default=False, description="Whether tanh stands in for erf.")


class Silu(Activation):
    """y = x · sigmoid(x), also called swish. Any shape. Elfwing et al. 2018."""

    type: Literal["silu"] = "silu"
