"""The domain that the inputs of a network decide, derived from its graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnspec.network.domain import Domain, IntegerLayer, Limit, Range
from nnspec.network.graph import BlockNode, Graph, LayerNode, inline


def split_domain(graph: Graph) -> tuple[Domain, tuple[Range, ...]]:
    """Return what the inputs decide, and the ranges of what is made of weights or fractions."""
    if not any(_has_limits(body) for body in _bodies(graph)):
        return Domain(dict(graph.inputs), data_format=graph.data_format), ()
    flat = inline(graph)
    nodes = [node for node in flat.nodes if isinstance(node, LayerNode)]
    ranges = tuple(dict.fromkeys(_ranges(flat, nodes)))
    steps = _steps(flat, nodes, {allowed.value for allowed in ranges} - flat.inputs.keys())
    known = {*flat.inputs, *(output for step in steps for output in step.outputs)}
    own = tuple(allowed for allowed in ranges if allowed.value in known)
    limits = tuple(_limits(flat, nodes))
    domain = Domain(dict(flat.inputs), own, limits, steps, flat.data_format)
    return domain, tuple(allowed for allowed in ranges if allowed.value not in known)


def _bodies(graph: Graph) -> set[Graph]:
    """Return the graph and the different bodies of its blocks."""
    found: set[Graph] = set()
    left = [graph]
    while left:
        body = left.pop()
        if body not in found:
            found.add(body)
            left += [b for n in body.nodes if isinstance(n, BlockNode) for b in set(n.bodies)]
    return found


def _has_limits(body: Graph) -> bool:
    """Whether there are whole numbers or dynamic axes, which alone can have limits."""
    return any(
        type_.dtype.startswith("int") or not all(isinstance(size, int) for size in type_.shape)
        for type_ in body.types.values()
    )


def _ranges(flat: Graph, nodes: Sequence[LayerNode]) -> Iterator[Range]:
    for node in nodes:
        shapes = None
        for i, value in enumerate(node.inputs):
            if flat.types[value].dtype.startswith("int"):
                shapes = shapes or flat.shapes(node.inputs)
                allowed = node.layer.whole_numbers(i, shapes)
                if allowed is not None:
                    yield Range(value, *allowed, node.name, node.layer.type)


def _limits(flat: Graph, nodes: Sequence[LayerNode]) -> Iterator[Limit]:
    """Yield each limit of a size once: that none is 0, and what layers say."""
    seen: set[tuple[str, int, int | None]] = set()
    for node in nodes:
        shapes = flat.shapes(node.inputs)
        outputs = flat.shapes(node.outputs)
        if not any(isinstance(size, str) for shape in (*shapes, *outputs) for size in shape):
            continue
        asked = [
            *node.layer.size_limits(shapes, flat.data_format),
            *((size, 1, None) for shape in outputs for size in shape),
        ]
        for size, least, most in asked:
            # A name alone is a size of an input, which is never 0.
            is_trivial = isinstance(size, int) or (
                size.isidentifier() and (least, most) == (1, None)
            )
            if not is_trivial and (size, least, most) not in seen:
                seen.add((str(size), least, most))
                yield Limit(str(size), least, most, node.name, node.layer.type)


def _of_sizes(flat: Graph, node: LayerNode) -> IntegerLayer | None:
    """Return what numbers the places of a size that an input has, or a fixed one, of that input."""
    from nnspec.layers import Arange, ConstantTensor

    (size,) = flat.types[node.outputs[0]].shape
    if isinstance(size, int):
        value = [float(i) for i in range(size)]
        return IntegerLayer(ConstantTensor(value=value), tuple(flat.inputs)[:1], node.outputs)
    for name, type_ in flat.inputs.items():
        if size in type_.shape:
            axis = Arange(axis=type_.shape.index(size))
            return IntegerLayer(axis, (name,), node.outputs)
    return None


def _steps(flat: Graph, nodes: Sequence[LayerNode], wanted: set[str]) -> tuple[IntegerLayer, ...]:
    """Return what makes these values from the inputs, of those that NumPy can compute."""
    if not wanted:
        return ()
    from nnspec.layers import Arange
    from nnspec.network.integers import is_computed

    known = set(flat.inputs)
    possible = []
    for node in nodes:
        step = IntegerLayer(node.layer, node.inputs, node.outputs)
        if type(node.layer) is Arange and not known.issuperset(node.inputs):
            step = _of_sizes(flat, node) or step
        if is_computed(step.layer) and known.issuperset(step.inputs):
            possible.append(step)
            known.update(node.outputs)
    needed = []
    for step in reversed(possible):
        if wanted.intersection(step.outputs):
            needed.append(step)
            wanted = wanted.union(step.inputs)
    return tuple(reversed(needed))
