"""The compiled source of a spec: its text, and the facts that a program needs of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nnspec.network.graph import Head
from nnspec.network.loader import Spec

if TYPE_CHECKING:
    from nnspec.network.networks import Networks
from nnspec_keras.options import KerasOptions


@dataclass(frozen=True)
class KerasSource:
    """Keras source of a spec; `function` builds the model, `head` is what the loss leaves out."""

    spec: Spec
    options: KerasOptions
    source: str
    function: str
    head: Head | None


@dataclass(frozen=True)
class KerasNetworksSource:
    """Keras source of several networks."""

    networks: Networks
    options: KerasOptions
    source: str
    functions: Mapping[str, str]
    """By network, the function that builds it."""

    def of(self, name: str) -> KerasSource:
        """Return the source as that of one of the networks."""
        from nnspec.network.roles import as_trained, heads_of  # which few specs need

        spec, head = as_trained(self.networks, name), heads_of(self.networks)[name]
        return KerasSource(spec, self.options, self.source, self.functions[name], head)
