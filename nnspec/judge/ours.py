"""The spec's side: the value of every layer, computed by the source that nnspec writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from nnspec.layers.core import Dense
from nnspec.layers.rows import MergeRows, PartRows
from nnspec.layers.sharing import TiedDense
from nnspec.layers.weighted import DIRECTION, LENGTH
from nnspec.network.graph import Graph, LayerNode, inline
from nnspec.network.loader import Spec
from nnspec.network.opened import all_values, as_spec, flat
from nnspec.verification.engines import SourceEngine
from nnspec.verification.networks import one_layer
from nnspec.weights.normalized import weight_of

if TYPE_CHECKING:
    from nnspec.backend import Array, Program, Weights


UNCOMPUTED = ("parameter", "constant", "arange", "coordinate_grid")
"""Layers that take a value for its sizes alone: that a run holds what they give says nothing."""


class Layered(Protocol):
    """A layer whose parameters are looked for in a file."""

    @property
    def inputs(self) -> Sequence[str]:
        """The names of the values that it takes."""
        ...

    @property
    def layer(self) -> Any:
        """The layer as the language has it, or None."""
        ...


class Fillable(Protocol):
    """A network to be filled with the tensors of a file. fixed: parameters that are no tensors."""

    @property
    def weights(self) -> Mapping[str, Array]:
        """The parameters by name."""
        ...

    @property
    def fixed(self) -> AbstractSet[str]:
        """The parameters that are always 0."""
        ...

    @property
    def unfed(self) -> AbstractSet[str]:
        """The parameters of layers that nothing of the inputs reaches."""
        ...


class Ours:
    """A spec with its blocks opened, so that each layer can be computed alone.

    names: of each layer of the opened network, its path in the spec.
    """

    def __init__(self, spec: Spec, engine: SourceEngine, weights: Weights) -> None:
        self.spec = spec
        self.engine = engine
        self.weights = dict(weights)
        self.opened = as_spec(spec, all_values(spec.graph), is_trained=False)
        self.paths = {flat(at.path): at.path for at in spec.graph.walk()}
        self._inner = {
            f"{at.path}.{parameter.name}": f"{flat(at.path)}.{parameter.name}"
            for at in spec.graph.walk()
            for parameter in at.parameters()
        }
        self._of_layer: dict[str, dict[str, str]] = {}
        for name, inner in self._inner.items():
            home, _, own = inner.partition(".")
            self._of_layer.setdefault(home, {})[own] = name
        self.fixed = {name for name, each in spec.graph.parameters() if each.is_fixed}
        self._alone: dict[tuple[str, Any], Any] = {}
        self._program: Any = None
        self._whole: Any = None
        self._loaded: dict[str, Array] = {}

    @property
    def nodes(self) -> tuple[LayerNode, ...]:
        """The layers in the order of computation."""
        return tuple(node for node in self.opened.graph.nodes if isinstance(node, LayerNode))

    @cached_property
    def unfed(self) -> set[str]:
        """The parameters of layers that nothing of the inputs reaches: no run need show them."""
        found: set[str] = set()
        values: set[str] = set()
        for node in self.nodes:
            if node.layer.type in UNCOMPUTED or (node.inputs and values.issuperset(node.inputs)):
                found.update(self.parameters(node).values())
                values.update(node.outputs)
        return found

    def path_of(self, node: LayerNode) -> str:
        """Return the path of a layer in the spec, as reports name it."""
        return self.paths.get(node.name, node.name)

    def parameters(self, node: LayerNode) -> dict[str, str]:
        """Return the parameters that a layer owns: its name for each -> the canonical name."""
        if node.owner is not None:
            return {}
        return self._of_layer.get(node.name, {})

    @cached_property
    def ends(self) -> list[str]:
        """The outputs, as the opened network calls them."""
        return [flat(name) for name in inline(self.spec.graph).outputs]

    @cached_property
    def computed(self) -> set[str]:
        """The layers of which the outputs take the numbers, and not the sizes alone."""
        wanted, found = set(self.ends), set[str]()
        for node in reversed(self.nodes):
            if wanted.intersection(node.outputs):
                found.add(node.name)
                if node.layer.type not in UNCOMPUTED:
                    wanted.update(node.inputs)
        return found

    def made_of(self, owned: Mapping[str, str]) -> set[str]:
        """Return the values that a layer with these parameters gives, or that are made of them."""
        found: set[str] = set()
        for node in self.nodes:
            is_own = self.names_of(node) == owned
            if is_own or found.intersection(node.inputs):
                found.update(node.outputs)
        return found

    def every_value(
        self, weights: Mapping[str, Array], inputs: Mapping[str, Array]
    ) -> dict[str, Array]:
        """Return the value of every layer, with these weights by canonical name."""
        own = {self._inner[name]: np.asarray(each, "float64") for name, each in weights.items()}
        if self._whole is None:
            self._whole = self.engine.build(self.opened, own, "float64")
        else:
            self._whole.load_weights(own)
        found: dict[str, Array] = self._whole.forward(inputs)
        return found

    def values(
        self, node: LayerNode, values: Mapping[str, Array], weights: Mapping[str, Array],
        layer: Any = None,
    ) -> dict[str, Array]:  # fmt: skip
        """Return what a layer alone gives of these values, with its own weights by own name.

        layer: another in its place.
        """
        if isinstance(node.layer, MergeRows | PartRows):
            return dict(zip(node.outputs, [_rows(node, values)], strict=True))
        node, graph, own, feeds = self._parts(node, weights, layer)
        key = (node.name, repr(node.layer))  # a layer that holds a list has no hash
        program = self._alone.get(key)
        if program is None:
            program = self.engine.build(
                as_spec(self.opened, graph, is_trained=False), own, "float64"
            )
            self._alone = {**dict([*self._alone.items()][-1:]), key: program}
        else:
            program.load_weights(own)
        inputs = {name: values[value] for name, value in feeds.items()}
        found: dict[str, Array] = program.forward(inputs)
        return found

    def alone(
        self, node: LayerNode, weights: Mapping[str, Array]
    ) -> tuple[Spec, dict[str, Array], dict[str, str]] | None:
        """Return a layer alone as a spec, its weights, and the value that each input is.

        None for one that computes nothing. weights: by own name.
        """
        if isinstance(node.layer, MergeRows | PartRows):
            return None
        _, graph, own, feeds = self._parts(node, weights, None)
        return as_spec(self.opened, graph, is_trained=False), own, feeds

    def _parts(
        self, node: LayerNode, weights: Mapping[str, Array], layer: Any
    ) -> tuple[LayerNode, Graph, dict[str, Array], dict[str, str]]:
        if isinstance(node.layer, TiedDense):
            node, weights = self._untied(node, weights)
        if layer is not None:
            node = node._replace(layer=layer)
        graph = one_layer(self.opened.graph, node)
        own = {f"{node.name}.{name}": array for name, array in weights.items()}
        feeds = dict(zip(graph.inputs, dict.fromkeys(node.inputs), strict=True))
        return node, graph, own, feeds

    def shape_of(self, node: LayerNode, own: str, layer: Any) -> tuple[int, ...]:
        """Return the shape of a parameter of a layer, by its own name, if it were another."""
        graph = one_layer(self.opened.graph, node._replace(layer=layer))
        return tuple(dict(graph.parameters())[f"{node.name}.{own}"].shape)

    @property
    def plain(self) -> Spec:
        """The spec without its training."""
        return as_spec(self.spec, self.spec.graph, is_trained=False)

    def _untied(
        self, node: LayerNode, weights: Mapping[str, Array]
    ) -> tuple[LayerNode, dict[str, Array]]:
        """Return a layer that uses the table of another as one of its own, with its weights."""
        names = self._of_layer[node.tied or ""]
        if "weight" in names:
            table = self.weights[names["weight"]]
        else:  # it is held as lengths and directions
            parts = (self.weights[names[f"weight{end}"]] for end in (LENGTH, DIRECTION))
            table = weight_of(*parts)
        bias = isinstance(node.layer, TiedDense) and node.layer.use_bias
        dense = Dense(units=table.shape[0], use_bias=bias)
        return node._replace(layer=dense, owner=None, tied=None), {**weights, "weight": table}

    def own_weights(self, node: LayerNode) -> dict[str, Array]:
        """Return the weights that a layer computes with, by its own names for them."""
        return {own: self.weights[name] for own, name in self.names_of(node).items()}

    def names_of(self, node: LayerNode) -> dict[str, str]:
        """Return the parameters that a layer computes with: its own, or of one that it calls."""
        return self._of_layer.get(node.owner or node.name, {})

    def program(self) -> Program:
        """Return the network as it is written, with the weights that are known."""
        is_loaded = all(self._loaded.get(name) is array for name, array in self.weights.items())
        if is_loaded and self._program is not None:
            return cast("Program", self._program)
        weights = {name: np.asarray(array, "float64") for name, array in self.weights.items()}
        if self._program is None:
            self._program = self.engine.build(self.plain, weights, "float64")
        else:
            self._program.load_weights(weights)
        self._loaded = dict(self.weights)
        return cast("Program", self._program)

    def outputs(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs of the network as it is written."""
        return self.program().forward(inputs)


def _rows(node: LayerNode, values: Mapping[str, Array]) -> Array:
    """Return the elements along the first axis as rows of the batch, or those parted again."""
    array, *others = (values[value] for value in node.inputs)
    shape = others[0].shape[:2] if others else (-1,)
    return array.reshape(*shape, *array.shape[1 if others else 2 :])


def with_fields(layer: Any, **fields: Any) -> Any:
    """Return a layer with other values of some fields, checked as the language checks them."""
    given = {**{name: getattr(layer, name) for name in type(layer).model_fields}, **fields}
    return type(layer).model_validate(given)
