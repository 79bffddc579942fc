"""The records in which a backend tells of a file that nnspec has not written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from nnspec.backend.programs import Array, Weights


KEPT = 2**31
"""Bytes of values that a trace keeps."""
HALVES = ("float16", "bfloat16")
"""Dtypes of half precision."""
STATE_DICT = "state dict"
"""The kind of a file that holds weights and no program."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The part of a file that is meant: `model.py:Net`, or the file itself.

    path: absolute. name: of a class, a function or a network in a Python file; "" for the one
    there is. arguments: of the call that makes the network.
    """

    path: str
    name: str = ""
    arguments: tuple[Any, ...] = ()
    named: Mapping[str, Any] | None = None

    @property
    def label(self) -> str:
        """The name that reports give it."""
        file = self.path.replace("\\", "/").rpartition("/")[2]
        return f"{file}:{self.name}" if self.name else file


@dataclass(frozen=True, slots=True)
class Given:
    """An input as the file takes it; a size is None where the file leaves it open.

    shape: with the batch, or None where the file does not say.
    """

    name: str
    shape: tuple[int | None, ...] | None
    dtype: str
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor that the file holds.

    is_learned: whether it is a parameter, and no statistic. aliases: other names of the same one.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    is_learned: bool = True
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Described:
    """A file by its own words.

    may_freeze: whether a parameter may not be said to be learned, since it is not to be trained.
    halves: parts that compute in half precision, beside the tensors that are held in it.
    """

    framework: str
    kind: str
    inputs: tuple[Given, ...]
    held: tuple[Held, ...]
    may_freeze: bool = False
    halves: tuple[str, ...] = ()

    def in_half_precision(self) -> tuple[str, ...]:
        """Return the names of what computes, or is held, in float16 or bfloat16."""
        held = (each.name for each in self.held if each.dtype in HALVES)
        return tuple(dict.fromkeys((*self.halves, *held)))


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a run.

    place: where it stands (`model.py:31, in net.2 (Linear, made at model.py:12)`). inputs,
    outputs: numbers of values; a value that is changed in place gets a new one. tensors: what it
    takes of the tensors held, directly or by operations on them alone.
    """

    number: int
    kind: str
    place: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    tensors: tuple[str, ...]

    def told(self) -> str:
        """Return its place and kind, as reports have them."""
        return f"{self.place} ({self.kind})"


@dataclass(frozen=True, slots=True)
class Trace:
    """A run: its operations in order, their values by number, and the outputs by name.

    is_whole: whether every value was kept; those beyond the limit of memory are not. is_of_nodes:
    whether its operations are the nodes of an ONNX graph.
    """

    steps: tuple[Step, ...]
    values: Mapping[int, Array]
    given: Mapping[str, int]
    outputs: Mapping[str, Array]
    is_whole: bool = True
    is_of_nodes: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """A parameter of a unit, as PyTorch lays such a one out, and the tensor that it is part of.

    own: its name within the unit. axes: the order of the tensor's. part: (which, of how many), of
    equal parts along the first axis after that. shape: that it is reshaped to.
    """

    own: str
    tensor: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    part: tuple[int, int] = (0, 1)

    @property
    def name(self) -> str:
        """The name that maps have for it."""
        return self.tensor if self.part[1] == 1 else f"{self.tensor}#{self.own}"


@dataclass(frozen=True, slots=True)
class Unit:
    """A step that takes tensors held, and that can be computed alone.

    kind: the layer that it is here, such as lstm, where its parameters have an order of gates, or
    batch_normalization; or "". epsilon: of the latter.
    """

    step: int
    views: tuple[View, ...]
    kind: str = ""
    epsilon: float = 0.0


@dataclass(frozen=True, slots=True)
class Cut:
    """A part of a network, or the whole, as Python that needs its framework and no nnspec.

    told: what it is. source: imports, what they need, and a function `computed(given)`, which
    returns arrays by name; `HERE` is the folder. given: what it takes. outputs: what it gives here.
    files: contents by name, the weights among them.
    """

    told: str
    needs: tuple[str, ...]
    source: str
    given: Mapping[str, Array]
    outputs: Mapping[str, Array]
    files: Mapping[str, bytes]


class Foreign(Protocol):
    """A network of a file, open in a process of its own."""

    def use(self, dtype: str) -> str:
        """Compute in this dtype, or in the one that there is, and return it."""
        ...

    def describe(self) -> Described:
        """Return what it takes and holds."""
        ...

    def weights(self) -> Weights:
        """Return every tensor held, by name."""
        ...

    def load(self, weights: Mapping[str, Array]) -> None:
        """Set tensors by name."""
        ...

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as at inference."""
        ...

    def run_training(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs as in training, random layers at work; nothing else changes.

        Raises UnsupportedError for a file that has no training.
        """
        ...

    def learn(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[dict[str, Array], Weights]:
        """Return the outputs as in training, or the gradients of Σ output · towards.

        Dropout is off. Without `towards` nothing changes, and there are no gradients; with it there
        are no outputs, the statistics move as in a step of training, and what the file does not let
        learn has no gradient. Raises UnsupportedError for a file that has no training.
        """
        ...

    def trace(self, inputs: Mapping[str, Array]) -> Trace:
        """Return the outputs as at inference, and every operation on the way to them."""
        ...

    def gradients(
        self, inputs: Mapping[str, Array], towards: Mapping[str, Array]
    ) -> tuple[Weights, Weights]:
        """Return the gradient of Σ output · towards by each tensor learned and each float input."""
        ...

    def units(self, inputs: Mapping[str, Array]) -> tuple[Trace, tuple[Unit, ...]]:
        """Return a run whose steps can then be computed alone, and those that take tensors."""
        ...

    def compute(
        self, steps: Sequence[int], values: Mapping[int, Array], variant: str = ""
    ) -> dict[int, Array]:
        """Return what steps of the last run of units give, in order, with the tensors held now.

        values: what they take, by number. variant: of the first step, one of `variants`.
        """
        ...

    def variants(self, step: int) -> list[str]:
        """Return what a step is often mistaken for, each told as what a file does instead."""
        ...

    def cuts(
        self, inputs: Mapping[str, Array], taken: Sequence[int], given: int | None, name: str,
        of_units: bool = False,
    ) -> list[Cut]:  # fmt: skip
        """Return the parts of the network that make one value of others, the smallest first.

        taken, given: the numbers of values in the trace of these inputs; with none given, the
        whole network is meant. name: that the names of files begin with. of_units: whether the
        trace is that of `units`. Which of the parts shows the same alone, whoever asks tries.
        """
        ...
