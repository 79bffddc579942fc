"""The program of two networks by the program of each, whatever the framework."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nnspec.backend.versus import of_models
from nnspec.weights.canonical import FirstWeights

if TYPE_CHECKING:
    from nnspec.backend.programs import Array, Weights
    from nnspec.network.networks import Networks

P = TypeVar("P", bound=Any)
ROLES = ("generator", "discriminator")


class Paired(ABC, Generic[P]):
    """Programs by the names of their networks; a backend adds how the emitted steps are called.

    It satisfies `nnspec.backend.versus.Versus` then.
    """

    def __init__(
        self,
        networks: Networks,
        weights: Mapping[str, Array] | None,
        build: Callable[[str, Mapping[str, Array]], P],
    ) -> None:
        """Make the program of each network by `build`, of its weights; seeded ones without any."""
        training = networks.training
        self.programs = {
            name: build(
                name,
                FirstWeights(spec.graph, training.seed)
                if weights is None
                else of_models(weights, name),
            )
            for name, spec in networks.models.items()
        }
        self.generator = self.programs[training.generator.model]
        self.discriminator = self.programs[training.discriminator.model]
        self.emitted: Any = self.generator.emitted
        self.has_penalty = bool(getattr(training.loss, "gradient_penalty", 0))

    @abstractmethod
    def step(self, role: str, *rows: Array) -> float:
        """Take the emitted step of the network of a role; return its loss before it."""

    def weights(self) -> Weights:
        """Return the canonical weights of all networks."""
        return {
            f"{name}.{path}": array
            for name, program in self.programs.items()
            for path, array in program.weights().items()
        }

    def deployed_weights(self) -> Weights:
        """Return the weights of all networks, averages in the place of what has one."""
        with self.generator.averaged():
            return self.weights()

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every weight; raises WeightsError where one is missing or does not fit."""
        for name, program in self.programs.items():
            program.load_weights(of_models(weights, name))

    def discriminator_step(self, real: Array, noise: Array, mix: Array) -> float:
        """Take one step of the discriminator; return its loss before it."""
        mixed = mix.reshape(len(mix), *(1 for _ in real.shape[1:]))
        return self.step("discriminator", real, noise, *((mixed,) if self.has_penalty else ()))

    def generator_step(self, noise: Array) -> float:
        """Take one step of the generator; return its loss before it."""
        return self.step("generator", noise)

    def is_generators_turn(self, steps: int) -> bool:
        """Whether the generator steps after so many batches of the discriminator."""
        turn = getattr(self.emitted, "is_generators_turn", None)
        return turn is None or bool(turn(steps))

    def outputs_in_training(self, model: str, inputs: Array) -> Array:
        """Return the scores, or rows, that a network gives; nothing of it changes."""
        program = self.programs[model]
        (name,) = program.graph.inputs
        output: Array
        (output,) = program.training_outputs({name: inputs}).values()
        return output

    def sample(self, noise: Array) -> Array:
        """Return the rows that the generator makes, as at inference, by its average if any."""
        (name,) = self.generator.graph.inputs
        output: Array
        with self.generator.averaged():
            (output,) = self.generator.forward({name: noise}).values()
        return output

    def optimizer_state(self) -> Weights:
        """Return what both optimizers remember."""
        return {
            f"{role}.{name}": array
            for role in ROLES
            for name, array in getattr(self, role).optimizer_state().items()
        }

    def load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Set what `optimizer_state` gave."""
        for role in ROLES:
            getattr(self, role).load_optimizer_state(of_models(state, role))

    def take_noise(self, seed: int | None) -> None:
        """Let random layers begin with the numbers of this seed; None: draw as they do."""
        for program in self.programs.values():
            program.take_noise(seed)

    def reseed(self, seed: int) -> None:
        """Start dropout's random numbers anew."""
        for program in self.programs.values():
            program.reseed(seed)
