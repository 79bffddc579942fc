"""Freezing in the class of a network: no gradients, and no new running statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnspec.emit.code import wrap
from nnspec.layers import BatchNormalization
from nnspec.network.freezing import frozen_parameters, frozen_paths
from nnspec.network.graph import BlockNode, Graph, LayerNode, Node
from nnspec_torch.naming import attribute, state_name

_FEW = 3
"""Batch normalisations that are named one by one."""


def frozen_lines(graph: Graph) -> list[str]:
    """Return the lines that end the constructor."""
    frozen = [_attribute(path) for path, _ in frozen_paths(graph)]
    for path, node, _ in frozen_parameters(graph):
        names = map(state_name, node.frozen)
        frozen += [f'{_attribute(path)}.get_parameter("{name}")' for name in names]
    return [line for each in frozen for line in wrap(f"{each}.requires_grad_(False)", 8)]


def train_lines(graph: Graph, name: str) -> list[str]:
    """Return the method `train`, with an empty line after it, where batch normalisation is frozen.

    PyTorch would go on to normalise by the batch, and to follow it with the running statistics.
    """
    whole: list[str] = []
    single: list[str] = []
    kinds: set[str] = set()
    for path, is_block in frozen_paths(graph):
        found = list(_norms(_at(graph, path)))
        if is_block and len(found) > _FEW:
            whole.append(_attribute(path))
            kinds.update(kind for _, kind in found)
        else:
            single += [_attribute([*path, *rest]) for rest, _ in found]
    if not whole and not single:
        return []
    lines = [
        f'    def train(self, mode: bool = True) -> "{name}":',
        '        """Batch normalisation that is frozen keeps its running statistics."""',
        "        super().train(mode)",
    ]
    if len(single) > 1:
        lines += wrap(f"for norm in ({', '.join(single)}):", 8)
        lines.append("            norm.eval()")
    else:
        lines += [f"        {norm}.eval()" for norm in single]
    for block in whole:
        lines += wrap(f"for layer in {block}.modules():", 8)
        lines += wrap(f"if isinstance(layer, {' | '.join(sorted(kinds))}):", 12)
        lines.append("                layer.eval()")
    return [*lines, "        return self", ""]


def _at(graph: Graph, path: Sequence[str | int]) -> Node | Graph:
    """Return the node of a path, or where that ends in a repetition, its body."""
    found: Node | Graph = graph
    for part in path:
        if isinstance(part, int):
            assert isinstance(found, BlockNode)
            found = found.bodies[part]
            continue
        body = found.bodies[0] if isinstance(found, BlockNode) else found
        assert isinstance(body, Graph)
        found = next(each for each in body.nodes if each.name == part)
    return found


def _norms(found: Node | Graph) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the batch normalisations within, by the rest of their paths, and their classes."""
    if isinstance(found, LayerNode):
        if isinstance(found.layer, BatchNormalization):
            yield (), ""
        return
    if isinstance(found, BlockNode):
        for i, body in enumerate(found.bodies):
            start = (str(i),) if found.is_repeated else ()
            yield from (((*start, *rest), kind) for rest, kind in _norms(body))
        return
    for at in found.walk():
        if isinstance(at.node.layer, BatchNormalization) and at.home == at.path:
            kind = f"nn.BatchNorm{max(1, len(at.input_shapes[0]) - 1)}d"
            yield tuple(at.path.split(".")), kind


def _attribute(path: Sequence[str | int]) -> str:
    """Return what names an object: `self.stage[0].get_submodule("norm")`.

    To a type checker a repetition is a module like any other, and its attributes may be tensors.
    """
    parts = [str(part) if str(part).isdecimal() else attribute(str(part)) for part in path]
    numbers = [i for i, part in enumerate(parts) if part.isdecimal()]
    if not numbers:
        return f"self.{'.'.join(parts)}"
    first = numbers[0]
    repetition = f"self.{'.'.join(parts[:first])}[{parts[first]}]"
    rest = ".".join(parts[first + 1 :])
    return f'{repetition}.get_submodule("{rest}")' if rest else repetition
