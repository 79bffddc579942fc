"""Builds and trains a generator and a discriminator that the Keras backend wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from nnspec.backend.versus import of_models
from nnspec.weights.canonical import FirstWeights
from nnspec_keras.runtime import KerasProgram

if TYPE_CHECKING:
    from nnspec.backend import Array, Precision, Weights
    from nnspec.layers import Layer
    from nnspec.support.noise import Drawer
    from nnspec_keras.source import KerasNetworksSource


class KerasVersus:
    """The emitted networks with the optimizers of two; satisfies `nnspec.backend.versus.Versus`.

    In float64 the steps run as Python calls them: a graph takes longer to make than a few steps.
    """

    def __init__(
        self,
        compiled: KerasNetworksSource,
        weights: Mapping[str, Array] | None,
        dtype: Precision,
        drawers: Callable[[str], Mapping[str, tuple[Layer, Drawer]]],
    ) -> None:
        """`drawers` gives the random layers of each network."""
        networks = compiled.networks
        training = networks.training
        self.compiled = compiled
        self.dtype = dtype
        self.programs = {
            name: KerasProgram(
                compiled.of(name),
                FirstWeights(spec.graph, training.seed)
                if weights is None
                else of_models(weights, name),
                dtype,
                lambda: compiled.source,
                partial(drawers, name),
            )
            for name, spec in networks.models.items()
        }
        self.generator = self.programs[training.generator.model]
        self.discriminator = self.programs[training.discriminator.model]
        self.emitted = self.generator.emitted
        self.has_penalty = bool(getattr(training.loss, "gradient_penalty", 0))
        with self.generator.precision():
            scores = getattr(self.emitted, "scores_of", _itself)(self.discriminator.model)
            for role, network in (
                ("generator", self.generator.model),
                ("discriminator", scores),
            ):
                optimizer = getattr(self.emitted, f"make_{role}_optimizer")()
                optimizer.build(network.trainable_variables)
                program: Any = getattr(self, role)
                program.trained = SimpleNamespace(optimizer=optimizer)
        self._networks = (self.generator.model, scores)

    def weights(self) -> Weights:
        """Return the canonical weights of all networks."""
        return {
            f"{name}.{path}": array
            for name, program in self.programs.items()
            for path, array in program.weights().items()
        }

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every weight; raises WeightsError where one is missing or does not fit."""
        for name, program in self.programs.items():
            program.load_weights(of_models(weights, name))

    def discriminator_step(self, real: Array, noise: Array, mix: Array) -> float:
        """Take one step of the discriminator; return its loss before it."""
        mixed = mix.reshape(len(mix), *(1 for _ in real.shape[1:]))
        return self._step("discriminator", real, noise, *((mixed,) if self.has_penalty else ()))

    def generator_step(self, noise: Array) -> float:
        """Take one step of the generator; return its loss before it."""
        return self._step("generator", noise)

    def _step(self, role: str, *rows: Array) -> float:
        program: KerasProgram = getattr(self, role)
        step = getattr(self.emitted, f"{role}_step")
        if self.dtype == "float64":
            step = step.python_function
        draws = (each.drawing() for each in (self.generator, self.discriminator))
        with ExitStack() as stack:
            for context in (program.precision(), *draws):
                stack.enter_context(context)
            given = (tf.convert_to_tensor(np.asarray(array, self.dtype)) for array in rows)
            return float(step(*self._networks, program.optimizer, *given))

    def is_generators_turn(self, steps: int) -> bool:
        """Whether the generator steps after so many steps of the discriminator."""
        turn = getattr(self.emitted, "is_generators_turn", None)
        return turn is None or bool(turn(steps))

    def outputs_in_training(self, model: str, inputs: Array) -> Array:
        """Return the scores, or rows, that a network gives; nothing of it changes."""
        program = self.programs[model]
        (name,) = program.graph.inputs
        (output,) = program.training_outputs({name: inputs}).values()
        return output

    def gradients_left(self, model: str) -> Weights:
        """Return none: a tape keeps them to itself."""
        return {}

    def sample(self, noise: Array) -> Array:
        """Return the rows that the generator makes, as at inference."""
        (name,) = self.generator.graph.inputs
        (output,) = self.generator.forward({name: noise}).values()
        return output

    def optimizer_state(self) -> Weights:
        """Return what both optimizers remember."""
        return {
            f"{role}.{name}": array
            for role in ("generator", "discriminator")
            for name, array in getattr(self, role).optimizer_state().items()
        }

    def load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Set what `optimizer_state` gave."""
        for role in ("generator", "discriminator"):
            getattr(self, role).load_optimizer_state(of_models(state, role))

    def take_noise(self, seed: int | None) -> None:
        """Let random layers begin with the numbers of this seed; None: draw as they do."""
        for program in self.programs.values():
            program.take_noise(seed)

    def reseed(self, seed: int) -> None:
        """Start dropout's random numbers anew."""
        for program in self.programs.values():
            program.reseed(seed)


def _itself(network: keras.Model) -> keras.Model:
    return network
