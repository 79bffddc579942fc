"""The part of a variational autoencoder that makes rows of what is drawn: its decoder."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from nnspec.network.graph import LayerNode, inline
from nnspec.network.loader import Spec
from nnspec.network.opened import all_values, as_spec, flat


class Decoder(NamedTuple):
    """A decoder as a network of its own, of which the codes are inputs by these names.

    sources: the path of each of its layers that has weights, as these are named in the whole.
    """

    spec: Spec
    codes: tuple[str, ...]
    sources: dict[str, str]


def decoder_of(spec: Spec, output: str) -> Decoder | None:
    """Return what follows the layers of type `sampling` on the way to an output.

    None where there are none, or where the network's inputs reach the output past them: what is
    then made is not of the drawn codes alone.
    """
    graph = spec.graph
    if not any(at.node.layer.type == "sampling" for at in graph.walk()):
        return None
    opened = all_values(graph)
    sources = {flat(at.path): at.path for at in graph.walk()}
    made = {value: node for node in opened.nodes for value in node.outputs}
    ends = dict(zip(graph.outputs, map(flat, inline(graph).outputs), strict=True))
    kept: set[str] = set()
    codes: list[str] = []
    left = [ends[output]]
    while left:
        value = left.pop()
        node = made.get(value)
        if node is None:
            return None
        assert isinstance(node, LayerNode)
        if node.layer.type == "sampling":
            codes.append(value)
        elif node.name not in kept:
            kept.add(node.name)
            left += node.inputs
    nodes = tuple(node for node in opened.nodes if node.name in kept)
    owners = {
        name
        for node in nodes
        if isinstance(node, LayerNode)
        for name in (node.owner, node.tied)
        if name is not None
    }
    if not codes or not owners <= kept:
        return None
    codes = sorted(set(codes), key=list(made).index)
    inputs = {value: opened.types[value] for value in codes}
    values = {value for node in nodes for value in node.outputs}
    cut = dataclasses.replace(
        opened,
        name=f"{graph.name}Decoder",
        inputs=inputs,
        nodes=nodes,
        outputs=(ends[output],),
        types=inputs | {value: opened.types[value] for value in values},
    )
    model = as_spec(spec, cut, is_trained=False)
    return Decoder(model, tuple(codes), {name: sources[name] for name in kept})
