"""Other ways of writing a network: the same layers in blocks, activations apart, layers between."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from nnspec.errors import SpecError
from nnspec.language.source import parse
from nnspec.network.loader import loads

Document = dict[str, Any]

_ACTIVATIONS = frozenset({"relu", "sigmoid", "tanh", "softmax", "selu"})
_WEIGHTED = frozenset({"dense", "conv2d"})
BETWEEN: dict[str, Document] = {
    "linear": {"type": "linear"},
    "no dropout": {"type": "dropout", "rate": 0.0},
    "dropout": {"type": "dropout", "rate": 0.1},
    "rescaling": {"type": "rescaling", "scale": 2.0},
}
_FEW = 8
"""Layers of which every part is put into a block."""


def document_of(text: str) -> Document:
    """Return the document of a spec's text."""
    return _plain(parse(text, is_json=False))  # type: ignore[no-any-return]


def ways(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield (name, document) for each way that there is of writing this network otherwise."""
    yield "as it is", document
    yield from _activations(document)
    if _is_chain(document):
        layers = _unrepeated(document["layers"])
        yield from _blocks(document, layers)
        yield from _between(document, layers)
    if "training" in document and "outputs" not in document:
        yield from _outputs(document)
    if "data_format" not in document:
        inputs = {name: _channels_last(given) for name, given in document["inputs"].items()}
        yield "channels last", {**document, "data_format": "channels_last", "inputs": inputs}


def _activations(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield activations as layers of their own, as arguments, and as arguments with a `type`."""
    apart: list[Document] = []
    mapped: list[Document] = []
    inside: list[Document] = []
    for layer in _unrepeated(document["layers"]):
        name, activation = layer.get("name"), layer.get("activation")
        if isinstance(activation, str):
            mapped.append({**layer, "activation": {"type": activation}})
            bare = {key: value for key, value in layer.items() if key not in ("activation", "name")}
            apart += [bare, {"type": activation, **({"name": name} if name else {})}]
        else:
            mapped.append(layer)
            apart.append(layer)
        last = inside[-1] if inside else {"type": ""}
        is_free = last["type"] in _WEIGHTED and "activation" not in last
        if layer["type"] in _ACTIVATIONS and len(layer) == 1 and is_free:
            inside[-1] = {**last, "activation": layer["type"]}
        else:
            inside.append(layer)
    for name, layers in (("apart", apart), ("mapped", mapped), ("inside", inside)):
        yield f"activations {name}", {**document, "layers": layers}


def _blocks(document: Document, layers: list[Document]) -> Iterator[tuple[str, Document]]:
    """Yield each part of the layers in a block, used once and repeated."""
    count = len(layers)
    spans = [(i, j) for i in range(count) for j in range(i + 1, count + 1)]
    if count > _FEW:
        spans = [(0, 1), (0, count - 1), (2, count - 2), (count - 2, count - 1)]
    for first, last in spans:
        for times in (None, 1, 2):
            use = {"type": "part", **({"repeat": times} if times else {})}
            name = f"{first} to {last} in a block{f' x {times}' if times else ''}"
            yield (
                name,
                {
                    **document,
                    "blocks": {"part": {"layers": layers[first:last]}},
                    "layers": [*layers[:first], use, *layers[last:]],
                },
            )


def _between(document: Document, layers: list[Document]) -> Iterator[tuple[str, Document]]:
    """Yield a layer that computes little after each layer but the last."""
    graph = loads(json.dumps({**document, "layers": layers})).graph
    for i, node in enumerate(graph.nodes[:-1], 1):
        same = {"type": "reshape", "shape": list(graph.types[node.outputs[0]].shape)}
        for name, layer in {**BETWEEN, "reshape": same}.items():
            yield f"{name} at {i}", {**document, "layers": [*layers[:i], layer, *layers[i:]]}


def _outputs(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield the network with another output, and losses by name."""
    training, data = dict(document["training"]), document.get("data")
    if isinstance(training.get("loss"), Mapping) or data is not None:
        return
    ((given, kind),) = list(document["inputs"].items())[:1]
    layers = [dict(layer) for layer in document["layers"]]
    main = layers[-1].setdefault("name", "main")
    if len(kind["shape"]) > 1:
        layers.append({"name": "row", "type": "flatten", "inputs": given})
        given = "row"
    layers.append({"name": "other", "type": "dense", "units": 1, "inputs": given})
    training["task"] = {main: training["task"], "other": "regression"}
    if "loss" in training:
        training["loss"] = {main: training["loss"], "other": "mse"}
    more = {"layers": layers, "outputs": [main, "other"], "training": training}
    yield "one of two outputs", {**document, **more}


def is_valid(document: Document) -> bool:
    """Whether a document is right: some ways lead to shapes that do not fit."""
    try:
        loads(json.dumps(document), is_json=True)
    except SpecError:
        return False
    return True


def _is_chain(document: Document) -> bool:
    return "blocks" not in document and all("inputs" not in each for each in document["layers"])


def _unrepeated(layers: list[Document]) -> list[Document]:
    return [
        {key: value for key, value in layer.items() if key != "repeat"}
        for layer in layers
        for _ in range(layer.get("repeat", 1))
    ]


def _channels_last(given: Document) -> Document:
    shape = given["shape"]
    return {**given, "shape": [*shape[1:], shape[0]]} if len(shape) == 3 else given


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
