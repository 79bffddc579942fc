"""Advice on batch normalisation: biases and dropout before it, batches of one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nnspec.errors import Change, Fix, Mark, Problem
from nnspec.language.schema import Model
from nnspec.layers.base import spatial_axes
from nnspec.layers.shapes import product
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.rules import DROPPING, activation_of, advice, makers


def advise(model: Model, graph: Graph, bodies: list[Graph]) -> Iterator[Problem]:
    """Yield advice on what batch normalisation makes of what stands before it."""
    yield from _dead_biases(graph)
    yield from _dropped(bodies)
    training = model.training
    if training is not None and training.batch_size == 1:
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


def _dropped(bodies: list[Graph]) -> Iterator[Problem]:
    """Yield advice on dropout that a batch normalisation takes, activations between them or not."""
    for body in bodies:
        known = makers(body)
        for node in body.nodes:
            if not isinstance(node, LayerNode) or node.layer.type != "batch_normalization":
                continue
            before = known.get(node.inputs[0])
            while isinstance(before, LayerNode) and activation_of(before) == before.layer.type:
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
    makers = {body: _followed_biases(body) for body in graph.bodies()}
    if not any(makers.values()):
        return
    calls: Counter[str] = Counter()
    dead: dict[tuple[str, str], None] = {}
    dead_calls: dict[str, set[str]] = {}
    for at in graph.walk():
        calls[at.home] += 1
        node = makers[at.graph].get(at.node.name)
        if node is not None:
            home = f"{at.prefix}{node.owner or node.name}"
            dead[home, at.home] = None
            call = f"{at.path.removesuffix(at.node.name)}{node.name}"
            dead_calls.setdefault(home, set()).add(call)
    for home, norm in dead:
        if len(dead_calls[home]) == calls[home]:
            yield home, norm


def _ends_in_bias(node: LayerNode) -> bool:
    fields = node.layer.__dict__
    return bool(fields.get("use_bias")) and fields.get("activation", 0) is None


def _followed_biases(body: Graph) -> dict[str, LayerNode]:
    """Return, by each batch normalisation that takes a bias away, the layer that adds it.

    Nothing else may see the bias, it must lie along the channels, and the normalisation must be by
    the mean of the batch, which a frozen one is not.
    """
    makers = {node.outputs: node for node in body.nodes if isinstance(node, LayerNode)}
    found: dict[str, LayerNode] = {}
    for node in makers.values():
        if node.layer.type != "batch_normalization" or _is_frozen(node):
            continue
        maker = makers.get(node.inputs)
        if maker is None or not _ends_in_bias(maker) or _is_frozen(maker):
            continue
        (value,) = node.inputs
        uses = sum(each.inputs.count(value) for each in body.nodes) + body.outputs.count(value)
        is_along = (
            maker.layer.placement == "spatial"
            or body.data_format == "channels_last"
            or body.types[value].rank < 2
        )
        if uses == 1 and is_along:
            found[node.name] = maker
    return found


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
