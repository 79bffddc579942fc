"""Builds, runs, trains and exports what the Keras backend wrote."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import nnspec_keras.quiet  # noqa: F401  # before whatever imports Keras

# isort: split
import keras
import numpy as np
import tensorflow as tf

from nnspec.backend import Precision
from nnspec.data.goals import require_goals
from nnspec.emit.loading import Emitted, load_source
from nnspec.errors import UsageError
from nnspec.language.objectives import is_composed
from nnspec.language.weighting import is_weighted
from nnspec.support.streams import derived_seed
from nnspec.weights.canonical import FirstWeights, check_weights
from nnspec_keras.borders import Borders
from nnspec_keras.composed_rows import composed_loss
from nnspec_keras.devices import place_on, rounding_factors
from nnspec_keras.doubles import lend_doubles
from nnspec_keras.exporting import export_onnx
from nnspec_keras.held_rows import WORTH_A_GRAPH, Rows, apply
from nnspec_keras.inspecting import measured, rates_on_plateau
from nnspec_keras.noise import NoiseTaker, Request
from nnspec_keras.precision import precision
from nnspec_keras.training_state import TrainingState
from nnspec_keras.undrawn import undrawn
from nnspec_keras.variables import canonical_variables, layers_of, to_canonical, to_native, unmoved

if TYPE_CHECKING:
    from nnspec.backend import Array, Measured, Positions, Target, Weights
    from nnspec.layers import Layer
    from nnspec.support.noise import Drawer
    from nnspec_keras.source import KerasSource


class KerasProgram(Borders, Emitted):
    """The emitted model, built and holding weights; satisfies `nnspec.backend.Inspectable`."""

    def __init__(
        self,
        compiled: KerasSource,
        weights: Mapping[str, Array] | None,
        dtype: Precision,
        with_training: Callable[[], str],
        drawers: Callable[[], Mapping[str, tuple[Layer, Drawer]]],
    ) -> None:
        """`with_training` gives the source with the training, `drawers` the random layers."""
        if keras.config.backend() != "tensorflow":
            raise UsageError(
                f"Keras runs on {keras.config.backend()} here, and nnspec needs its tensorflow "
                "backend: set KERAS_BACKEND=tensorflow"
            )
        spec = compiled.spec
        super().__init__(compiled, dtype)
        self.with_training = with_training
        self.drawers = drawers
        self.place = place_on(compiled.options.device)
        self._noise: NoiseTaker | None = None
        self.spec = spec
        with precision(dtype):
            self.emitted = load_source(compiled.source, spec.name)
            if dtype == "float64":
                lend_doubles(self.emitted)
            with undrawn():
                self.model: Any = getattr(self.emitted, compiled.function)()
        self._variables = dict(canonical_variables(self.graph, self.model))
        self._given: list[Any] | None = None
        self._unreached: set[int] = set()
        """Variables of which the last gradients had none, because nothing depends on them."""
        self._shapes = {name: parameter.shape for name, parameter in self.graph.parameters()}
        if weights is None:
            training = spec.model.training
            weights = FirstWeights(spec.graph, training.seed if training is not None else 0)
        self.load_weights(weights)

    @property
    def compiles(self) -> bool:
        """Whether it runs through XLA."""
        return self.compiled.options.compile

    @cached_property
    def _answer(self) -> Callable[[Any], Any]:
        """The function that gives the outputs as at inference."""

        def answer(given: Any) -> Any:
            return self.model(given, training=False)

        if not self.compiles:
            return answer
        compiled: Callable[[Any], Any] = tf.function(
            answer, autograph=False, reduce_retracing=True, jit_compile=True
        )
        return compiled

    @contextmanager
    def precision(self) -> Iterator[None]:
        """Make Keras compute in the program's precision."""
        with precision(self.dtype), rounding_factors(self.compiled.options.tf32):
            yield

    def placed(self) -> str:
        """Return the kind of device."""
        return self.place

    def weights(self) -> Weights:
        """Return the canonical weights."""
        return {
            name: to_canonical(
                self._variables[name][1], self._variables[name][0].numpy(), self._shapes[name]
            )
            if name in self._variables
            else self._unused[name]
            for name, _ in self.graph.parameters()
        }

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every weight; raises WeightsError where one is missing or does not fit."""
        check_weights(self.graph, weights)
        self._unused = {
            name: np.array(weights[name], self.dtype)
            for name in weights
            if name not in self._variables
        }
        for name, (variable, native) in self._variables.items():
            array = to_native(native, np.asarray(weights[name]))
            if native.row is not None:
                whole = variable.numpy()
                whole[native.row] = array
                array = whole
            variable.assign(array.astype(self.dtype, copy=False))

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return each output by name, computed as at inference; raises DataError."""
        with self.precision():
            return self.named(self._answer(self.tensors(inputs)))

    def loss(self, inputs: Mapping[str, Array], target: Target) -> float:
        """Return the loss as at inference."""
        with precision(self.dtype):
            return float(self._loss(inputs, target, is_training=False))

    def gradients(self, inputs: Mapping[str, Array], target: Target) -> tuple[float, Weights]:
        """Return the loss as in training, and its gradient by every trainable parameter."""
        with unmoved(self.model):
            loss, gradients = self._differentiated(inputs, target)
        by_variable = dict(zip(map(id, self.model.trainable_variables), gradients, strict=True))
        self._unreached = {each for each, gradient in by_variable.items() if gradient is None}
        arrays = {}
        for name, (variable, native) in self._variables.items():
            if id(variable) in by_variable:
                gradient = by_variable[id(variable)]
                if gradient is None:
                    value = np.zeros(variable.shape, self.dtype)
                else:
                    # An embedding's is a list of rows, of which several may be the same one. The
                    # tensor's own memory: to copy that of a large network takes as long as a step.
                    value = np.asarray(memoryview(tf.convert_to_tensor(gradient)))
                arrays[name] = to_canonical(native, value, self._shapes[name])
        for name, parameter in self.graph.parameters():
            if name in self._unused and parameter.learns:
                arrays[name] = np.zeros(parameter.shape, self.dtype)
        return float(loss), arrays

    def train_step(self, inputs: Mapping[str, Array], target: Target) -> float:
        """Take one optimizer step, and return the loss before it."""
        if self.compiles and self._given is None:
            return self.stepper(inputs, target, WORTH_A_GRAPH)(slice(None))
        loss, gradients = self._differentiated(inputs, target)
        with precision(self.dtype):
            apply(self.optimizer, gradients, self.model.trainable_variables)
        return float(loss)

    # What `nnspec.backend.TakesNoise` adds

    def take_noise(self, seed: int | None) -> None:
        """Let random layers begin with the numbers of this seed; None: draw as they do."""
        if (seed is None) != (self._noise is None):
            self.__dict__.pop("_rows", None)  # whose graphs draw as before
        if seed is None:
            self._noise = None
            return
        if self._noise is None:
            layers = {layer.name: layer for layer in layers_of(self.model)}
            self._noise = NoiseTaker(layers, self.drawers())
        self._noise.start(seed)

    def drawing(self, handed: Iterable[Any] = ()) -> AbstractContextManager[None]:
        """Let random layers draw from where they are told to, or take what is handed."""
        return nullcontext() if self._noise is None else self._noise.drawing(handed)

    def requests(self, step: Callable[[], object]) -> list[Request]:
        """Return what a step draws, as far as that can be handed to it.

        An element of a sequence that is a row of its own has a batch of another size.
        """
        if self._noise is None or any(at.steps for at in self.graph.walk()):
            return []
        return self._noise.requests(step)

    # What `nnspec.backend.HoldsRows` adds

    def stepper(
        self, inputs: Mapping[str, Array], target: Target, batches: int
    ) -> Callable[[Positions], float]:
        """Return what `train_step` does, for the rows at given positions."""
        return self._rows.stepper(inputs, target, batches)

    def measurer(
        self, inputs: Mapping[str, Array], target: Target, batches: int
    ) -> Callable[[Positions], Measured]:
        """Return what gives the loss and the output, as at inference, for rows at positions."""
        return self._rows.measurer(inputs, target, batches)

    # What `nnspec.backend.Inspectable` adds

    def first_weights(self, seed: int) -> Weights:
        """Return the weights that the emitted function gives a new model."""
        states = random.getstate(), np.random.get_state()
        keras.utils.set_random_seed(seed)
        with precision("float32"):
            model = getattr(self.emitted, self.compiled.function)()
        random.setstate(states[0])
        np.random.set_state(states[1])
        found = dict(canonical_variables(self.graph, model))
        return {
            name: to_canonical(native, variable.numpy(), self._shapes[name])
            for name, (variable, native) in found.items()
        }

    def training_outputs(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return each output as in training; running statistics stay as they are."""
        with unmoved(self.model), self.precision(), self.drawing():
            return self.named(self.model(self.tensors(inputs), training=True))

    def answers(self, inputs: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """Return the outputs of `model(x)`, which says nothing of training, and of `predict`."""
        with self.precision():
            tensors = self.tensors(inputs)
            answers = {"model(x)": self.named(self.model(tensors))}
            # As predict does it, without the graph that it would first make.
            answers["predict"] = self.named(self.model.predict_step((tensors,)))
        return answers

    def learning_rate(self, step: int) -> float:
        """Return the emitted source's learning rate of the step after so many."""
        with precision(self.dtype):
            rate = self.training.make_optimizer()._learning_rate
            given = rate(step) if callable(rate) else rate
            return float(keras.ops.convert_to_numpy(given))

    def set_learning_rate(self, rate: float) -> None:
        """Take further steps with this rate."""
        self.optimizer.learning_rate = rate

    def rates_on_plateau(self, values: Sequence[float], name: str) -> list[float]:
        """Return the rate after each epoch, as the emitted source sets it by these measures."""
        return rates_on_plateau(self, values, name)

    def start_training(self) -> None:
        """Begin with a new optimizer."""
        self.__dict__.pop("trained", None)
        self.__dict__.pop("_rows", None)

    def follow(
        self, inputs: Mapping[str, Array], target: Target, gradients: Mapping[str, Array]
    ) -> None:
        """Take one `train_step` with these gradients in the place of the loss's."""
        arrays: dict[int, Array] = {}
        for name, gradient in gradients.items():
            if name in self._unused:
                continue
            variable, native = self._variables[name]
            array = to_native(native, gradient)
            if native.row is not None:
                whole = arrays.get(id(variable), np.zeros(variable.shape))
                whole[native.row] = array
                array = whole
            arrays[id(variable)] = array
        self._given = [
            tf.convert_to_tensor(arrays.get(id(variable), np.zeros(variable.shape)), self.dtype)
            if id(variable) not in self._unreached
            else None
            for variable in self.model.trainable_variables
        ]
        try:
            self.train_step(inputs, target)
        finally:
            self._given = None

    def measured(self, inputs: Mapping[str, Array], target: Target) -> dict[str, float]:
        """Return the metrics as the emitted source measures them, or compiles the model with."""
        return measured(self, inputs, target)

    def optimizer_state(self) -> Weights:
        """Return what the optimizer remembers, by neutral names."""
        return self._remembered.arrays()

    def load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Set what the `optimizer_state` of any backend gave; raises WeightsError for else."""
        self._remembered.load(state)

    def averaged(self) -> AbstractContextManager[None]:
        """Let the averages stand for the weights, once there are any."""
        return self._remembered.averaged()

    @property
    def _remembered(self) -> TrainingState:
        training = self.spec.model.training
        assert training is not None  # else there is no source of an optimizer
        trained, held = self.model.trainable_variables, self._variables
        return TrainingState(self.graph, training, self.optimizer, trained, held, self._unused)

    def reseed(self, seed: int) -> None:
        """Start dropout's random numbers anew."""
        for layer in layers_of(self.model):
            # The cells of a recurrent layer have generators of their own.
            for number, part in enumerate(layer._flatten_layers()):
                generator = getattr(part, "seed_generator", None)
                if generator is not None:
                    path = f"{layer.name}.{number}" if number else layer.name
                    generator.state.assign([derived_seed("dropout", seed, path), 0])

    def export_onnx(self, path: Path, opset: int) -> None:
        """Write the network as at inference with Keras's own exporter."""
        with precision(self.dtype):
            export_onnx(self.model, self.graph, path, opset)

    # Training

    @cached_property
    def training(self) -> ModuleType:
        """The emitted module that holds the loss and the optimizer."""
        if hasattr(self.emitted, "make_optimizer"):
            return self.emitted
        if self.spec.model.training is None:
            raise UsageError(f"{self.spec.name} has no `training` section")
        emitted = load_source(self.with_training(), self.spec.name)
        if self.dtype == "float64":
            lend_doubles(emitted)
        return emitted

    @cached_property
    def trained(self) -> Any:
        """The network up to what the loss takes, sharing the weights, with its optimizer."""
        with precision(self.dtype):
            return self.training.compiled(self.model)

    @cached_property
    def _rows(self) -> Rows:
        return Rows(self)

    @property
    def optimizer(self) -> Any:
        """The optimizer of the emitted source, with what it remembers of each weight."""
        optimizer = self.trained.optimizer
        if not optimizer.built:
            with precision(self.dtype):
                optimizer.build(self.model.trainable_variables)
        return optimizer

    def _differentiated(self, inputs: Mapping[str, Array], target: Target) -> tuple[Any, list[Any]]:
        if self._given is not None:
            return 0.0, self._given
        if self.compiles:
            found: tuple[Any, list[Any]] = self._rows.differentiated(inputs, target)
            return found
        with precision(self.dtype):
            with tf.GradientTape() as tape, self.drawing():
                loss = self._loss(inputs, target, is_training=True)
            return loss, tape.gradient(loss, self.model.trainable_variables)

    def _loss(self, inputs: Mapping[str, Array], target: Target, *, is_training: bool) -> Any:
        given = self.tensors(inputs)
        goals = [tf.convert_to_tensor(goal) for goal in self.goals(target)]
        return self.loss_of(given, goals, is_training=is_training)

    def goals(self, target: Target) -> list[Array]:
        """Return the targets in the precision of the loss; raises DataError outside its domain."""
        arrays = require_goals(self.spec, target)
        return [array.astype(self.dtype) if array.dtype.kind == "f" else array for array in arrays]

    def penalty(self) -> Any:
        """Return what the size of variables, and of what layers gave last, adds to the loss."""
        training = self.spec.model.training
        if training is None or not training.regularization:
            return 0.0
        return tf.add_n(self.trained.losses)

    def loss_of(self, given: Any, goals: list[Any], *, is_training: bool) -> Any:
        """Return the loss of what the model takes, and its targets, all tensors."""
        output = self.trained(given, training=is_training)
        if is_composed(self.spec.model):
            count = len(goals) - is_weighted(self.spec.model)
            return composed_loss(
                self,
                given,
                goals[:count],
                output,
                is_training=is_training,
                weights=goals[count:],
            )
        output = self.declared_axes(output, self.graph.outputs[0])
        target, *weights = goals
        return self.training.loss_function(target, output, *weights) + self.penalty()
