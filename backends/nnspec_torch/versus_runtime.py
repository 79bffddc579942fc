"""Builds and trains a generator and a discriminator that the PyTorch backend wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nnspec.backend.versus import of_models
from nnspec.weights.canonical import FirstWeights
from nnspec_torch.runtime import TorchProgram
from nnspec_torch.schedules import FACTOR

if TYPE_CHECKING:
    from nnspec.backend import Array, Precision, Weights
    from nnspec.layers import Layer
    from nnspec.support.noise import Drawer
    from nnspec_torch.source import TorchNetworksSource


class TorchVersus:
    """The emitted networks with the optimizers of two; satisfies `nnspec.backend.versus.Versus`."""

    def __init__(
        self,
        compiled: TorchNetworksSource,
        weights: Mapping[str, Array] | None,
        dtype: Precision,
        drawers: Callable[[str], Mapping[str, tuple[Layer, Drawer]]],
    ) -> None:
        """`drawers` gives the random layers of each network."""
        networks = compiled.networks
        training = networks.training
        self.compiled = compiled
        self.programs = {
            name: TorchProgram(
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
        for role in ("generator", "discriminator"):
            self._lend(role)
        self.has_penalty = bool(getattr(training.loss, "gradient_penalty", 0))

    def _lend(self, role: str) -> None:
        """Let a network be trained by the optimizer that the source makes for it."""
        names = {
            "make_optimizer": f"make_{role}_optimizer",
            "make_scheduler": f"make_{role}_scheduler",
            "learning_rate_factor": f"{role}_{FACTOR}",
        }
        found = {
            name: getattr(self.emitted, own)
            for name, own in names.items()
            if hasattr(self.emitted, own)
        }
        step = getattr(self.emitted, f"{role}_step")

        def train_step(model: object, *given: Any) -> Any:
            return step(self.generator.model, self.discriminator.model, *given)

        program: Any = getattr(self, role)
        program.training = SimpleNamespace(**found, train_step=train_step)

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
        given = (real, noise, *((self._mix(real, mix),) if self.has_penalty else ()))
        return self._step("discriminator", *given)

    def _mix(self, real: Array, mix: Array) -> Array:
        return mix.reshape(len(mix), *(1 for _ in real.shape[1:]))

    def generator_step(self, noise: Array) -> float:
        """Take one step of the generator; return its loss before it."""
        return self._step("generator", noise)

    def _step(self, role: str, *rows: Array) -> float:
        program: TorchProgram = getattr(self, role)
        for each in (self.generator, self.discriminator):
            each.model.train()
        with program.precision():
            return float(program.step(*(program.tensor(array) for array in rows)))

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
        """Return the gradients that are kept beside a network's parameters."""
        return {
            name: parameter.grad.numpy().copy()
            for name, parameter in self.programs[model].model.named_parameters()
            if parameter.grad is not None
        }

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
        self.generator.reseed(seed)
