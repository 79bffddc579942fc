"""Opens somebody's Keras network, of a .keras or a Python file, and follows what it computes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nnspec.backend.foreign import KEPT, Described, Given, Held, Reference, Step, Trace
from nnspec.backend.python_files import named_in, network_of
from nnspec.errors import UsageError
from nnspec.support.causes import cause_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


def open_file(reference: Reference) -> KerasForeign:
    """Read a .keras file, or run a Python file that makes a network; raises UsageError."""
    path = Path(reference.path)
    if path.suffix.lower() != ".py":
        return KerasForeign(_loaded(path), lambda: None)

    def again() -> keras.Model:
        made: keras.Model = network_of(reference, keras.Model, "keras.Model")
        return made

    return KerasForeign(again(), again)


def _loaded(path: Path) -> keras.Model:
    try:
        model: keras.Model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise UsageError(f"{path.name} cannot be loaded: {cause_of(error)}") from error
    return model


class KerasForeign:
    """A network of somebody's file."""

    def __init__(self, model: keras.Model, again: Callable[[], keras.Model | None]) -> None:
        """again: makes the network anew, where that is a file of Python."""
        self.model = model
        self._again = again
        self._dtype = "float32"

    def use(self, dtype: str) -> str:
        """Compute in this dtype if the network can be made in it, and return the one used."""
        if dtype != "float64":
            return "float32"
        weights = self.model.get_weights() if self.model.built else None
        try:
            with _floats("float64"):
                made = self._again()
                if made is None:
                    config = _in_doubles(self.model.get_config())
                    made = type(self.model).from_config(config)
                if weights is not None and made.built:
                    made.set_weights(weights)
        except Exception:  # of a class that does not say how it is made again
            return "float32"
        self.model, self._dtype = made, "float64"
        return "float64"

    def describe(self) -> Described:
        """Return what it takes and holds."""
        inputs: tuple[Given, ...]
        if getattr(self.model, "inputs", None):
            inputs = tuple(
                Given(each.name, tuple(each.shape), str(each.dtype)) for each in self.model.inputs
            )
        else:
            signature = inspect.signature(self.model.call)
            inputs = tuple(
                Given(name, None, "", each.default is inspect.Parameter.empty)
                for name, each in signature.parameters.items()
                if name not in ("training", "mask")
            )
        learned = {id(each) for each in self.model.trainable_variables}
        held = tuple(
            Held(name, tuple(each.shape), str(each.dtype), id(each) in learned)
            for name, each in self._variables().items()
        )
        return Described("keras", type(self.model).__name__, inputs, held)

    def weights(self) -> Weights:
        """Return every tensor held, by name."""
        return {name: np.array(each.numpy()) for name, each in self._variables().items()}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Set tensors by name."""
        held = self._variables()
        for name, array in weights.items():
            held[name].assign(array)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as at inference."""
        return {name: np.array(each) for name, each in self._called(self._taken(inputs))}

    def trace(self, inputs: Mapping[str, Array]) -> Trace:
        """Return the outputs as at inference, and every layer on the way to them."""
        taken = self._taken(inputs)
        follower = _Follower(self, taken)
        with follower.following():
            outputs = self._called(taken)
        return Trace(
            tuple(follower.steps),
            follower.values,
            follower.given,
            {name: np.array(each) for name, each in outputs},
            follower.is_whole,
        )

    def gradients(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[Weights, Weights]:
        """Return the gradient of Σ output · towards by each tensor learned and each float input."""
        taken = self._taken(inputs)
        floats = {name: each for name, each in taken.items() if each.dtype.is_floating}
        learned = {id(each) for each in self.model.trainable_variables}
        asked = {name: each for name, each in self._variables().items() if id(each) in learned}
        with tf.GradientTape() as tape:
            for each in floats.values():
                tape.watch(each)
            found = dict(self._called(taken))
            total = sum(
                tf.reduce_sum(found[name] * tf.cast(array, found[name].dtype))
                for name, array in towards.items()
            )
        sources = [*(each.value for each in asked.values()), *floats.values()]
        given = tape.gradient(total, sources, unconnected_gradients="zero")
        arrays = [np.array(tf.convert_to_tensor(each)) for each in given]
        return (
            dict(zip(asked, arrays[: len(asked)], strict=True)),
            dict(zip(floats, arrays[len(asked) :], strict=True)),
        )

    def _variables(self) -> dict[str, Any]:
        """Return what the network holds by path, but for counters and seeds."""
        found: dict[str, Any] = {}
        for each in self.model.weights:
            name = each.path
            while name in found:
                name += "'"
            found[name] = each
        return found

    def _taken(self, inputs: Mapping[str, Array]) -> dict[str, tf.Tensor]:
        return {
            name: tf.convert_to_tensor(
                array.astype(self._dtype) if array.dtype.kind == "f" else array
            )
            for name, array in inputs.items()
        }

    def _called(self, inputs: Mapping[str, tf.Tensor]) -> list[tuple[str, tf.Tensor]]:
        with _floats(self._dtype):
            return self._given(inputs)

    def _given(self, inputs: Mapping[str, tf.Tensor]) -> list[tuple[str, tf.Tensor]]:
        given: Any = list(inputs.values())
        if getattr(self.model, "inputs", None):
            result = self.model(given[0] if len(given) == 1 else given, training=False)
            names = list(getattr(self.model, "output_names", []))
        else:
            result = self.model(*given)
            names = []
        found = list(named_in(result, tf.is_tensor))
        if len(names) == len(found):
            found = [(name, each) for name, (_, each) in zip(names, found, strict=True)]
        return found


@contextmanager
def _floats(dtype: str) -> Iterator[None]:
    """Let Keras make floats of this dtype in a context."""
    before, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before)
        keras.config.set_dtype_policy(policy)


