"""Initializers that few layers take: of a range, cut, or of a variance that the fans divide."""

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from nnspec.layers.fields import Number, Positive
from nnspec.layers.initializers import InitializerBase, Scaled


class Uniform(InitializerBase):
    """Uniform from `low` to `high`."""

    type: Literal["uniform"] = "uniform"
    low: Number = Field(default=-0.05, description="The least value; -0.05 as in Keras.")
    high: Number = Field(default=0.05, description="The largest value; 0.05 as in Keras.")

    @model_validator(mode="after")
    def _is_a_range(self) -> "Uniform":
        if not self.low < self.high:
            raise PydanticCustomError(
                "out_of_range", f"`high` of {self.high:g} is not above `low` of {self.low:g}"
            )
        return self


class TruncatedNormal(InitializerBase):
    """Normal of mean 0 and this deviation, cut at two deviations, which leaves 0.88 of it."""

    type: Literal["truncated_normal"] = "truncated_normal"
    stddev: Positive = Field(
        default=0.02, description="The deviation before the cut; 0.02 as in BERT and ViT."
    )


class LecunUniform(Scaled):
    """Uniform on ±sqrt(3 / fan_in); LeCun et al. 1998, for tanh and SELU networks."""

    type: Literal["lecun_uniform"] = "lecun_uniform"
    scale, fan, law = 1.0, "in", "uniform"


class LecunNormal(Scaled):
    """Normal of variance 1 / fan_in, cut at two deviations and rescaled; LeCun et al. 1998."""

    type: Literal["lecun_normal"] = "lecun_normal"
    scale, fan, law = 1.0, "in", "normal"


class VarianceScaling(InitializerBase):
    """Values of variance scale / fan, the fan chosen by `mode`; He et al. 2015.

    PyTorch's kaiming with a gain g is scale = g²: 2 / (1 + a²) for a leaky ReLU of slope a, so 1/3
    for the a = sqrt(5) of its own layers.
    """

    type: Literal["variance_scaling"] = "variance_scaling"
    scale: Positive = Field(default=1.0, description="The variance, times the fan.")
    mode: Literal["fan_in", "fan_out", "fan_avg"] = Field(
        default="fan_in", description="Inputs of one output, outputs of one input, or the mean."
    )
    distribution: Literal["truncated_normal", "untruncated_normal", "uniform"] = Field(
        default="truncated_normal", description="The law; the cut one is rescaled."
    )


class Identity(InitializerBase):
    """`gain` where the row is the column, else 0: an output begins as its input. Le et al. 2015.

    Of dense layers and of simple_rnn's recurrent weights.
    """

    type: Literal["identity"] = "identity"
    gain: Number = Field(default=1.0, description="The values on the diagonal.")
