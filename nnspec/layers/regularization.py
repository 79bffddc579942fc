"""Layers that are random in training, and y = x at inference."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import Layer, Placement, require_rank
from nnspec.layers.fields import Finite, Fraction, NotNegative
from nnspec.layers.shapes import DataFormat, Shape, show


class _Dropping(Layer):
    rate: Fraction = Field(description="Probability of dropping an element, in [0, 1).")

    placement: ClassVar[Placement] = "pointwise"
    random: ClassVar[tuple[str, ...]] = ("rate",)


class Dropout(_Dropping):
    """In training each element is 0 with probability `rate`, else x / (1 - rate); else y = x.

    Any shape. Srivastava et al. 2014 (inverted form).
    """

    type: Literal["dropout"] = "dropout"


class AlphaDropout(_Dropping):
    """In training keeps mean and variance: y = a · (x, or -s·α with probability `rate`) + b.

    α = 1.6732632423543772 and s = 1.0507009873554805 are those of selu, p = `rate`,
    a = 1 / √((1 - p) (1 + p (s·α)²)) and b = a · p · s·α. Else y = x. Any shape.
    Klambauer et al. 2017.
    """

    type: Literal["alpha_dropout"] = "alpha_dropout"


class GaussianDropout(_Dropping):
    """In training y = x · n, n normal of mean 1 and variance rate / (1 - rate); else y = x.

    Any shape. Srivastava et al. 2014.
    """

    type: Literal["gaussian_dropout"] = "gaussian_dropout"


class GaussianNoise(Layer):
    """In training y = x + n, n normal of mean 0 and standard deviation `stddev`; else y = x.

    Any shape.
    """

    type: Literal["gaussian_noise"] = "gaussian_noise"
    stddev: Finite = Field(
        ge=0,
        le=1,
        description="Standard deviation of the noise; at most 1, as Keras takes no more.",
    )

    placement: ClassVar[Placement] = "pointwise"
    random: ClassVar[tuple[str, ...]] = ("stddev",)


class Sampling(Layer):
    """In training y = mean + stddev · e^(log_variance / 2) · n, n normal; else y = mean.

    Inputs [mean, log_variance] of one shape, any. The gradient goes to both: Kingma and Welling
    2014 (variational autoencoders). For a draw at inference give the noise as an input, and write
    the formula.
    """

    type: Literal["sampling"] = "sampling"
    stddev: NotNegative = Field(
        default=1.0, description="Factor of the noise; at 0 nothing is drawn."
    )

    arity: ClassVar[tuple[int, int | None]] = (2, 2)
    placement: ClassVar[Placement] = "pointwise"
    random: ClassVar[tuple[str, ...]] = ("stddev",)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        mean, log_variance = inputs
        if mean != log_variance:
            raise ShapeError(
                f"sampling takes a mean and a log_variance of one shape, and got {show(mean)} and "
                f"{show(log_variance)}",
                "make both with layers of equal sizes",
            )
        return (mean,)


class SpatialDropout(_Dropping):
    """Base of the dropouts of whole channels."""

    placement: ClassVar[Placement] = "spatial"
    axes: ClassVar[int]

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        require_rank(self.type, inputs[0], self.axes, data_format)
        return (inputs[0],)


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels. Two axes, channels first or last. Tompson et al. 2015."""

    type: Literal["spatial_dropout1d"] = "spatial_dropout1d"
    axes: ClassVar[int] = 2


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels. Three axes, channels first or last. Tompson et al. 2015."""

    type: Literal["spatial_dropout2d"] = "spatial_dropout2d"
    axes: ClassVar[int] = 3


class SpatialDropout3D(SpatialDropout):
    """Dropout of whole channels. Four axes, channels first or last. Tompson et al. 2015."""

    type: Literal["spatial_dropout3d"] = "spatial_dropout3d"
    axes: ClassVar[int] = 4
