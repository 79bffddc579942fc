"""The context of a lowering, and the builder of its operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnspec.layers.base import Parameter
from nnspec.layers.shapes import DataFormat, Dim, Shape, TensorType
from nnspec.layers.weighted import DIRECTION, LENGTH, split
from nnspec.network.layouts import DECLARED, NATIVE, laid_out_axis
from nnspec.weights.normalized import weight_of
from nnspec_onnx.ir import Attribute, Initializer, Node

if TYPE_CHECKING:
    from nnspec.backend import Array

Values = tuple[str, ...]
"""Names of values, in the order of a layer's outputs."""


@dataclass(slots=True)
class Builder:
    """Collects the nodes and initializers of a model.

    axes: where among the model's inputs a dynamic axis is found; "" is the batch. batch: the number
    of rows, where it is fixed. stored: the shapes of the initializers that are made of parameters.
    """

    axes: dict[Dim, tuple[str, int]] = field(default_factory=dict)
    batch: int | None = None
    nodes: list[Node] = field(default_factory=list)
    initializers: list[Initializer] = field(default_factory=list)
    stored: dict[str, tuple[int, ...]] = field(default_factory=dict)


def with_weights(parameters: Iterable[Parameter]) -> dict[str, Parameter]:
    """Return parameters by name; a length and a direction are the weight that they make."""
    found = {}
    for parameter in parameters:
        name, part = split(parameter.name)
        if part != LENGTH:
            found[name] = parameter
    return found


def _normalized(
    transform: Callable[[Array], Array] | None, length: Array, direction: Array
) -> Array:
    weight = weight_of(length, direction)
    return weight if transform is None else transform(weight)