def _in_doubles(config: Any) -> Any:
    """Return a config whose layers compute in float64."""
    if isinstance(config, Mapping):
        if config.get("class_name") == "DTypePolicy":
            return {**config, "config": {**config["config"], "name": "float64"}}
        return {
            key: "float64" if key == "dtype" and value == "float32" else _in_doubles(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_in_doubles(each) for each in config)
    return config


class _Follower:
    """Notes every layer and operation that is called, with what it takes and gives."""

    def __init__(self, foreign: KerasForeign, inputs: Mapping[str, tf.Tensor]) -> None:
        self.steps: list[Step] = []
        self.values: dict[int, Array] = {}
        self.is_whole = True
        self._names = {id(each): name for name, each in foreign._variables().items()}
        self._numbers: dict[int, int] = {}
        self._held: list[Any] = []  # so that no id is another's
        self._bytes = 0
        self._top = foreign.model
        self.given = {name: self._number(each) for name, each in inputs.items()}

    @contextmanager
    def following(self) -> Iterator[None]:
        """Follow what is called in this context."""
        classes = (keras.Operation, keras.Layer)
        before = [each.__call__ for each in classes]

        def noted(original: Callable[..., Any]) -> Callable[..., Any]:
            def call(operation: Any, *arguments: Any, **named: Any) -> Any:
                result = original(operation, *arguments, **named)
                self._note(operation, (arguments, named), result)
                return result

            return call

        for each, original in zip(classes, before, strict=True):
            each.__call__ = noted(original)
        try:
            yield
        finally:
            for each, original in zip(classes, before, strict=True):
                each.__call__ = original

    def _note(self, operation: Any, given: Any, result: Any) -> None:
        if operation is self._top:
            return
        taken = [id(each) for _, each in named_in(given, tf.is_tensor)]
        inputs = tuple(dict.fromkeys(self._numbers[key] for key in taken if key in self._numbers))
        own = _own_weights(operation)
        names = tuple(self._names[id(each)] for each in own if id(each) in self._names)
        results = [each for _, each in named_in(result, tf.is_tensor)]
        outputs = tuple(
            self._numbers[id(each)] if id(each) in self._numbers else self._number(each)
            for each in results
        )
        kind = type(operation).__name__
        place = f'layer "{getattr(operation, "name", kind)}"'
        self.steps.append(Step(len(self.steps), kind, place, inputs, outputs, names))

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
