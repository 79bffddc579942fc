"""A network as notebooks and the interpreter show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nnspec.errors import Problem, printable
from nnspec.layers.shapes import product, show
from nnspec.network.graph import Graph, LayerAt
from nnspec.support import html


def text_of(graph: Graph) -> str:
    """Return `<Spec Net: x (8,) -> y (3,)>`, however large the network is."""
    return printable(f"<Spec {graph.name}: {_ends(graph)}>")


def html_of(graph: Graph, advice: Iterable[Problem]) -> str:
    """Return a table of the layers with their shapes and parameters, and the advice."""
    places = list(graph.walk())
    total = sum(map(_parameters, places))
    about = [graph.description] if graph.description else []
    about.append(f"{_ends(graph)}; {total:,} parameters")
    return html.titled(
        graph.name,
        html.lines(about),
        html.table(("layer", "type", "output", "parameters"), _rows(places), numeric=1),
        html.lines(f"advice[{each.code}]: {each.message}" for each in advice),
    )


def _ends(graph: Graph) -> str:
    return " -> ".join(
        ", ".join(f"{name} {show(graph.types[name].shape)}" for name in names)
        for names in (graph.inputs, graph.outputs)
    )


def _rows(places: list[LayerAt]) -> Iterator[tuple[str, str, str, str]]:
    for at in places:
        shapes = ", ".join(map(show, at.output_shapes))
        count = _parameters(at)
        yield at.path, at.node.layer.type, shapes, f"{count:,}" if count else ""


def _parameters(at: LayerAt) -> int:
    return sum(product(each.shape) or 0 for each in at.parameters())
