"""The compiled source of a spec: its text, and the facts that a program needs of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnspec.backend.options import options_as
from nnspec.network.graph import Head
from nnspec.network.loader import Spec
from nnspec_torch.options import TorchOptions

if TYPE_CHECKING:
    from nnspec.backend import Options
    from nnspec.network.networks import Networks


@dataclass(frozen=True)
class TorchSource:
    """PyTorch source of a spec."""

    spec: Spec
    options: TorchOptions
    source: str
    head: Head | None


@dataclass(frozen=True)
class TorchNetworksSource:
    """PyTorch source of several networks."""

    networks: Networks
    options: Options
    source: str

    @property
    def spec(self) -> Networks:
        """The networks that were compiled."""
        return self.networks

    def of(self, name: str) -> TorchSource:
        """Return the source as that of one of the networks."""
        from nnspec.network.roles import as_trained, heads_of  # which few specs need

        spec = as_trained(self.networks, name)
        own = options_as(TorchOptions, self.options)
        return TorchSource(spec, own, self.source, heads_of(self.networks)[name])
