"""Initial values of parameters: how wide, by which law.

Fans are those of the operation: fan_in = inputs that one output sums over, fan_out = outputs that
one input reaches (Glorot and Bengio 2010, He et al. 2015).
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from nnspec.layers.fields import ByType, Frozen, Number, Positive


class InitializerBase(Frozen):
    """Base of the initialisers."""

    type: str


class Zeros(InitializerBase):
    """Every element 0."""

    type: Literal["zeros"] = "zeros"


class Ones(InitializerBase):
    """Every element 1."""

    type: Literal["ones"] = "ones"


class Constant(InitializerBase):
    """Every element the same value."""

    type: Literal["constant"] = "constant"
    value: Number = Field(description="The value of every element.")


class Normal(InitializerBase):
    """Normal of mean 0 and this deviation."""

    type: Literal["normal"] = "normal"
    stddev: Positive = Field(
        default=0.02, description="The deviation; 0.02 as in GPT-2 and BERT by default."
    )


class _Scaled(InitializerBase):
    scale: ClassVar[float]
    fan: ClassVar[Literal["in", "average"]]
    law: ClassVar[Literal["uniform", "normal"]]


class GlorotUniform(_Scaled):
    """Uniform on ±sqrt(6 / (fan_in + fan_out)); Glorot and Bengio 2010, equation 16."""

    type: Literal["glorot_uniform"] = "glorot_uniform"
    scale, fan, law = 1.0, "average", "uniform"


class GlorotNormal(_Scaled):
    """Normal of variance 2 / (fan_in + fan_out), cut at two deviations and rescaled."""

    type: Literal["glorot_normal"] = "glorot_normal"
    scale, fan, law = 1.0, "average", "normal"


class HeUniform(_Scaled):
    """Uniform on ±sqrt(6 / fan_in); He et al. 2015, for ReLU networks."""

    type: Literal["he_uniform"] = "he_uniform"
    scale, fan, law = 2.0, "in", "uniform"


class HeNormal(_Scaled):
    """Normal of variance 2 / fan_in, cut at two deviations and rescaled; He et al. 2015."""

    type: Literal["he_normal"] = "he_normal"
    scale, fan, law = 2.0, "in", "normal"


class Orthogonal(InitializerBase):
    """`gain` times a matrix of orthonormal columns (or rows, if these are fewer); Saxe et al. 2014.

    The weight's axes after the first count as one.
    """

    type: Literal["orthogonal"] = "orthogonal"
    gain: Number = Field(default=1.0, description="A factor of every element.")


INITIALIZERS: dict[str, type[InitializerBase]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "normal": Normal,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "orthogonal": Orthogonal,
}

Initializer = Annotated[InitializerBase, ByType("initializer", lambda: INITIALIZERS)]


class UnitForgetBias(InitializerBase):
    """An LSTM's bias: the second quarter, of the forget gate, is 1. A layer chooses it itself."""

    type: Literal["unit_forget_bias"] = "unit_forget_bias"
    others: Initializer = Field(description="First values of the other gates' biases.")
