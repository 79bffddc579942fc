"""Files that learn beside a spec, and the spec's own program, taken as a file is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from nnspec.judge.facing import Facing
from nnspec.judge.sources import Source

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


class Learner(Protocol):
    """A network that gives outputs and gradients as in training, by the spec's names."""

    def outputs(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return the outputs as in training."""

    def gradients(self, inputs: Mapping[str, Array], towards: Mapping[str, Array]) -> Weights:
        """Return the gradients of Σ output · towards of what learns; its statistics move."""

    def put(self, moved: Mapping[str, Array]) -> None:
        """Hold parameters as an optimizer step has left them."""

    def weights(self) -> Weights:
        """Return the parameters that are held."""


class FileLearner:
    """A file."""

    def __init__(self, facing: Facing, sources: Mapping[str, Source], names: Sequence[str]) -> None:
        """names: of the parameters that learn."""
        self.facing = facing
        self.sources = sources
        self.names = names

    def outputs(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return the outputs as in training."""
        return self.facing.learn(inputs, {})[0]

    def gradients(self, inputs: Mapping[str, Array], towards: Mapping[str, Array]) -> Weights:
        """Return the gradients of what the file lets learn."""
        _, given = self.facing.learn(inputs, towards)
        return {
            name: self.sources[name].taken(given[self.sources[name].tensor])
            for name in self.names
            if self.sources[name].tensor in given
        }

    def put(self, moved: Mapping[str, Array]) -> None:
        """Change the tensors that the parameters are taken from."""
        foreign = self.facing.foreign
        tensors = {name: np.array(array) for name, array in foreign.weights().items()}
        for name, array in moved.items():
            self.sources[name].put(array, tensors)
        names = {self.sources[name].tensor for name in moved}
        foreign.load({name: tensors[name] for name in names})

    def weights(self) -> Weights:
        """Return the parameters that the file holds."""
        held = self.facing.foreign.weights()
        return {name: each.of(held) for name, each in self.sources.items() if each.tensor}


class OwnLearner:
    """The spec's own program, which gives its loss to no other than a file does."""

    def __init__(self, backend: Any, program: Any, inputs: Mapping[str, Array]) -> None:
        """program: built in float64. inputs: any, to see what it calls its outputs."""
        self.program = program
        self.mine = backend.open_program(program)
        with program.precision():
            given = self.mine.run(inputs)
        self.called = dict(zip(program.spec.graph.outputs, given, strict=True))

    def outputs(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return the outputs as in training."""
        with self.program.precision():
            found, _ = self.mine.learn(inputs, {})
        return {name: found[inner] for name, inner in self.called.items()}

    def gradients(self, inputs: Mapping[str, Array], towards: Mapping[str, Array]) -> Weights:
        """Return the gradients."""
        named = {self.called[name]: array for name, array in towards.items()}
        with self.program.precision():
            return dict(self.mine.learn(inputs, named)[1])

    def put(self, moved: Mapping[str, Array]) -> None:
        """Load parameters."""
        self.mine.load(moved)

    def weights(self) -> Weights:
        """Return the parameters."""
        return dict(self.mine.weights())
