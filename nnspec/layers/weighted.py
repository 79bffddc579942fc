"""The base of the layers with a weight: a bias, an activation, lengths and directions."""

import math
from typing import ClassVar

from pydantic import Field

from nnspec.errors import ShapeError
from nnspec.layers.base import ActivationField, Parameter, Trained
from nnspec.layers.fields import Flag, once
from nnspec.layers.initializers import GlorotUniform, Initializer, Zeros, zeros

LENGTH, DIRECTION = "_g", "_v"
"""Ends of the names of a weight's length and direction, as in torch.nn.utils.weight_norm."""
PARAMETRIZED = {
    "weight_g": "parametrizations.weight.original0",
    "weight_v": "parametrizations.weight.original1",
}
"""Names of both -> those of PyTorch's state dict, since torch.nn.utils.parametrizations."""


def split(name: str) -> tuple[str, str]:
    """Return the name of the weight that a parameter is a part of, and which: its end, or ""."""
    for end in (LENGTH, DIRECTION):
        if name.endswith(f"weight{end}"):
            return name.removesuffix(end), end
    return name, ""


class Normalizable(Trained):
    """Base of the layers whose weight may be parted into lengths and directions."""

    weight_normalization: Flag = Field(
        default=False,
        description="Whether the weight of each output, or each row of a table, is g · v / |v|, of "
        "which the length g and the direction v are trained, as weight_g and weight_v; g begins as "
        "|v|, so that the weight begins as without it. Salimans and Kingma 2016.",
    )

    outputs_axis: ClassVar[int] = 0
    """The axis of its weights with one element for each output."""

    def parts(self, *weights: Parameter) -> tuple[Parameter, ...]:
        """Return what is trained of these weights; raises ShapeError."""
        if not self.weight_normalization:
            return weights
        return tuple(part for weight in weights for part in self._parts_of(weight))

    def _parts_of(self, weight: Parameter) -> tuple[Parameter, Parameter]:
        from nnspec.layers.rare_initializers import LengthOfWeight  # which few specs need

        initializer = weight.initializer
        is_zero = isinstance(initializer, Zeros) or 0 in (
            getattr(initializer, "value", 1),
            getattr(initializer, "gain", 1),
        )
        outputs = weight.shape[self.outputs_axis]
        taken = math.prod(weight.shape) // max(outputs, 1)
        # Of an identity there are as many rows as columns, and the rest is 0.
        has_zeros = getattr(initializer, "type", "") == "identity" and outputs > taken
        if is_zero or has_zeros:
            what = "all its elements begin" if is_zero else "those of some outputs all begin"
            raise ShapeError(
                f"{self.type} with weight_normalization divides by the length of its "
                f"{weight.name}, and {what} at 0",
                "use another initializer for it, such as glorot_uniform",
            )
        axes = enumerate(weight.shape)
        sizes = tuple(size if axis == self.outputs_axis else 1 for axis, size in axes)
        name, first = f"{weight.name}{LENGTH}", LengthOfWeight()
        length = weight._replace(name=name, shape=sizes, initializer=first)
        return length, weight._replace(name=f"{weight.name}{DIRECTION}")


class Biased(Normalizable):
    """Base of the layers that end in a bias and an activation."""

    use_bias: Flag = Field(default=True, description="Whether a bias is added.")
    activation: ActivationField | None = Field(
        default=None, description="An activation applied to the output; none by default."
    )
    bias_initializer: Initializer = Field(
        default_factory=zeros, description="First values of the bias; zeros by default."
    )

    def with_bias(self, weight: Parameter, size: int, name: str = "bias") -> tuple[Parameter, ...]:
        """Return the weight and, if there is one, the bias."""
        if not self.use_bias:
            return self.parts(weight)
        fans = weight.fan_in, weight.fan_out
        bias = Parameter(name, (size,), self.bias_initializer, *fans)
        return *self.parts(weight), bias


class Weighted(Biased):
    """Base of the layers y = activation(weight · x + bias)."""

    kernel_initializer: Initializer = Field(
        default_factory=once(GlorotUniform),
        description="First values of the weight; glorot_uniform by default.",
    )

    def weight_and_bias(
        self, shape: tuple[int, ...], fan_in: int, fan_out: int
    ) -> tuple[Parameter, ...]:
        """Return the weight of this shape and the bias of its first axis."""
        weight = Parameter("weight", shape, self.kernel_initializer, fan_in, fan_out)
        return self.with_bias(weight, shape[0])
