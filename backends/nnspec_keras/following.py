"""Follows what a Keras network computes: its layers, and the operations of its own code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.framework import op_callbacks

from nnspec.backend.foreign import KEPT, Step
from nnspec.backend.lines import line_in
from nnspec.backend.python_files import named_in
from nnspec_keras.units import Call, Ref, is_leaf, mapped

if TYPE_CHECKING:
    from nnspec.backend import Array


_READS = ("ReadVariableOp", "ResourceGather")


class Lines(NamedTuple):
    """The folder of a network's own code, or None, and the lines that made its layers, by id."""

    folder: Path | None
    made: Mapping[int, str]


class Followed(Protocol):
    """A network that is followed."""

    model: keras.Model
    lines: Lines

    def _variables(self) -> dict[str, Any]: ...


class Follower:
    """Notes every layer and operation that is called, with what it takes and gives.

    has_leaves: Keras's own layers are noted as a whole, and not what they call.
    """

    def __init__(
        self, foreign: Followed, inputs: Mapping[str, tf.Tensor], *, has_leaves: bool
    ) -> None:
        self.steps: list[Step] = []
        self.calls: list[Call | None] = []
        """Of each step; none of an operation within the network's own code."""
        self.values: dict[int, Array] = {}
        self.is_whole = True
        variables = foreign._variables()
        self._names = {id(each): name for name, each in variables.items()}
        self._numbers: dict[int, int] = {}
        self._held: list[Any] = []  # so that no id is another's
        self._bytes = 0
        self._top = foreign.model
        self._lines = foreign.lines
        self._has_leaves = has_leaves
        self._is_within = False
        self._within: list[Any] = []
        self._handles = {
            id(handle): name
            for name, each in variables.items()
            if (handle := getattr(each.value, "handle", None)) is not None
        }
        self._derived: dict[int, tuple[str, ...]] = {}
        """Of tensors held alone, and what comes of them: their names."""
        self.given = {name: self._number(each) for name, each in inputs.items()}

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow what is called in this context."""
        classes = (keras.Operation, keras.Layer)
        before = [each.__call__ for each in classes]

        def noted(original: Callable[..., Any]) -> Callable[..., Any]:
            def call(operation: Any, *arguments: Any, **named: Any) -> Any:
                if self._is_within:
                    return original(operation, *arguments, **named)
                kept = Call(
                    operation, original, mapped(arguments, self._ref), mapped(named, self._ref)
                )
                self._is_within = self._is_leaf(operation)
                is_top = operation is self._top
                self._within += [] if is_top else [operation]
                try:
                    result = original(operation, *arguments, **named)
                finally:
                    self._is_within = False
                    del self._within[len(self._within) - (not is_top) :]
                self._note(operation, (arguments, named), result, kept)
                return result

            return call

        for each, original in zip(classes, before, strict=True):
            each.__call__ = noted(original)
        self._wrapper = keras.Operation.__call__.__code__
        is_told = self._lines.folder is not None and not self._has_leaves
        if is_told:
            op_callbacks.add_op_callback(self._told)
        try:
            yield
        finally:
            if is_told:
                op_callbacks.remove_op_callback(self._told)
            for each, original in zip(classes, before, strict=True):
                each.__call__ = original

    def _told(
        self, kind: str | bytes, inputs: Any, attributes: Any, outputs: Any, op_name: Any = None,
        graph: Any = None,
    ) -> None:  # fmt: skip
        """Note an operation of TensorFlow where the network's own code asks for it."""
        if graph is not None or self._is_within:
            return
        line = line_in(self._lines.folder, sys._getframe(1), until=self._wrapper)
        if not line:
            return
        kind = kind.decode() if isinstance(kind, bytes) else kind
        names = {name: None for each in inputs for name in self._derived.get(id(each), ())}
        if kind in _READS and id(inputs[0]) in self._handles:
            names[self._handles[id(inputs[0])]] = None
        taken = [id(each) for each in inputs]
        is_computed = any(key in self._numbers and key not in self._derived for key in taken)
        if not is_computed:
            for each in outputs if names else ():  # of tensors held alone: these are such too
                self._held.append(each)
                self._derived[id(each)] = tuple(names)
            return
        given = tuple(dict.fromkeys(self._numbers[key] for key in taken if key in self._numbers))
        made = tuple(self._numbered(each) for each in outputs)
        within = f", in {self._called(self._within[-1])}" if self._within else ""
        self._add(kind, f"{line}{within}", given, made, tuple(names), None)

    def _add(
        self, kind: str, place: str, inputs: tuple[int, ...], outputs: tuple[int, ...],
        names: tuple[str, ...], call: Call | None,
    ) -> None:  # fmt: skip
        self.calls.append(call)
        self.steps.append(Step(len(self.steps), kind, place, inputs, outputs, names))

    def _called(self, operation: Any) -> str:
        """Return a layer or an operation by its name, and the line that made it."""
        word = "layer" if isinstance(operation, keras.Layer) else "operation"
        told = f'{word} "{getattr(operation, "name", type(operation).__name__)}"'
        line = self._lines.made.get(id(operation))
        return f"{told}, made at {line}" if line else told

    def call(self, step: int) -> Call:
        """Return the call of a layer's step."""
        found = self.calls[step]
        assert found is not None
        return found

    def _is_leaf(self, operation: Any) -> bool:
        if self._has_leaves:
            return is_leaf(operation)
        return isinstance(operation, keras.layers.RNN)  # the steps of its cell are not told

    def _ref(self, tensor: Any) -> Any:
        return Ref(self._numbers[id(tensor)]) if id(tensor) in self._numbers else tensor

    def _note(self, operation: Any, given: Any, result: Any, call: Call) -> None:
        if operation is self._top:
            return
        taken = [id(each) for _, each in named_in(given, tf.is_tensor)]
        inputs = tuple(dict.fromkeys(self._numbers[key] for key in taken if key in self._numbers))
        own = _own_weights(operation)
        names = tuple(self._names[id(each)] for each in own if id(each) in self._names)
        results = [each for _, each in named_in(result, tf.is_tensor)]
        if self._has_leaves and all(id(each) in self._numbers for each in results):
            return  # what it calls gives them
        outputs = tuple(self._numbered(each) for each in results)
        self._add(type(operation).__name__, self._called(operation), inputs, outputs, names, call)

    def _numbered(self, tensor: Any) -> int:
        number = self._numbers.get(id(tensor))
        return self._number(tensor) if number is None else number

    def _number(self, tensor: Any) -> int:
        number = len(self._held)
        self._held.append(tensor)
        self._numbers[id(tensor)] = number
        array = np.array(tensor)
        self._bytes += array.nbytes
        if self._bytes > KEPT:
            self.is_whole = False
        elif array.dtype.kind in "fiub":
            self.values[number] = array
        return number


def _own_weights(operation: Any) -> list[Any]:
    """Return the variables of a layer, and of what only it calls, as an LSTM its cell."""
    if isinstance(operation, keras.Model):
        return []
    return list(getattr(operation, "weights", ()))
