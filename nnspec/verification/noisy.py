"""An opened network in which a small number is added to each value."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

from nnspec.layers import Add, Layer, Multiply, Subtract
from nnspec.layers.reduction import Reduction
from nnspec.layers.rows import MergeRows
from nnspec.layers.shapes import Shape, TensorType
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.opened import all_values
from nnspec.verification.inner import INNER
from nnspec.verification.slopes import SLOPES


class Noisy:
    """An opened network in which a number of an input of its own is added to each value.

    bends: whether to what a layer of SLOPES gives is also added c · (x - x0), with its input x and
    two more inputs: 0 where x0 is x, with a derivative of c. unmoved: values that stay as they are.
    """

    def __init__(self, graph: Graph, *, bends: bool = False, unmoved: Collection[str] = ()) -> None:
        self.bends = bends
        self.unmoved = unmoved
        self.opened = all_values(graph)
        self.steps = {
            value: at.steps_given for at in self.opened.walk() for value in at.node.outputs
        }
        """Value -> the axes that are among its rows."""
        self.nodes: list[LayerNode] = []
        self.types = dict(self.opened.types)
        self.added: dict[str, str] = {}
        """Value -> the input that is added to it."""
        self.sums: dict[str, str] = {}
        """Value -> what stands for it with that added."""
        self.fed: dict[str, Shape] = {}
        """Each of these inputs, and those of `bent` -> its shape."""
        self.bent: dict[str, tuple[str, str]] = {}
        """Value -> the inputs c and x0."""
        self.computed: dict[str, tuple[str, str, Layer, tuple[str, ...]]] = {}
        """Value -> the layer that gives it: its node, whose weights it has, itself, its inputs."""
        self.taken = set(self.types) | {node.name for node in self.opened.nodes}
        for node in self.opened.nodes:
            assert isinstance(node, LayerNode)
            self._place(node)

    def network(self, *outputs: str) -> Graph:
        """Return the network: its outputs are all values, and these with what is added."""
        inputs = {
            **self.opened.inputs,
            **{name: TensorType(self.fed[name]) for name in self.added.values()},
            **{name: TensorType(self.fed[name]) for names in self.bent.values() for name in names},
        }
        return dataclasses.replace(
            self.opened,
            inputs=inputs,
            nodes=tuple(self.nodes),
            types={**self.types, **inputs},
            outputs=outputs or (*self.computed, *self.sums.values()),
        )

    def _place(self, node: LayerNode) -> None:
        inputs, activation = node.inputs, node.layer.output_activation
        node = node._replace(inputs=tuple(self.sums.get(v, v) for v in inputs))
        opens = type(activation) in INNER or (self.bends and type(activation) in SLOPES)
        if activation is None or not opens:
            self._add(node, node.layer, inputs)
            return
        # What it is applied to is a value of its own.
        inner = self._free(f"{node.outputs[0]}_linear")
        self.types[inner] = self.types[node.outputs[0]]
        plain = node.layer.model_copy(update={"activation": None})
        outputs = (inner, *node.outputs[1:])
        self._add(node._replace(layer=plain, outputs=outputs), plain, inputs)
        name = self._free(f"{node.name}_activation")
        bent = LayerNode(name, activation, (self.sums[inner],), node.outputs[:1])
        self._add(bent, activation, (inner,), of=node.name)

    def _add(
        self, node: LayerNode, layer: Layer, inputs: tuple[str, ...], *, of: str | None = None
    ) -> None:
        self.nodes.append(node)
        # Arrays have numbers where a shape has names.
        numbered = layer
        if isinstance(layer, Reduction):
            numbered = layer.by_number(self.types[inputs[0]].shape)
        for value in node.outputs:
            self.computed[value] = (of or node.name, node.owner or node.name, numbered, inputs)
            if self.types[value].dtype == "float32" and value not in self.unmoved:
                self.added[value] = self._free(f"{value}_noise")
                terms = [value, self._fed(value, self.added[value])]
                if self.bends and type(layer) in SLOPES:
                    terms.append(self._bend(value, node.inputs[0]))
                self.sums[value] = self._computed(value, "moved", Add(), *terms)

    def _bend(self, value: str, taken: str) -> str:
        """Return a value of 0 that has a derivative of its own."""
        slope, origin = self._free(f"{value}_slope"), self._free(f"{value}_origin")
        self.bent[value] = slope, origin
        return self._computed(
            value,
            "bend",
            Multiply(),
            self._fed(value, slope),
            self._computed(value, "off", Subtract(), taken, self._fed(value, origin)),
        )

    def _fed(self, value: str, name: str) -> str:
        """Return what stands for an input in the rows of a value."""
        steps = self.steps.get(value, ())
        shape = self.fed[name] = (*steps, *self.types[value].shape)
        for i in range(len(steps)):
            rows = self._free(f"{name}_rows")
            self.types[rows] = TensorType(shape[i + 1 :])
            self.nodes.append(LayerNode(rows, MergeRows(), (name,), (rows,)))
            name = rows
        return name

    def _computed(self, value: str, suffix: str, layer: Layer, *taken: str) -> str:
        name = self._free(f"{value}_{suffix}")
        self.types[name] = self.types[value]
        self.nodes.append(LayerNode(name, layer, taken, (name,)))
        return name

    def _free(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name
