"""Advice on batch normalisation: biases and dropout before it, batches of one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nnspec.errors import Change, Fix, Mark, Problem
from nnspec.layers.base import spatial_axes
from nnspec.layers.shapes import product
from nnspec.network.graph import Graph, LayerNode, inline
from nnspec.network.rules import DROPPING, Case, activation_of, advice, makers, passes


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice on what batch normalisation makes of what stands before it."""
    graph = case.graph
    yield from _dead_biases(graph)
    yield from _dropped(case.bodies)
    if case.steps is not None and case.steps.batch_size == 1:
        path = normalised_alone(graph)
        if path is not None:
            yield advice(
                "lone-batch",
                f'a batch of one row has no variance that "{path}" (batch_normalization) could '
                "take, so that training is refused",
                "give `training` a batch_size of 2 or more, or use layer_normalization",
                next(at.node.mark for at in graph.walk() if at.path == path),
            )


def normalised_alone(graph: Graph) -> str | None:
    """Return the first batch normalisation that takes one value per channel from each row."""
    for at in graph.walk():
        shape = at.input_shapes[0] if at.input_shapes else ()
        axes = spatial_axes(len(shape), at.graph.data_format)
        if at.node.layer.type == "batch_normalization" and (
            product((*at.steps, *(shape[axis] for axis in axes))) == 1
        ):
            return at.path
    return None


def _dropped(bodies: tuple[Graph, ...]) -> Iterator[Problem]:
    """Yield advice on dropout that a batch normalisation takes, activations between them or not."""
    for body in bodies:
        known = makers(body)
        for node in body.nodes:
            if not isinstance(node, LayerNode) or node.layer.type != "batch_normalization":
                continue
            before = known.get(node.inputs[0])
            while isinstance(before, LayerNode) and (
                activation_of(before) == before.layer.type
                or passes(before)
                or before.layer.type == "rescaling"
            ):
                before = known.get(before.inputs[0])
            if not isinstance(before, LayerNode) or before.layer.type not in DROPPING:
                continue
            if before.layer.is_random and not _is_frozen(node):
                yield advice(
                    "dropout-before-normalization",
                    f'"{before.name}" drops elements that "{node.name}" normalises: in training '
                    "their variance is larger than at inference, where nothing is dropped, and the "
                    "running statistics fit the one and not the other",
                    f"put {before.layer.type} after the batch normalisation and its activation",
                    before.mark,
                )


def dead_biases(graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield (layer, normalisation) for each bias that a batch normalisation takes away again.

    That of a shared layer must be taken away after every call.
    """
    if not _may_be_followed(graph):
        return
    body = inline(graph)
    calls = Counter(_home(node) for node in body.nodes if isinstance(node, LayerNode))
    dead: dict[tuple[str, str], None] = {}
    followed: Counter[str] = Counter()
    for norm, layer in _followed_biases(body):
        dead[_home(layer), _home(norm)] = None
        followed[_home(layer)] += 1
    for home, norm_home in dead:
        if followed[home] == calls[home]:
            yield home, norm_home


def _home(node: LayerNode) -> str:
    """Return the path of the layer whose weights an opened one has."""
    return node.owner or node.name


def _may_be_followed(graph: Graph) -> bool:
    """Whether there is a batch normalisation, and a bias: few networks have both."""
    layers = [node for body in graph.bodies() for node in body.nodes if isinstance(node, LayerNode)]
    return any(node.layer.type == "batch_normalization" for node in layers) and any(
        map(_ends_in_bias, layers)
    )


def _ends_in_bias(node: LayerNode) -> bool:
    fields = node.layer.__dict__
    return bool(fields.get("use_bias")) and fields.get("activation", 0) is None


def _followed_biases(body: Graph) -> Iterator[tuple[LayerNode, LayerNode]]:
    """Yield (normalisation, layer) for each call whose bias a batch normalisation takes away.

    Nothing else may see the bias, it must lie along the channels, and the normalisation must be by
    the mean of the batch, which a frozen one is not.
    """
    known = makers(body)
    uses = Counter(value for node in body.nodes for value in node.inputs)
    uses.update(body.outputs)
    for node in body.nodes:
        if not isinstance(node, LayerNode) or node.layer.type != "batch_normalization":
            continue
        (value,) = node.inputs
        # Each element has a mean of its own.
        is_each = body.types[value].rank < 2
        maker = known.get(value)
        while (
            isinstance(maker, LayerNode)
            and uses[value] == 1
            and _keeps_bias(body, maker, is_each=is_each)
        ):
            (value,) = maker.inputs
            maker = known.get(value)
        if not isinstance(maker, LayerNode) or not _ends_in_bias(maker):
            continue
        is_along = maker.layer.placement == "spatial" or body.data_format == "channels_last"
        is_moved = _is_frozen(node) or _is_frozen(maker) or uses[value] != 1
        if not is_moved and (is_along or is_each):
            yield node, maker


def _keeps_bias(body: Graph, node: LayerNode, *, is_each: bool) -> bool:
    """Whether what a layer makes of a bias is one number for each channel still."""
    if node.layer.type == "rescaling":
        return True
    is_same = body.shapes(node.inputs) == body.shapes(node.outputs)
    return passes(node) and (is_each or (is_same and node.layer.type != "permute"))


def _is_frozen(node: LayerNode) -> bool:
    return getattr(node.layer, "trainable", True) is False


def _without_bias(mark: Mark | None) -> Fix | None:
    if mark is None:
        return None
    return Fix("add use_bias: false", (Change("add", mark, {"use_bias": False}),))


def _dead_biases(graph: Graph) -> Iterator[Problem]:
    dead = list(dead_biases(graph))
    marks = {at.path: at.node.mark for at in graph.walk()} if dead else {}
    # All that stands at a place, where it is not a block of the library: a reader cannot mend that.
    standing: dict[Mark | None, set[str]] = {}
    for path, place in marks.items():
        standing.setdefault(place, set()).add(path)
    if dead:
        for body in graph.bodies():
            for node in body.nodes:
                if not isinstance(node, LayerNode):
                    standing.setdefault(node.mark, set()).add("a use of a block")
    found: dict[Mark | None, list[str]] = {}
    for layer, _ in dead:
        found.setdefault(marks[layer], []).append(layer)
    for mark, layers in found.items():
        more = f", and of {len(layers) - 1} more that stand there," if len(layers) > 1 else ""
        yield Problem(
            "redundant-bias",
            f'the bias of "{layers[0]}"{more} has no effect before batch normalisation, '
            "and its gradient is rounding noise",
            "add use_bias: false",
            mark,
            "advice",
            fix=_without_bias(mark) if standing.get(mark, set()) <= {*layers} else None,
        )
