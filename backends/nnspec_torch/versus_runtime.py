"""Builds and trains a generator and a discriminator that the PyTorch backend wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from nnspec.backend.paired import ROLES, Paired
from nnspec_torch.cycling import MOMENTUM
from nnspec_torch.runtime import TorchProgram
from nnspec_torch.schedules import FACTOR

if TYPE_CHECKING:
    from nnspec.backend import Array, Precision, Weights
    from nnspec.layers import Layer
    from nnspec.support.noise import Drawer
    from nnspec_torch.source import TorchNetworksSource


class TorchVersus(Paired[TorchProgram]):
    """The emitted networks with the optimizers of two; satisfies `nnspec.backend.versus.Versus`."""

    def __init__(
        self,
        compiled: TorchNetworksSource,
        weights: Mapping[str, Array] | None,
        dtype: Precision,
        drawers: Callable[[str], Mapping[str, tuple[Layer, Drawer]]],
    ) -> None:
        """`drawers` gives the random layers of each network."""

        def build(name: str, first: Mapping[str, Array]) -> TorchProgram:
            source, random = compiled.of(name), partial(drawers, name)
            return TorchProgram(source, first, dtype, lambda: compiled.source, random)

        super().__init__(compiled.networks, weights, build)
        self.compiled = compiled
        for role in ROLES:
            self._lend(role)

    def _lend(self, role: str) -> None:
        """Let a network be trained by the optimizer that the source makes for it."""
        names = {
            "make_optimizer": f"make_{role}_optimizer",
            "make_scheduler": f"make_{role}_scheduler",
            FACTOR: f"{role}_{FACTOR}",
            MOMENTUM: f"{role}_{MOMENTUM}",
            **({"make_average": "make_average"} if role == "generator" else {}),
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

    def step(self, role: str, *rows: Array) -> float:
        """Take the emitted step of the network of a role; return its loss before it."""
        program: TorchProgram = getattr(self, role)
        for each in (self.generator, self.discriminator):
            each.model.train()
        with program.precision():
            return float(program.step(*(program.tensor(array) for array in rows)))

    def gradients_left(self, model: str) -> Weights:
        """Return the gradients that are kept beside a network's parameters."""
        return {
            name: parameter.grad.numpy().copy()
            for name, parameter in self.programs[model].model.named_parameters()
            if parameter.grad is not None
        }
