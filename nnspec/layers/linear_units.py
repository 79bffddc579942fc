"""Linear units beside relu: each keeps the shape of its input.

At 0 the gradient of the leaky unit is the slope of the negative side.
"""

from typing import Literal

from pydantic import Field

from nnspec.layers.base import Activation
from nnspec.layers.fields import Flag, Number


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


class Gelu(Activation):
    """y = x · Φ(x), Φ the normal distribution function (erf). Any shape. Hendrycks, Gimpel 2016.

    approximate: y = 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))).
    """

    type: Literal["gelu"] = "gelu"
    approximate: Flag = Field(default=False, description="Whether tanh stands in for erf.")


class Silu(Activation):
    """y = x · sigmoid(x), also called swish. Any shape. Elfwing et al. 2018."""

    type: Literal["silu"] = "silu"
