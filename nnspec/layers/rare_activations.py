"""Activations that fewer networks use; what `activations.py` says of kinks holds for them too."""

from typing import Literal

from pydantic import Field

from nnspec.layers.activations import OverAxis
from nnspec.layers.base import Activation
from nnspec.layers.fields import NotNegative, Number, Positive


class LogSoftmax(OverAxis):
    """y = x - log Σ exp(x), summed over `axis`. Any shape of at least one axis."""

    type: Literal["log_softmax"] = "log_softmax"


class Softmin(OverAxis):
    """y = exp(-x) / Σ exp(-x), summed over `axis`. Any shape of at least one axis."""

    type: Literal["softmin"] = "softmin"


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
