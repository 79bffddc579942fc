"""Activations: each keeps the shape of its input.

At a kink the gradient is that of the side where nothing is clipped away at hard_tanh, and elsewhere
that of the flat or the negative side: 0 for ReLU, the slope for leaky ReLU.
"""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import ANY_DTYPE, Activation, Placement
from nnspec.layers.fields import Flag, NotNegative, Number, Positive, Whole
from nnspec.layers.shapes import DataFormat, Shape, show

__all__ = [
    "Celu",
    "Elu",
    "Exponential",
    "Gelu",
    "HardShrink",
    "HardSigmoid",
    "HardSilu",
    "HardTanh",
    "LeakyRelu",
    "Linear",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "Relu",
    "Relu6",
    "Selu",
    "Sigmoid",
    "Silu",
    "SoftShrink",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softsign",
    "Squareplus",
    "Tanh",
    "TanhShrink",
    "Threshold",
]


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


class _OverAxis(Activation):
    axis: Whole = Field(
        default=-1,
        description="The axis that is summed over, the batch not counted from 0; -1, the last.",
    )

    placement: ClassVar[Placement] = "positional"

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        rank = len(inputs[0])
        if not -rank <= self.axis < rank:
            raise ShapeError(
                f"{self.type} over axis {self.axis}, and its input {show(inputs[0])} has axes "
                f"0 to {rank - 1} (the batch not counted)",
                "use -1 for the last axis",
            )
        return (inputs[0],)


class Softmax(_OverAxis):
    """y = exp(x) / Σ exp(x), summed over `axis`. Any shape of at least one axis."""

    type: Literal["softmax"] = "softmax"


class LogSoftmax(_OverAxis):
    """y = x - log Σ exp(x), summed over `axis`. Any shape of at least one axis."""

    type: Literal["log_softmax"] = "log_softmax"


class Softmin(_OverAxis):
    """y = exp(-x) / Σ exp(-x), summed over `axis`. Any shape of at least one axis."""

    type: Literal["softmin"] = "softmin"


class Gelu(Activation):
    """y = x · Φ(x), Φ the normal distribution function (erf). Any shape. Hendrycks, Gimpel 2016.

    approximate: y = 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    """

    type: Literal["gelu"] = "gelu"
    approximate: Flag = Field(default=False, description="Whether tanh stands in for erf.")


class Silu(Activation):
    """y = x · sigmoid(x), also called swish. Any shape. Elfwing et al. 2018."""

    type: Literal["silu"] = "silu"


class Relu6(Activation):
    """y = min(max(x, 0), 6); gradient 0 at 0 and 6. Any shape. Krizhevsky 2010."""

    type: Literal["relu6"] = "relu6"


class Selu(Activation):
    """y = s · x for x > 0, s · a · (exp(x) - 1) otherwise; gradient s · a at 0. Any shape.

    s = 1.0507009873554805, a = 1.6732632423543772. Klambauer et al. 2017.
    """

    type: Literal["selu"] = "selu"


class Celu(Activation):
    """y = x for x > 0, alpha · (exp(x / alpha) - 1) otherwise. Any shape. Barron 2017."""

    type: Literal["celu"] = "celu"
    alpha: Positive = Field(default=1.0, description="Minus the limit at minus infinity.")


class Mish(Activation):
    """y = x · tanh(log(1 + exp(x))). Any shape. Misra 2019."""

    type: Literal["mish"] = "mish"


class Softplus(Activation):
    """y = log(1 + exp(x)). Any shape. Glorot et al. 2011."""

    type: Literal["softplus"] = "softplus"


class Softsign(Activation):
    """y = x / (1 + |x|). Any shape. Glorot and Bengio 2010."""

    type: Literal["softsign"] = "softsign"


class Squareplus(Activation):
    """y = (x + √(x² + b)) / 2. Any shape. Barron 2021."""

    type: Literal["squareplus"] = "squareplus"
    b: Positive = Field(default=4.0, description="How round the bend is; 4 as in Keras.")


class Exponential(Activation):
    """y = exp(x). Any shape."""

    type: Literal["exponential"] = "exponential"


class LogSigmoid(Activation):
    """y = -log(1 + exp(-x)). Any shape."""

    type: Literal["log_sigmoid"] = "log_sigmoid"


class HardSigmoid(Activation):
    """y = min(max(x + 3, 0), 6) / 6; gradient 0 at -3 and 3. Any shape.

    PyTorch's and Keras 3's slope of 1/6 (ONNX's default and Keras 2: 0.2). Howard et al. 2019.
    """

    type: Literal["hard_sigmoid"] = "hard_sigmoid"


class HardSilu(Activation):
    """y = x · min(max(x + 3, 0), 6) / 6, also called hard swish. Any shape.

    The gradient is 0 at -3 and 1 at 3, as if the second factor were flat there. Howard et al. 2019.
    """

    type: Literal["hard_silu"] = "hard_silu"


class HardTanh(Activation):
    """y = min(max(x, -1), 1); gradient 1 at -1 and 1. Any shape. Collobert 2004."""

    type: Literal["hard_tanh"] = "hard_tanh"


class Threshold(Activation):
    """y = x for x > threshold, default_value otherwise; gradient 0 at the threshold. Any shape."""

    type: Literal["threshold"] = "threshold"
    threshold: Number = Field(description="What x must exceed to be kept.")
    default_value: Number = Field(description="The value of all other elements.")


class SoftShrink(Activation):
    """y = x - threshold for x > threshold, x + threshold for x < -threshold, else 0. Any shape.

    The gradient is 0 at both ends. Donoho 1995.
    """

    type: Literal["soft_shrink"] = "soft_shrink"
    threshold: NotNegative = Field(default=0.5, description="Half the width of the flat part.")


class HardShrink(Activation):
    """y = x for |x| > threshold, else 0; gradient 0 at both ends. Any shape. Donoho 1994."""

    type: Literal["hard_shrink"] = "hard_shrink"
    threshold: NotNegative = Field(default=0.5, description="Half the width of the flat part.")


class TanhShrink(Activation):
    """y = x - tanh(x). Any shape."""

    type: Literal["tanh_shrink"] = "tanh_shrink"
