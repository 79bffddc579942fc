"""The records of a walk through a spec beside a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from nnspec.backend.foreign import Held, Trace
from nnspec.judge.sources import Source

if TYPE_CHECKING:
    from nnspec.backend import Array

INSTEAD = 4
"""Values of a run that are tried in the place of what a layer, or a step, gives."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first layer whose value a run does not hold, although it holds what the layer takes.

    places: of the operations of the file that take the same values, and give others. cause: what
    the file does instead, where a change of the layer gives its value.
    """

    layer: str
    kind: str
    places: tuple[str, ...] = ()
    cause: str = ""
    is_sure: bool = True
    """Whether every way to fill the layer with tensors of the file was tried."""
    taker: str = ""
    """The layer that takes what this one gives, where the fault lies between the two."""

    def told(self) -> str:
        """Return it as a sentence or two."""
        at = f" at {' and '.join(self.places)}" if self.places else ""
        text = f'The file parts from the layer "{self.layer}" ({self.kind}){at}'
        to = f' to the layer "{self.taker}"' if self.taker else ""
        return f"{text}: {self.cause}{to}." if self.cause else f"{text}."


def standing_in(
    trace: Trace, shape: tuple[int, ...], starts: set[int], known: set[int]
) -> Iterator[Array]:
    """Yield the first values of a run, in its order, that may stand for one of this shape.

    starts: the numbers of the values that it is made of. known: of those that are something else.
    """
    reached = set(starts)
    count = 0
    for step in trace.steps:
        if not reached.intersection(step.inputs) or known.intersection(step.outputs):
            continue
        reached.update(step.outputs)
        for number in step.outputs:
            array = trace.values.get(number)
            if array is not None and array.shape == shape and count < INSTEAD:
                count += 1
                yield array


class Other(NamedTuple):
    """A fault of a layer of the walk, and what the file gives if it has that.

    uncomputed: layers that then lead nowhere.
    """

    name: str
    given: dict[str, Array]
    fault: Fault
    uncomputed: tuple[str, ...] = ()

    @property
    def forced(self) -> dict[str, dict[str, Array]]:
        """The values that the layers at fault give, by name."""
        return {**{name: {} for name in self.uncomputed}, self.name: self.given}


@dataclass(frozen=True, slots=True)
class Blamed:
    """A fault. name: of the layer in the walk. instead: what the file may give in its place."""

    name: str
    fault: Fault
    instead: list[dict[str, Array]]
    sources: dict[str, Source] = field(default_factory=dict)
    """Of the layer's parameters, where it was filled wrongly and is not at fault."""
    others: list[Other] = field(default_factory=list)
    """Faults that it may be instead, if the walk goes on from what the file then gives."""
    is_counted: bool = False
    """Whether the file lacks tensors of the layer, in whatever order those are that it has."""


@dataclass
class Filled:
    """A layer as a walk has filled it, for the walks after it that come to it alike.

    taken, weights, known, used, lent: with which it was met: what it takes, the weights of the
    layer that it calls again, the sources known beforehand, the tensors used by then, and those of
    them that are lent. The rest is what the walk found; see Walked and Ways.
    """

    taken: list[Array]
    weights: list[Array]
    known: dict[str, Source | None]
    used: dict[str, set[int]]
    lent: set[str]
    given: dict[str, Array] = field(default_factory=dict)
    is_met: bool = False
    filled: dict[str, Array] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, list[int]] = field(default_factory=dict)
    shifts: dict[str, Source] = field(default_factory=dict)
    after: dict[str, set[int]] = field(default_factory=dict)
    after_lent: set[str] = field(default_factory=set)

    def is_as(self, other: Filled) -> bool:
        """Whether a layer is come to as it was before."""
        pairs = [(self.taken, other.taken), (self.weights, other.weights)]
        return (
            all(len(one) == len(two) for one, two in pairs)
            and all(a is b for one, two in pairs for a, b in zip(one, two, strict=True))
            and self.known == other.known
            and self.used == other.used
            and self.lent == other.lent
        )


@dataclass
class Walked:
    """The results of a walk.

    sources: of each parameter, by canonical name. proven: those of layers whose value the run
    holds. missing: parameters that no tensor fits. unused: learned tensors that no parameter takes.
    """

    sources: dict[str, Source] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)
    unused: list[Held] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    """Biases that the layers have and the file has not: the place of each layer there."""
    met: int = 0
    steps: int = 0
    """Layers met that give other numbers than they take: what shows that a walk goes on."""
    layers: int = 0
    broken: str = ""
    """The reason for which the walk has ended before the last layer, or nothing."""
