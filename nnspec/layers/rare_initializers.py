"""Laws of first values that most layers do not take by default."""

from typing import Literal

from pydantic import Field

from nnspec.layers.fields import Number
from nnspec.layers.initializers import Initializer, InitializerBase, Scaled


class GlorotNormal(Scaled):
    """Normal of variance 2 / (fan_in + fan_out), cut at two deviations and rescaled."""

    type: Literal["glorot_normal"] = "glorot_normal"
    scale, fan, law = 1.0, "average", "normal"


class HeUniform(Scaled):
    """Uniform on ±sqrt(6 / fan_in); He et al. 2015, for ReLU networks."""

    type: Literal["he_uniform"] = "he_uniform"
    scale, fan, law = 2.0, "in", "uniform"


class HeNormal(Scaled):
    """Normal of variance 2 / fan_in, cut at two deviations and rescaled; He et al. 2015."""

    type: Literal["he_normal"] = "he_normal"
    scale, fan, law = 2.0, "in", "normal"


class Orthogonal(InitializerBase):
    """`gain` times a matrix of orthonormal columns (or rows, if these are fewer); Saxe et al. 2014.

    The weight's axes after the first count as one.
    """

    type: Literal["orthogonal"] = "orthogonal"
    gain: Number = Field(default=1.0, description="A factor of every element.")


class UnitForgetBias(InitializerBase):
    """An LSTM's bias: the second quarter, of the forget gate, is 1. A layer chooses it itself."""

    type: Literal["unit_forget_bias"] = "unit_forget_bias"
    others: Initializer = Field(description="First values of the other gates' biases.")


class LengthOfWeight(InitializerBase):
    """The length of a direction, for each output. A layer chooses it itself."""

    type: Literal["length_of_weight"] = "length_of_weight"
