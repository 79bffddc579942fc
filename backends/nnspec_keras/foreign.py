"""Opens somebody's Keras network, of a .keras or a Python file, and follows what it computes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nnspec.backend.foreign import (
    HALVES,
    Cut,
    Described,
    Given,
    Held,
    Reference,
    Trace,
    Unit,
)
from nnspec.backend.lines import noting
from nnspec.backend.python_files import defined, named_in, network_of, remade
from nnspec.errors import UsageError
from nnspec.support.causes import cause_of
from nnspec_keras.first_names import FirstNames
from nnspec_keras.following import Follower, Lines
from nnspec_keras.units import Ref, unit_of, variants_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


def open_file(reference: Reference) -> KerasForeign:
    """Read a .keras file, or run a Python file that makes a network; raises UsageError."""
    path = Path(reference.path)
    if path.suffix.lower() != ".py":
        return KerasForeign(_loaded(path), Lines(None, {}), lambda: None)

    def again() -> tuple[keras.Model, Lines]:
        places: dict[int, str] = {}
        with noting(keras.Operation, places, path.parent):
            made: keras.Model = network_of(reference, keras.Model, "keras.Model")
        return made, Lines(path.parent, places)

    found = KerasForeign(*again(), again)
    found.making = partial(remade, reference, keras.Model)
    return found


def _loaded(path: Path) -> keras.Model:
    try:
        model: keras.Model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        raise UsageError(f"{path.name} cannot be loaded: {cause_of(error)}") from error
    return model


class KerasForeign:
    """A network of somebody's file.

    making: gives source that makes the network in a script, and the files that it reads; it takes
    what the names of these begin with.
    """

    making: Callable[[str], tuple[str, dict[str, bytes]]] | None = None

    def __init__(
        self,
        model: keras.Model,
        lines: Lines,
        again: Callable[[], tuple[keras.Model, Lines] | None],
    ) -> None:
        """again: makes the network anew, where that is a file of Python."""
        self.model = model
        self.lines = lines
        self._again = again
        self._dtype = "float32"
        self._names = FirstNames()
        self._last: Mapping[str, Array] = {}
        """The inputs of the last run."""
        self._single: tuple[keras.Model, Lines, FirstNames] | None = None
        """As it was made, until a run in float64 has ended well."""
        self._followed: Follower | None = None
        self._variants: dict[str, dict[str, Any]] = {}

    @property
    def dtype(self) -> str:
        """The dtype in which it computes."""
        return self._dtype

    def use(self, dtype: str) -> str:
        """Compute in this dtype if the network can be made in it, and return the one used."""
        if dtype != "float64":
            if self._single is not None:
                self.model, self.lines, self._names = self._single
                self._dtype = "float32"
            return "float32"
        weights = self.model.get_weights() if self.model.built else None
        try:
            with _floats("float64"):
                made, lines = self._again() or (None, self.lines)
                if made is None:
                    config = _in_doubles(self.model.get_config(), whole=self._is_half())
                    made = type(self.model).from_config(config)
                if weights and not made.weights:  # of layers that are built by what they take
                    self._given(made, self._taken(self._last, dtype), training=False)
                if weights is not None and made.built:
                    made.set_weights(weights)
                    _settle(made)
        except Exception:  # of a class that does not say how it is made again
            return "float32"
        self._single = self.model, self.lines, self._names
        self._names = self._names.after(self.model, made)
        self.model, self.lines, self._dtype = made, lines, "float64"
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
        name = type(self.model).__name__
        return Described("keras", name, inputs, held, may_freeze=True, halves=self._halves())

    def _is_half(self) -> bool:
        """Whether all that has weights computes in half precision, as the network is meant to."""
        layers = [
            each
            for each in self.model._flatten_layers(include_self=False, recursive=True)
            if not isinstance(each, keras.layers.InputLayer)
        ]
        weighted = [each for each in layers if each.weights] or layers
        return all(each.compute_dtype in HALVES for each in weighted)

    def _halves(self) -> tuple[str, ...]:
        """Return the layers that compute in half precision."""
        layers = self.model._flatten_layers(include_self=False, recursive=True)
        return tuple(each.name for each in layers if each.compute_dtype in HALVES)

    def weights(self) -> Weights:
        """Return every tensor held, by name."""
        return {name: np.array(each.numpy()) for name, each in self._variables().items()}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Set tensors by name."""
        held = self._variables()
        for name, array in weights.items():
            held[name].assign(array)
        _settle(self.model)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as at inference."""
        found = {name: np.array(each) for name, each in self._called(self._taken(inputs))}
        self._single, self._last = None, inputs
        return found

    def run_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as in training; statistics stay as they are.

        The states of random numbers go on, so that two calls tell whether some are drawn.
        """
        fixed = self.model.non_trainable_variables
        kept = [(each, each.numpy()) for each in fixed if "seed_generator" not in each.path]
        try:
            called = self._called(self._taken(inputs), training=True)
            return {name: np.array(each) for name, each in called}
        finally:
            for each, array in kept:
                each.assign(array)

    def learn(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Weights]:
        """Return the outputs as in training, or the gradients of Σ output · towards."""
        from nnspec_keras.learning import learn  # which few calls need

        return learn(self, inputs, towards)

    def trace(self, inputs: Mapping[str, Array]) -> Trace:
        """Return the outputs as at inference, and every layer on the way to them."""
        return self._trace(inputs)[0]

    def units(self, inputs: Mapping[str, Array]) -> tuple[Trace, tuple[Unit, ...]]:
        """Return a run whose steps can then be computed alone, and those that take tensors."""
        trace, self._followed = self._trace(inputs, has_leaves=True)
        names = {id(each): name for name, each in self._variables().items()}
        return trace, tuple(
            unit_of(step, self._followed.call(step.number), names)
            for step in trace.steps
            if step.tensors
        )

    def compute(
        self, steps: Sequence[int], values: Mapping[int, Array], variant: str = ""
    ) -> dict[int, Array]:
        """Return what steps of the last run of units give, in order, with the tensors held now."""
        assert self._followed is not None
        tensors = {number: tf.convert_to_tensor(each) for number, each in values.items()}
        found: dict[int, Array] = {}

        def tensor_of(ref: Any) -> Any:
            return tensors[ref.number] if isinstance(ref, Ref) else ref

        with _floats(self._dtype):
            for number in steps:
                change = self._variants[variant] if variant else None
                result = self._followed.call(number).run(tensor_of, change)
                variant = ""
                results = [each for _, each in named_in(result, tf.is_tensor)]
                outputs = self._followed.steps[number].outputs
                for key, each in zip(outputs, results, strict=True):
                    tensors[key] = each
                    found[key] = np.array(each)
        return found

    def variants(self, step: int) -> list[str]:
        """Return what a step is often mistaken for, each told as what a file does instead."""
        assert self._followed is not None
        self._variants = dict(variants_of(self._followed.call(step)))
        return list(self._variants)

    def _trace(
        self, inputs: Mapping[str, Array], *, has_leaves: bool = False
    ) -> tuple[Trace, Follower]:
        taken = self._taken(inputs)
        follower = Follower(self, taken, has_leaves=has_leaves)
        with follower.following():
            outputs = self._called(taken)
        return Trace(
            tuple(follower.steps),
            follower.values,
            follower.given,
            {name: np.array(each) for name, each in outputs},
            follower.is_whole,
        ), follower

    def cuts(
        self, inputs: Mapping[str, Array], taken: Sequence[int], given: int | None, name: str,
        of_units: bool = False,
    ) -> list[Cut]:  # fmt: skip
        """Return the parts of the network that make one value of others, the smallest first."""
        from nnspec_keras.cutting import cuts  # which few calls need

        return cuts(self, inputs, taken, given, name, of_units=of_units)

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
        """Return what the network holds, by the paths that it had at first."""
        return self._names.held(self.model)

    def _taken(self, inputs: Mapping[str, Array], dtype: str = "") -> dict[str, tf.Tensor]:
        floats = dtype or self._dtype
        return {
            name: tf.convert_to_tensor(array.astype(floats) if array.dtype.kind == "f" else array)
            for name, array in inputs.items()
        }

    def _called(
        self, inputs: Mapping[str, tf.Tensor], *, training: bool = False
    ) -> list[tuple[str, tf.Tensor]]:
        with _floats(self._dtype):
            return self._given(self.model, inputs, training=training)

    def _given(
        self, model: keras.Model, inputs: Mapping[str, tf.Tensor], *, training: bool
    ) -> list[tuple[str, tf.Tensor]]:
        if getattr(model, "inputs", None):
            result = model(_as_it_takes(model, inputs), training=training)
            names = list(getattr(model, "output_names", []))
        else:
            first, *others = inputs
            parameters = inspect.signature(model.call).parameters
            named = {name: inputs[name] for name in others if name in parameters}
            if len(named) == len(others):  # `training` may stand between them
                result = model(inputs[first], **named, training=training)
            else:
                result = model(*inputs.values(), training=training)
            names = []
        found = list(named_in(result, tf.is_tensor))
        # A mapping has names of its own, in an order that is not that of the layers.
        if len(names) == len(found) and not isinstance(result, Mapping):
            # A layer that is called twice may name two outputs.
            names = [name + "'" * names[:i].count(name) for i, name in enumerate(names)]
            found = [(name, each) for name, (_, each) in zip(names, found, strict=True)]
        return found


