"""Normalisation over the batch."""

from typing import ClassVar, Literal

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import (
    EACH,
    Parameter,
    Placement,
    Trained,
    channel_axis,
    count,
    require_whole,
    weight_and_bias,
)
from nnspec.layers.fields import Flag, Fraction, Positive
from nnspec.layers.initializers import ones, zeros
from nnspec.layers.shapes import DataFormat, Shape, show


class BatchNormalization(Trained):
    """y = weight · (x - μ) / √(σ² + epsilon) + bias, per channel. Ioffe and Szegedy 2015.

    In training μ and σ² are the mean and the biased variance over the batch and every axis but
    the channels, and running values follow: running = momentum · running + (1 - momentum) · new.
    Otherwise, and in training too where it is not trainable, μ and σ² are the running values, which
    then stay as they are (as in Keras; PyTorch has no such setting). Keeps the shape; the channels
    are the last axis, or the first of a channels_first spec.
    """

    type: Literal["batch_normalization"] = "batch_normalization"
    momentum: Fraction = Field(
        default=0.9,
        description="Weight of the old running value; 0.9 as in PyTorch (there written 0.1) and "
        "ONNX (Keras: 0.99).",
    )
    epsilon: Positive = Field(
        default=1e-5,
        description="Added to the variance; 1e-5 as in PyTorch and ONNX (Keras: 1e-3).",
    )
    affine: Flag = Field(
        default=True, description="Whether a weight multiplies and a bias is added, both learned."
    )

    placement: ClassVar[Placement] = "spatial"
    training_only: ClassVar[tuple[str, ...]] = ("momentum",)

    def infer_shape(self, inputs: tuple[Shape, ...], data_format: DataFormat) -> tuple[Shape, ...]:
        shape = inputs[0]
        if not 1 <= len(shape) <= 4:
            raise ShapeError(
                f"batch_normalization takes one to four axes, and got {show(shape)}",
                EACH
                if len(shape) == 5
                else "reshape the input: one axis of channels, and at most three others",
            )
        channels = shape[channel_axis(len(shape), data_format)]
        require_whole("batch_normalization", channels, "channel axis")
        return (shape,)

    def parameters(
        self, inputs: tuple[Shape, ...], data_format: DataFormat
    ) -> tuple[Parameter, ...]:
        shape = inputs[0]
        axis = channel_axis(len(shape), data_format)
        size = require_whole("batch_normalization", shape[axis], "channel axis")
        return (
            *(weight_and_bias(size) if self.affine else ()),
            Parameter("running_mean", (size,), zeros(), trainable=False),
            Parameter("running_var", (size,), ones(), trainable=False, least=0.0),
        )

    def multiply_adds(
        self, inputs: tuple[Shape, ...], outputs: tuple[Shape, ...], data_format: DataFormat
    ) -> int:
        return count(outputs[0])
