"""The state of a body while it is resolved, shared by all that make its nodes."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from nnspec.errors import Mark
from nnspec.language.problems import Problems
from nnspec.language.schema import Block, Model
from nnspec.language.scope import Scope
from nnspec.layers.base import Layer, Side
from nnspec.layers.shapes import TensorType, show
from nnspec.network.entries import Entry, Reader
from nnspec.network.graph import Graph, Node
from nnspec.network.wiring import base_of, listed

Types = Mapping[str, TensorType | None]


class Features(NamedTuple):
    """The end of its axes where a value has its features, and what says so.

    origin: the layer that put them there, or the input. is_sure: whether that leaves no doubt.
    is_seen: whether its sizes alone say so.
    """

    side: Side
    origin: str
    is_sure: bool = True
    is_seen: bool = False


Given = tuple[Features | None, ...]


class Network(Protocol):
    """The network that a body belongs to: what all its bodies share."""

    problems: Problems
    model: Model
    reader: Reader
    used: set[str]
    """Blocks that something uses."""
    layers: dict[Graph, int]
    """Layers of each body, blocks opened."""
    takes_ids: bool
    """Whether a layer takes whole numbers of a range alone."""
    sizes: dict[Graph, int]
    """Elements of the parameters of each body."""
    given: dict[tuple[int, tuple[TensorType, ...]], tuple[Layer, tuple[TensorType, ...], int]]
    """By a layer's identity and what it takes: the layer, what it gives, its parameters' size."""
    read: int
    work: int

    def block_body(
        self,
        name: str,
        arguments: dict[str, object],
        types: tuple[TensorType, ...],
        chain: tuple[str, ...],
        mark: Mark | None,
        features: Given,
        optional: tuple[str, ...] = (),
    ) -> tuple[Graph, Given] | None:
        """Return the body of a block's use, and where what it gives has its features."""
        ...

    def use(self, block: str) -> None:
        """Note that a block is used, and what it uses in turn, though none of it is there."""
        ...

    def frozen(self, body: Graph) -> Graph:
        """Return the body of a block, of which training changes nothing."""
        ...

    def too_many(self, mark: Mark | None) -> None:
        """Say that the network has too many layers."""
        ...


class BodyState:
    """The values, nodes and entries of one body so far."""

    def __init__(
        self,
        resolver: Network,
        block: Block,
        types: Types,
        scope: Scope,
        chain: tuple[str, ...],
        features: dict[str, Features],
    ) -> None:
        self.resolver = resolver
        self.problems = resolver.problems
        self.model = resolver.model
        self.block = block
        self.scope = scope
        self.chain = chain
        self.inputs = types
        self.types: dict[str, TensorType | None] = dict(types)
        self.features: dict[str, Features] = features
        """The side of the features, of the values of which it is known."""
        self.accused: set[str] = set()
        """Layers of which it is reported that they look for the features where they are not."""
        self.nodes: dict[str, Node] = {}
        self.size = 0
        """Elements of the parameters of the nodes so far."""
        self.weighted: dict[str, bool] = {}
        """Whether a node has weights, of those that are called again."""
        self.by_name: dict[str, Entry] = {}
        self.origins: dict[str, Mark | None] = {}
        self.rows: dict[str, tuple[str, str]] = {}
        """By a value: the one with its first axis among the rows, and what that was made of."""
        self.around: dict[str, tuple[list[Node], list[Node]]] = {}
        """The nodes before and after one that works on rows."""

    def wrong_number(
        self,
        entry: Entry,
        kind: str,
        least: int,
        most: int | None,
        got: int,
        names: tuple[str, ...] = (),
    ) -> None:
        """Report too few or too many inputs; names: of those that a block takes."""
        entry.unknown_inputs = got < least  # another value may be one of them
        several = f"{least} to {most}" if most is not None else f"at least {least}"
        wanted = f"{least}" if most == least else several
        noun = "input" if wanted == "1" else "inputs"
        self.problems.add(
            "wrong-number-of-inputs",
            f'{kind} "{entry.name}" takes {wanted} {noun}, and got {got}'
            f"{': ' + listed(entry.inputs or ()) if entry.inputs else ''}",
            entry.place("inputs"),
            _missing(entry, got, names) if got < least else "remove the surplus ones",
        )

    def described(self, name: str) -> str:
        type_ = self.types[name]
        assert type_ is not None
        if name in self.inputs:
            return f'input "{name}" is {show(type_.shape)}'
        mark = self.origins.get(base_of(name)) if self.problems.is_of_spec else None
        place = f" ({mark.where})" if mark is not None else ""
        return f'"{name}"{place} gives {show(type_.shape)}'


def _missing(entry: Entry, got: int, names: tuple[str, ...]) -> str:
    """Return how the inputs are named, where there are too few."""
    if not names:
        return "name them: inputs: [a, b]"
    given = [*(entry.inputs or ()), *(f"<{name}>" for name in names[got:])]
    return f"it takes {listed(names)}: name one for each, inputs: [{', '.join(given)}]"
