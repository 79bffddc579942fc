"""An optimizer whose gradients are clipped and accumulated; the source defines its classes."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from nnspec.emit.code import Call
from nnspec.emit.snippets import snippets
from nnspec.language.training_schema import Training
from nnspec.layers.recurrent import GRU, Bidirectional
from nnspec.network.graph import Graph
from nnspec_keras.defined import derived

_CLIPPED = {"norm": "Clipped", "norm_each": "ClippedEach", "value": "ClippedValue"}
_STOCK = {"norm": "global_clipnorm", "norm_each": "clipnorm", "value": "clipvalue"}


class Updated(NamedTuple):
    """The call that makes the optimizer, and its classes that `SOURCES` has not as such."""

    optimizer: Call
    classes: tuple[str, ...] = ()


def updated(optimizer: Call, training: Training, graph: Graph, *, stock: bool) -> Updated:
    """Return the optimizer with the clipping and the accumulation of the spec.

    stock: by Keras's own arguments, whose clipping and schedules differ.
    """
    clip, count = training.clip, training.accumulate
    if stock:
        keywords: dict[str, object] = {}
        if clip is not None:
            keywords[_STOCK[clip.kind]] = clip.given[clip.kind]
        if count > 1:
            keywords["gradient_accumulation_steps"] = count
        given = (*optimizer.keywords, *keywords.items())
        return Updated(replace(optimizer, keywords=given))
    classes = []
    name = optimizer.function.rpartition(".")[2]
    if clip is not None:
        key = "clip_value" if clip.kind == "value" else "clip_norm"
        classes.append(_derived(_CLIPPED[clip.kind], f"Clipped{name}", optimizer, graph))
        optimizer = _called(optimizer, f"Clipped{name}", key, clip.given[clip.kind])
    if count > 1:
        classes.append(_derived("Accumulating", f"Accumulating{name}", optimizer, graph))
        optimizer = _called(optimizer, f"Accumulating{name}", "batches", count)
    return Updated(optimizer, tuple(classes))


def _called(optimizer: Call, function: str, key: str, value: object) -> Call:
    return Call(function, optimizer.positional, (*optimizer.keywords, (key, value)))


def _derived(source: str, name: str, base: Call, graph: Graph) -> str:
    """Return a class of `emitted/updates.py` over another optimizer, under a name of its own."""
    from nnspec.emit.specialised import with_constants

    text = snippets("nnspec_keras.emitted", "updates")[source].text
    if source == "ClippedEach":
        text = with_constants(text, HAS_ROWS=_has_rows(graph))
    return derived(text, source, name, base.function)


def _has_rows(graph: Graph) -> bool:
    """Whether a variable holds several parameters: Keras has both biases of a GRU in one."""
    for at in graph.walk():
        layer = at.node.layer
        inner = layer.layer if isinstance(layer, Bidirectional) else layer
        if isinstance(inner, GRU):
            return True
    return False
