"""The lowering of one layer to source."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from nnspec.emit.code import Call
from nnspec.emit.tree import Expression
from nnspec.layers.base import Activation, Layer, Parameter
from nnspec.layers.shapes import DataFormat, TensorType
from nnspec.network.layouts import DECLARED, Layout, laid_out_axis


@dataclass(frozen=True, slots=True)
class NativeParameter:
    """The place of a canonical parameter in the framework: its name there, and its axes' order.

    The framework's array is the canonical one with its axes permuted by `permutation`.
    occurrence: which one, where the layer holds several of that name. blocks: the order in which
    the framework has the equal blocks of the canonical first axis. row: which row of the
    framework's array it is, if that holds several. shape: what the canonical array, its blocks in
    order, takes before its axes are permuted.
    """

    parameter: str
    name: str
    permutation: tuple[int, ...] | None = None
    occurrence: int = 0
    blocks: tuple[int, ...] | None = None
    row: int | None = None
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Fan:
    """A fan of a parameter, in a call that draws its first values.

    size: None where the uses of a block differ in it. source: what gives it; its Module is the
    object that has the parameter, its Input(0) the parameter itself.
    """

    size: int | None
    source: Expression


class Lowered(NamedTuple):
    """The source of one layer.

    forward: the expression of the forward pass, whose Module is what `module` constructs.
    parameters: where the canonical ones live, if the framework has other names or axes for them.
    before: what is done to the first input before it, on a line of its own. setup: what is called
    once the module is constructed. comment: ends the line, for readers.
    laws: what draws first values that the framework would choose otherwise; the first argument of
    each is the parameter. values: what `forward` has in its fields, each with the name of the
    field, that of a parameter for it, and the value.
    """

    forward: Expression
    module: Call | None = None
    parameters: tuple[NativeParameter, ...] = ()
    before: Lowered | None = None
    setup: tuple[Expression, ...] = ()
    comment: str = ""
    laws: tuple[Call, ...] = ()
    values: tuple[tuple[str, str, object], ...] = ()


class Context(NamedTuple):
    """All that a lowering may look at besides the layer.

    inputs, outputs: types as the spec declares them. layout: of the image-like tensors.
    """

    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    data_format: DataFormat
    layout: Layout = DECLARED
    is_tied: bool = False
    """Whether another layer uses its weights in an operation of its own."""
    is_varied: bool = False
    """Whether it calls another layer with settings of its own."""
    is_given: bool = False
    """Whether the first input is made of the network's inputs by layers without parameters."""
    pads_apart: bool = False
    """Whether padding stands in a step of its own, where it may be part of the layer."""
    is_one: bool = False
    """Whether all inputs are the same value."""

    @property
    def rank(self) -> int:
        """Axes of the first input, the batch not counted."""
        return len(self.inputs[0].shape)

    def axis(self, axis: int) -> int:
        """Return the axis, batch counted, where the tensors at hand have this declared axis."""
        rank = self.rank
        return laid_out_axis(axis % rank, rank, self.data_format, self.layout) + 1

    def parameters(self, layer: Layer) -> tuple[Parameter, ...]:
        """Return the layer's parameters."""
        shapes = tuple(type_.shape for type_ in self.inputs)
        return layer.parameters(shapes, self.data_format)


Lowering = Callable[..., Lowered] | Expression
"""(layer, context) -> Lowered; or the expression alone, where that is the whole lowering."""

Rows = Mapping[type[Layer], Lowering]
"""Layer class -> how a backend expresses it: what each family's file gives."""


def lower(lowering: Lowering, layer: Layer, context: Context) -> Lowered:
    """Return what a row of a backend's table gives for a layer."""
    if isinstance(lowering, Expression):
        return Lowered(lowering)
    return lowering(layer, context)


@dataclass(frozen=True, slots=True)
class Language:
    """The differences between source backends when a network is lowered.

    native_format: where its kernels want the channels.
    transpose: permutes the first input; it gets the permutation, the batch not counted.
    fuse: returns a module that applies the activation itself, or None.
    defaults: by function, keywords that lowerings leave out where they have this value.
    laws: returns the laws of `Lowered` for the parameters of a layer that a module has.
    """

    lowerings: Mapping[type[Layer], Lowering]
    native_format: DataFormat
    transpose: Callable[[tuple[int, ...]], Lowered]
    fuse: Callable[[Call, Activation], Call | None]
    defaults: Mapping[str, Mapping[str, object]]
    laws: Callable[[Layer, Context, Call], tuple[Call, ...]] | None = None
