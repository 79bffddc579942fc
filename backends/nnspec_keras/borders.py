"""Arrays as the spec declares them, and tensors as the emitted model takes and gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from nnspec.backend import Precision
from nnspec.layers.shapes import TensorType
from nnspec.network.domains import domain_of

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec_keras.source import KerasSource


class Borders:
    """The inputs of a model, and its outputs."""

    def __init__(self, compiled: KerasSource, dtype: Precision) -> None:
        self.compiled = compiled
        self.graph = compiled.spec.graph
        self.domain = domain_of(self.graph)
        self.dtype = dtype

    def named(self, given: Any) -> dict[str, Array]:
        """Return what the model gives, by the outputs' names."""
        outputs = given if isinstance(given, list | tuple) else (given,)
        return {
            name: np.asarray(self.declared_axes(tensor, name))
            for name, tensor in zip(self.graph.outputs, outputs, strict=True)
        }

    def tensors(self, inputs: Mapping[str, Array]) -> Any:
        """Return what the model is called with; raises DataError outside its domain."""
        tensors = [tf.convert_to_tensor(array) for array in self.taken(inputs)]
        return tensors if len(tensors) > 1 else tensors[0]

    def taken(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Return the arrays that the model takes; raises DataError outside their domain."""
        arrays = self.domain.admit(inputs)
        return [self._taken(arrays[name], type_) for name, type_ in self.graph.inputs.items()]

    def _taken(self, array: Array, type_: TensorType) -> Array:
        array = np.asarray(array)
        if self._is_native(type_):
            is_first = self.graph.data_format == "channels_first"
            array = np.moveaxis(array, 1, -1) if is_first else array
        dtype = self.dtype if type_.dtype == "float32" else type_.dtype
        return array.astype(dtype, copy=False)

    def declared_axes(self, tensor: Any, output: str) -> Any:
        """Return an output with its axes as the spec declares them."""
        type_ = self.graph.types[output]
        if not self._is_native(type_):
            return tensor
        return tf.transpose(tensor, (0, type_.rank, *range(1, type_.rank)))

    def _is_native(self, type_: TensorType) -> bool:
        is_foreign = self.graph.data_format == "channels_first"
        return self.compiled.options.layout == "native" and is_foreign and type_.rank >= 2
