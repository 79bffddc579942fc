"""An ONNX model without the onnx package: what a spec is lowered to, before any weight is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nnspec.layers.shapes import Dim

if TYPE_CHECKING:
    from nnspec.backend import Array


class ElementType(str):
    """An attribute that names a dtype; float32 stands for the model's precision."""

    __slots__ = ()


Attribute = int | float | str | tuple[int, ...] | tuple[str, ...]


ML = "ai.onnx.ml"
"""The domain of the standard's operators for preparing data."""
ML_OPSET = 2
"""The version of that domain; the first whose LabelEncoder takes texts."""


class Value(NamedTuple):
    """An input or output of the model; `shape` has the batch axis."""

    name: str
    dtype: str
    shape: tuple[Dim, ...]


class Node(NamedTuple):
    """One operator. An empty input name is an input left out.

    domain: "" is ONNX's default one.
    """

    name: str
    op_type: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    domain: str = ""


class Initializer(NamedTuple):
    """A tensor of the model: a constant, or made of canonical parameters once these are known.

    transform: takes the arrays of `parameters`, gives the tensor; without one it is the parameter.
    pieces: takes them too, gives arrays whose numbers, one after the other, are the tensor's.
    is_single: whether floats stay float32 in a double model, as the scales of Resize must.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    parameters: tuple[str, ...] = ()
    transform: Callable[..., Array] | None = None
    pieces: Callable[..., Sequence[Array]] | None = None
    value: Array | None = None
    is_single: bool = False

    def array(self, weights: Mapping[str, Array]) -> Array:
        """Return the tensor; a parameter that needs no transform is not copied."""
        arrays = self.arrays(weights)
        if self.pieces is None:
            return arrays[0]
        return np.concatenate([array.reshape(-1) for array in arrays]).reshape(self.shape)

    def arrays(self, weights: Mapping[str, Array]) -> Sequence[Array]:
        """Return the arrays whose numbers are the tensor's, without a copy of what lies so."""
        if self.value is not None:
            return (self.value,)
        given = [np.asarray(weights[name]) for name in self.parameters]
        if self.pieces is not None:
            return self.pieces(*given)
        return (self.transform(*given) if self.transform is not None else given[0],)


@dataclass(frozen=True, slots=True)
class Network:
    """The whole model. Float tensors are float32 here; a double model differs in nothing else."""

    name: str
    opset: int
    ir_version: int
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    initializers: tuple[Initializer, ...]
    metadata: Mapping[str, str]

    @property
    def opsets(self) -> dict[str, int]:
        """The version of each domain that the operators are of."""
        has_ml = any(node.domain == ML for node in self.nodes)
        return {"": self.opset, **({ML: ML_OPSET} if has_ml else {})}
