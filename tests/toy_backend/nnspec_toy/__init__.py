"""A third-party backend: NumPy source for chains of dense layers and two activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec import layers
from nnspec.backend import DEFAULTS, Backend, Options, Support, require_supported
from nnspec.emit.loading import load_source
from nnspec.layers import Layer
from nnspec.network.graph import inline
from nnspec.network.loader import Spec
from nnspec.support.files import write_text
from nnspec.weights.canonical import check_weights, initial_weights

if TYPE_CHECKING:
    from nnspec.backend import Array


def dense(layer: layers.Dense, path: str, given: str) -> str:
    bias = f' + weights["{path}.bias"]' if layer.use_bias else ""
    return f'{given} @ weights["{path}.weight"].T{bias}'


def relu(layer: layers.Relu, path: str, given: str) -> str:
    return f"np.maximum({given}, 0)"


def linear(layer: layers.Linear, path: str, given: str) -> str:
    return given


LOWERINGS: Mapping[type[Layer], Callable[..., str]] = {
    layers.Dense: dense,
    layers.Relu: relu,
    layers.Linear: linear,
}
UNSUPPORTED: Mapping[type[Layer], str] = {
    layer: "a toy does without it"
    for layer in {**layers.LAYERS, **layers.ACTIVATIONS}.values()
    if layer not in LOWERINGS
}


@dataclass(frozen=True)
class ToyProgram:
    spec: Spec
    model: Any
    weights: Mapping[str, Array]

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        outputs = self.model(self.weights, **inputs)
        return dict(zip(self.spec.graph.outputs, outputs, strict=True))


@dataclass(frozen=True)
class ToyCompiled:
    spec: Spec
    source: str

    def write(self, path: str | Path) -> Path:
        return write_text(path, self.source)

    def build(self, weights: Mapping[str, Array] | None = None, *, dtype: str = "float32") -> Any:
        if weights is None:
            weights = initial_weights(self.spec.graph)
        check_weights(self.spec.graph, weights)
        cast = {name: np.asarray(array, dtype) for name, array in weights.items()}
        return ToyProgram(self.spec, load_source(self.source, "toy").network, cast)


class ToyBackend(Backend):
    name = "toy"
    layers = Support(LOWERINGS, UNSUPPORTED)

    def compile(self, spec: Spec, options: Options = DEFAULTS) -> ToyCompiled:
        require_supported(self, spec, options)
        graph = inline(spec.graph)
        lines = ["import numpy as np", "", "", f"def network(weights, {', '.join(graph.inputs)}):"]
        names = {value: value for value in graph.inputs}
        for i, node in enumerate(graph.nodes):
            layer = node.layer  # type: ignore[union-attr]  # an inlined graph has layers only
            text = LOWERINGS[type(layer)](layer, node.name, names[node.inputs[0]])
            activation = getattr(layer, "activation", None)
            if activation is not None:
                text = LOWERINGS[type(activation)](activation, node.name, f"({text})")
            names[node.outputs[0]] = f"x{i}"
            lines.append(f"    x{i} = {text}")
        lines.append(f"    return [{', '.join(names[value] for value in graph.outputs)}]")
        return ToyCompiled(spec, "\n".join(lines) + "\n")


backend = ToyBackend()
