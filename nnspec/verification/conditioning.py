"""How far rounding within layers moves what a network computes.

Perturbing parameters and inputs does not show where a formula subtracts: x - tanh(x) of a small x,
or a normalisation of values that hardly vary, loses what is relative to x, and not to the result.
So the network is opened, and to each value a small number is added: what its layer's own formula
may be off by.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnspec.graph import Graph, LayerNode, inline
from nnspec.layers import Add, Layer
from nnspec.loader import Spec
from nnspec.shapes import TensorType
from nnspec.verification.engines import SourceEngine
from nnspec.verification.inner import INNER
from nnspec.verification.networks import all_values, as_spec, flat
from nnspec.verification.samples import sizes_of
from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


@dataclass(frozen=True)
class Conditioning:
    """How far rounding within layers moves the outputs, relative to the largest; the worst layer.

    loss: how much larger than the layer's result the numbers are of which that is left.
    """

    moved: float
    layer: str
    loss: float


class _Noisy:
    """An opened network in which a number of an input of its own is added to each value."""

    def __init__(self, graph: Graph) -> None:
        self.opened = all_values(graph)
        self.nodes: list[LayerNode] = []
        self.types = dict(self.opened.types)
        self.added: dict[str, str] = {}
        """Value -> the input that is added to it."""
        self.sums: dict[str, str] = {}
        """Value -> what stands for it with that added."""
        self.computed: dict[str, tuple[str, str, Layer, tuple[str, ...]]] = {}
        """Value -> the layer that gives it: its node, whose weights it has, itself, its inputs."""
        self.taken = set(self.types) | {node.name for node in self.opened.nodes}
        for node in self.opened.nodes:
            assert isinstance(node, LayerNode)
            self._place(node)

    def network(self) -> Graph:
        """Return the network: its outputs are all values, and these with what is added."""
        inputs = {
            **self.opened.inputs,
            **{name: TensorType(self.types[value].shape) for value, name in self.added.items()},
        }
        return dataclasses.replace(
            self.opened,
            inputs=inputs,
            nodes=tuple(self.nodes),
            types={**self.types, **inputs},
            outputs=(*self.computed, *self.sums.values()),
        )

    def _place(self, node: LayerNode) -> None:
        inputs, activation = node.inputs, node.layer.output_activation
        node = dataclasses.replace(node, inputs=tuple(self.sums.get(v, v) for v in inputs))
        if activation is None or type(activation) not in INNER:
            self._add(node, node.layer, inputs)
            return
        # What it is applied to is a value of its own.
        inner = self._free(f"{node.outputs[0]}_linear")
        self.types[inner] = self.types[node.outputs[0]]
        plain = node.layer.model_copy(update={"activation": None})
        outputs = (inner, *node.outputs[1:])
        self._add(dataclasses.replace(node, layer=plain, outputs=outputs), plain, inputs)
        name = self._free(f"{node.name}_activation")
        bent = LayerNode(name, activation, (self.sums[inner],), node.outputs[:1])
        self._add(bent, activation, (inner,), of=node.name)

    def _add(
        self, node: LayerNode, layer: Layer, inputs: tuple[str, ...], *, of: str | None = None
    ) -> None:
        self.nodes.append(node)
        for value in node.outputs:
            self.computed[value] = (of or node.name, node.owner or node.name, layer, inputs)
            if self.types[value].dtype == "float32":
                self.added[value] = self._free(f"{value}_noise")
                total = self._free(f"{value}_moved")
                self.types[total] = self.types[value]
                self.nodes.append(LayerNode(total, Add(), (value, self.added[value]), (total,)))
                self.sums[value] = total

    def _free(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name


def conditioning_of(
    engine: SourceEngine,
    spec: Spec,
    weights: Weights,
    inputs: Mapping[str, Array],
    axes: Mapping[str, int],
    *,
    unit: float,
    draws: Iterable[np.random.Generator],
) -> Conditioning:
    """Return how far the outputs move where every layer's own formula rounds by this unit."""
    noisy = _Noisy(spec.graph)
    paths = {flat(at.path): at.path for at in spec.graph.walk()}
    named = {
        f"{flat(at.path)}.{p.name}": weights[f"{at.path}.{p.name}"]
        for at in spec.graph.walk()
        for p in at.parameters()
    }
    network = noisy.network()
    program = engine.build(as_spec(spec, network, is_trained=False), named, "float64")
    rows = len(next(iter(inputs.values())))
    silent = {
        name: np.zeros((rows, *sizes_of(noisy.types[value].shape, axes)))
        for value, name in noisy.added.items()
    }
    values: dict[str, Array] = {**inputs, **program.forward({**inputs, **silent})}
    outputs = [noisy.sums[value] for value in _outputs(noisy.opened, spec.graph, noisy.sums)]
    expected = {name: values[name] for name in outputs}
    sizes: dict[str, Array] = {}
    worst = ("", 0.0)
    for value, name in noisy.added.items():
        node, home, layer, taken = noisy.computed[value]
        result = np.abs(values[value])
        sizes[name] = unit * result
        if type(layer) in INNER:
            own = {
                key.rpartition(".")[2]: array
                for key, array in named.items()
                if key.rpartition(".")[0] == home
            }
            inner = INNER[type(layer)](layer, values[taken[0]], own, spec.graph.data_format)
            sizes[name] = unit * (result + inner)
            loss = float(np.max(inner, initial=0.0)) / max(float(result.max(initial=0.0)), 1e-300)
            worst = max(worst, (paths[node], loss), key=lambda each: each[1])
    moved = 0.0
    for draw in draws:
        given = {
            name: size * (draw.integers(0, 2, size.shape) * 2.0 - 1.0)
            for name, size in sizes.items()
        }
        found = program.forward({**inputs, **given})
        moved = max(moved, relative_error({name: found[name] for name in outputs}, expected))
    return Conditioning(moved, *worst)


def _outputs(opened: Graph, graph: Graph, sums: Mapping[str, str]) -> list[str]:
    """Return the values that are the outputs of the network that was opened."""
    return [flat(name) for name in inline(graph).outputs if flat(name) in sums]