def _as_it_takes(model: keras.Model, inputs: Mapping[str, tf.Tensor]) -> Any:
    """Return inputs as the model was made of them: one, a list in its order, or a mapping."""
    if len(inputs) == 1:
        return next(iter(inputs.values()))
    if {each.name for each in model.inputs} != inputs.keys():
        return list(inputs.values())
    struct = getattr(model, "_inputs_struct", None)
    if isinstance(struct, Mapping):
        return {key: inputs[each.name] for key, each in struct.items()}
    return [inputs[each.name] for each in model.inputs]


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


def _settle(model: keras.Model) -> None:
    """Let layers that compute by copies of their weights, as Normalization does, copy them anew."""
    for each in model._flatten_layers(include_self=False, recursive=True):
        if isinstance(each, keras.layers.Normalization):
            each.finalize_state()


def _in_doubles(config: Any, *, whole: bool) -> Any:
    """Return a config whose layers compute in float64. whole: those in half precision too."""
    singles = ("float32", "mixed_float16", "mixed_bfloat16", *HALVES) if whole else ("float32",)
    if isinstance(config, Mapping):
        if config.get("class_name") == "DTypePolicy":
            given = config["config"]
            name = "float64" if given["name"] in singles else given["name"]
            return {**config, "config": {**given, "name": name}}
        return {
            key: "float64"
            if key == "dtype" and value in singles
            else _in_doubles(value, whole=whole)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_in_doubles(each, whole=whole) for each in config)
    return config


def open_program(program: Any) -> KerasForeign:
    """Return a network that nnspec has built."""
    found = KerasForeign(program.model, Lines(None, {}), lambda: None)
    found._dtype = program.dtype
    text = f"{program.source_text()}\n\n" + defined(
        "network()", "", f"return {program.compiled.function}()"
    )
    found.making = lambda _: (text, {})
    return found