class Context(NamedTuple):
    """One layer's place in the model.

    `inputs` and `outputs` name the values that the layer takes and gives, of the types
    `input_types` and `output_types`: in the layout `data_format`, which is channels_first for a
    spatial layer whatever the spec declares. Shapes have no batch axis; in the model it comes
    first. A weight of `parameters` that is made of a length and a direction has the name of the
    latter.
    """

    path: str
    opset: int
    inputs: Values
    outputs: Values
    input_types: tuple[TensorType, ...]
    output_types: tuple[TensorType, ...]
    data_format: DataFormat
    spec_format: DataFormat
    parameters: dict[str, Parameter]
    builder: Builder
    home: str
    """The path of the layer whose parameters these are: another's if it is shared."""
    tied: str | None = None
    """The path of the layer whose weight it uses in an operation of its own."""
    has_own_rows: bool = False
    """Whether what it takes has other rows than the model's inputs."""

    @property
    def shape(self) -> Shape:
        """Shape of the first input, without the batch axis."""
        return self.input_types[0].shape

    @property
    def shape_as_declared(self) -> Shape:
        """Shape of the first input as the spec declares it, without the batch axis."""
        if self.data_format == self.spec_format or len(self.shape) < 2:
            return self.shape
        return (*self.shape[1:], self.shape[0])

    def node(
        self,
        op_type: str,
        *inputs: str,
        part: str | None = None,
        output: int = 0,
        **attributes: Attribute,
    ) -> str:
        """Add an operator with one output, and return it.

        It is the layer's output of this number, or with `part` a value `path.part` on the way.
        """
        if part is not None:
            name = given = f"{self.path}.{part}"
        else:
            name = f"{self.path}.{output}" if output else self.path
            given = self.outputs[output]
        self.builder.nodes.append(Node(name, op_type, inputs, (given,), attributes))
        return given

    def operator(
        self,
        op_type: str,
        inputs: Sequence[str],
        outputs: Sequence[str],
        **attributes: Attribute,
    ) -> None:
        """Add an operator whose outputs, some of them perhaps left out (""), are no outputs yet."""
        name = f"{self.path}.{op_type.lower()}"
        self.builder.nodes.append(Node(name, op_type, tuple(inputs), tuple(outputs), attributes))

    def nodes(self, op_type: str, *inputs: str, **attributes: Attribute) -> Values:
        """Add an operator that gives all the layer's outputs, and return them."""
        self.builder.nodes.append(Node(self.path, op_type, inputs, self.outputs, attributes))
        return self.outputs

    def halves(self, value: str, *, axis: int, prefix: str = "") -> tuple[str, str]:
        """Add a Split into two equal parts, and return them."""
        first, last = f"{self.path}.{prefix}first", f"{self.path}.{prefix}last"
        attributes: dict[str, Attribute] = {"axis": axis, "num_outputs": 2}
        name = f"{self.path}.{prefix}halves"
        self.builder.nodes.append(Node(name, "Split", (value,), (first, last), attributes))
        return first, last

    def parameter(
        self,
        name: str,
        *,
        part: str | None = None,
        shape: tuple[int, ...] | None = None,
        transform: Callable[[Array], Array] | None = None,
    ) -> str:
        """Return the layer's parameter as a tensor `path.name`.

        A transform must name its result (`path.part`) and give its shape: the name `path.name`
        always stands for the canonical tensor, or for the weight that two of them make.
        """
        parameter = self.parameters[name]
        full = f"{self.home}.{part or name}"
        given: tuple[str, ...] = (f"{self.home}.{name}",)
        if parameter.name != name:
            given = tuple(f"{given[0]}{end}" for end in (LENGTH, DIRECTION))
            transform = partial(_normalized, transform)
        tensor = Initializer(
            full, "float32", shape or parameter.shape, parameters=given, transform=transform
        )
        return self._stored(tensor)

    def transposed(self, name: str) -> str:
        """Return the layer's matrix `path.name` turned, as MatMul takes it."""
        rows, columns = self.parameters[name].shape
        part, shape = f"{name}_transposed", (columns, rows)
        return self.parameter(name, part=part, shape=shape, transform=np.transpose)

    def joined(
        self,
        names: tuple[str, ...],
        *,
        part: str,
        shape: tuple[int, ...],
        pieces: Callable[..., Sequence[Array]],
    ) -> str:
        """Return a tensor `path.part` that is put together from several of the parameters."""
        full = f"{self.home}.{part}"
        parameters = tuple(f"{self.home}.{name}" for name in names)
        return self._stored(
            Initializer(full, "float32", shape, parameters=parameters, pieces=pieces)
        )

    def _stored(self, tensor: Initializer) -> str:
        """Store a tensor of parameters, once for all calls of a layer, and return its name."""
        known = self.builder.stored.get(tensor.name, tensor.shape)
        if known != tensor.shape:
            # As many rows of a table as a call at another size takes.
            sizes = "x".join(map(str, tensor.shape))
            tensor = tensor._replace(name=f"{tensor.name}_{sizes}")
        if tensor.name not in self.builder.stored:
            self.builder.stored[tensor.name] = tensor.shape
            self.builder.initializers.append(tensor)
        return tensor.name

    def constant(
        self, part: str, value: Array | Sequence[int] | float, *, is_single: bool = False
    ) -> str:
        """Return a constant `path.part`; numbers are int64, or float32 if one is a float.

        is_single: whether they stay float32 in a double model.
        """
        array = np.asarray(value)
        dtype = "float32" if array.dtype.kind == "f" else str(array.dtype)
        name = f"{self.path}.{part}"
        self.builder.initializers.append(
            Initializer(name, dtype, array.shape, value=array, is_single=is_single)
        )
        return name

    def number(self, part: str, value: float) -> str:
        """Return a number `path.part` of the dtype of the first input."""
        dtype = self.input_types[0].dtype
        return self.constant(part, np.asarray(value, "float64" if dtype == "float32" else dtype))

    def size(self, dim: Dim, value: str, axis: int, *, part: str) -> str:
        """Return the size of a value's dynamic axis, as a tensor of one number.

        An input of the model is asked where one has that axis: then all layers ask the same, and
        `shared` keeps one answer.
        """
        value, axis = self.builder.axes.get(dim, (value, axis))
        return self.node("Shape", value, part=part, start=axis, end=axis + 1)

    def batch(self) -> str:
        """Return the number of rows, as a tensor of one number."""
        if self.has_own_rows:
            return self.node("Shape", self.inputs[0], part="batch", start=0, end=1)
        if self.builder.batch is not None:
            name = f"{self.path}.batch"  # which a layer may ask for twice
            if any(each.name == name for each in self.builder.initializers):
                return name
            return self.constant("batch", [self.builder.batch])
        return self.size("", self.inputs[0], 0, part="batch")

    def axis(self, axis: int) -> int:
        """Return the model's axis (the batch is 0) of an axis that the spec counts from 0."""
        rank = len(self.shape)
        layout = DECLARED if self.data_format == self.spec_format else NATIVE
        return laid_out_axis(axis % rank, rank, self.spec_format, layout) + 1
