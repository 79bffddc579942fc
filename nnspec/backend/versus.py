"""The program of a generator and a discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nnspec.backend.programs import Array, Precision, Weights

if TYPE_CHECKING:
    from nnspec.network.networks import Networks


class Versus(Protocol):
    """Several built networks, of which one is trained against another by the emitted source.

    Names of weights and of the optimizers' state begin with the network's. A step changes nothing
    but the network that it trains: neither the weights nor the running statistics of the other.
    """

    def weights(self) -> Weights:
        """Return the canonical weights of all networks."""
        ...

    def deployed_weights(self) -> Weights:
        """Return the weights of all networks, averages in the place of what has one."""
        ...

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every weight from the canonical ones."""
        ...

    def discriminator_step(self, real: Array, noise: Array, mix: Array) -> float:
        """Take a batch of the discriminator, these rows and as many made of noise; and its step.

        The step is taken where the batch is the last of those that make one.

        mix: of each row, the share of the real one where a gradient is penalised.
        """
        ...

    def generator_step(self, noise: Array) -> float:
        """Take one step of the generator; return its loss before it."""
        ...

    def is_generators_turn(self, steps: int) -> bool:
        """Whether the generator steps after so many batches of the discriminator."""
        ...

    def outputs_in_training(self, model: str, inputs: Array) -> Array:
        """Return what a network of one input and one output gives; nothing of it changes."""
        ...

    def gradients_left(self, model: str) -> Weights:
        """Return the gradients that are kept beside a network's parameters, if there are any."""
        ...

    def sample(self, noise: Array) -> Array:
        """Return the rows that the generator makes, as at inference, by its average if any."""
        ...

    def optimizer_state(self) -> Weights:
        """Return what both optimizers remember."""
        ...

    def load_optimizer_state(self, state: Mapping[str, Array]) -> None:
        """Set what `optimizer_state` gave."""
        ...

    def take_noise(self, seed: int | None) -> None:
        """Let random layers begin with the numbers of this seed; None: draw as they do."""
        ...

    def reseed(self, seed: int) -> None:
        """Start dropout's random numbers anew."""
        ...


class CompiledNetworks(Protocol):
    """Several networks as one text, with a way to build them."""

    @property
    def networks(self) -> Networks:
        """The networks that were compiled."""
        ...

    @property
    def source(self) -> str:
        """The text."""
        ...

    def write(self, path: str | Path) -> Path:
        """Write the text to a file, whole or not at all."""
        ...

    def build(
        self, weights: Mapping[str, Array] | None = None, *, dtype: Precision = "float32"
    ) -> Versus:
        """Build the networks and what trains them; seeded weights where none are given."""
        ...


def of_models(values: Mapping[str, Array], model: str) -> dict[str, Array]:
    """Return those of one network, without its name."""
    start = f"{model}."
    return {
        name.removeprefix(start): value for name, value in values.items() if name.startswith(start)
    }
