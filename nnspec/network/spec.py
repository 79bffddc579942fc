"""A checked spec of one network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nnspec.errors import Problem
from nnspec.language.schema import Model
from nnspec.network.graph import Graph


@dataclass(frozen=True, repr=False)
class Spec:
    """A checked spec: the document, the graph, and where it came from."""

    model: Model
    graph: Graph
    path: Path | None = None
    advice: tuple[Problem, ...] = ()
    noise: str = ""
    """The law of the noise that it makes rows of, as a generator among several networks."""

    @property
    def name(self) -> str:
        """The network's name."""
        return self.model.name

    @cached_property
    def sha256(self) -> str:
        """Hash of what the network is: its name, types, layers and links, not of its spelling."""
        from nnspec.network.identity import hash_of  # `nnspec check` does without

        return hash_of(self.graph)

    @cached_property
    def inference_sha256(self) -> str:
        """Hash of what the network computes at inference: of all but rates and initializers, say.

        Weights mean the same to two networks that share it.
        """
        from nnspec.network.identity import hash_of

        return hash_of(self.graph, inference=True)

    @property
    def folder(self) -> Path:
        """The folder that the spec's relative paths start from."""
        return self.path.parent if self.path is not None else Path()

    def to_yaml(self) -> str:
        """Return the spec as YAML: `nnspec.loads` reads the same network and training from it.

        What has its default is left out; comments of the file are not kept. Expressions in layers
        and blocks stay expressions, and those elsewhere are their values.
        """
        return self.model.to_yaml()

    def __repr__(self) -> str:
        from nnspec.network.display import text_of  # `nnspec check` does without

        return text_of(self.graph)

    def _repr_html_(self) -> str:
        from nnspec.network.display import html_of

        return html_of(self.graph, self.advice)
