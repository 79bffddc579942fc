"""Follows what a Keras network computes: every layer and operation that is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from nnspec.backend.foreign import KEPT, Step
from nnspec.backend.python_files import named_in
from nnspec_keras.units import Call, Ref, is_leaf, mapped

if TYPE_CHECKING:
    from nnspec.backend import Array


class Followed(Protocol):
    """A network that is followed."""

    model: keras.Model

    def _variables(self) -> dict[str, Any]: ...


class Follower:
    """Notes every layer and operation that is called, with what it takes and gives.

    has_leaves: Keras's own layers are noted as a whole, and not what they call.
    """

    def __init__(
        self, foreign: Followed, inputs: Mapping[str, tf.Tensor], *, has_leaves: bool
    ) -> None:
        self.steps: list[Step] = []
        self.calls: list[Call] = []
        self.values: dict[int, Array] = {}
        self.is_whole = True
        self._names = {id(each): name for name, each in foreign._variables().items()}
        self._numbers: dict[int, int] = {}
        self._held: list[Any] = []  # so that no id is another's
        self._bytes = 0
        self._top = foreign.model
        self._has_leaves = has_leaves
        self._is_within = False
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
                try:
                    result = original(operation, *arguments, **named)
                finally:
                    self._is_within = False
                self._note(operation, (arguments, named), result, kept)
                return result

            return call

        for each, original in zip(classes, before, strict=True):
            each.__call__ = noted(original)
        try:
            yield
        finally:
            for each, original in zip(classes, before, strict=True):
                each.__call__ = original

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
        outputs = tuple(
            self._numbers[id(each)] if id(each) in self._numbers else self._number(each)
            for each in results
        )
        kind = type(operation).__name__
        place = f'layer "{getattr(operation, "name", kind)}"'
        self.steps.append(Step(len(self.steps), kind, place, inputs, outputs, names))
        self.calls.append(call)

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
