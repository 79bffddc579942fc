"""Freezing in the function of a network: layers that are not trainable."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.emit.code import quoted, wrap
from nnspec.emit.lowering import NativeParameter
from nnspec.network.freezing import frozen_parameters, frozen_paths
from nnspec.network.graph import BlockNode, Graph
from nnspec_keras.natives import natives_in


def frozen_lines(graph: Graph, model: str, layer: str, variable: str) -> list[str]:
    """Return the lines after the model is made; a frozen batch normalisation keeps statistics.

    A block that is called more than once is a model within the model.
    """
    owners = {node.owner for node in graph.nodes}
    models = {n.name for n in graph.nodes if isinstance(n, BlockNode) and n.name in owners}
    lines: list[str] = []
    prefixes: list[str] = []
    for path, is_block in frozen_paths(graph):
        name = ".".join(map(str, path))
        first = str(path[0])
        if first in models and len(path) > 1:
            inner = f"{model}.get_layer({quoted(first)})"
            if is_block:
                lines += _loop(inner, layer, [f"{name}."])
            else:
                lines += wrap(f"{inner}.get_layer({quoted(name)}).trainable = False", 4)
        elif is_block and first not in models:
            prefixes.append(f"{name}.")
        else:
            lines += wrap(f"{model}.get_layer({quoted(name)}).trainable = False", 4)
    lines += _loop(model, layer, prefixes) if prefixes else []
    for path, node, body in frozen_parameters(graph):
        name = ".".join(map(str, path))
        inner = f"{model}.get_layer({quoted(str(path[0]))})"
        holder = inner if path[0] in models and len(path) > 1 else model
        variables = f"{holder}.get_layer({quoted(name)}).variables"
        lines += _variables(natives_in(node, body), node.frozen, variables, variable)
    return lines


def _variables(
    natives: Sequence[NativeParameter], frozen: Sequence[str], variables: str, name: str
) -> list[str]:
    """Return the lines that freeze these parameters among the variables of a layer."""
    by_name: dict[str, dict[int, bool]] = {}
    for each in natives:
        places = by_name.setdefault(each.name, {})
        places[each.occurrence] = places.get(each.occurrence, False) or each.parameter in frozen
    whole = [kind for kind, places in by_name.items() if all(places.values())]
    lines: list[str] = []
    if whole:
        kinds = ", ".join(map(quoted, whole))
        test = f"in ({kinds})" if len(whole) > 1 else f"== {kinds}"
        lines += wrap(f"for {name} in {variables}:", 4)
        lines += [*wrap(f"if {name}.name {test}:", 8), f"            {name}.trainable = False"]
    for kind, places in by_name.items():
        some = [place for place, is_frozen in places.items() if is_frozen]
        if some and kind not in whole:
            test = f"{name}.name == {quoted(kind)}"
            lines += wrap(f"{name}s = [{name} for {name} in {variables} if {test}]", 4)
            lines += [f"    {name}s[{place}].trainable = False" for place in some]
    return lines


def _loop(model: str, layer: str, prefixes: Sequence[str]) -> list[str]:
    starts = ", ".join(map(quoted, prefixes))
    starts = f"({starts})" if len(prefixes) > 1 else starts
    return [
        f"    for {layer} in {model}.layers:",
        *wrap(f"if {layer}.name.startswith({starts}):", 8),
        f"            {layer}.trainable = False",
    ]
