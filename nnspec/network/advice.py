"""Advice on specs: legal but likely a mistake, or worth knowing; never an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from nnspec.errors import Mark, Problem
from nnspec.language.schema import Model
from nnspec.layers.shapes import product, show
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.heads import final_activation

_OUTPUT_OF_KIND = {"binary": "sigmoid", "multiclass": "softmax"}


def advise(model: Model, graph: Graph) -> Iterator[Problem]:
    """Yield a problem of severity `advice` for each thing worth a second look."""
    yield from _dead_biases(graph)
    yield from _output_activation(model, graph)
    yield from _never_trains(model, graph)
    if model.training is not None:
        yield from _unchosen(graph)


def _unchosen(graph: Graph) -> Iterator[Problem]:
    """Yield advice on the gradients of branches that are not chosen."""
    choosing = [
        body
        for body in _bodies(graph)
        if any(isinstance(node, LayerNode) and node.layer.type == "where" for node in body.nodes)
    ]
    if choosing:
        from nnspec.network.gradients import unchosen  # which few specs need

        yield from unchosen(choosing)


def _never_trains(model: Model, graph: Graph) -> Iterator[Problem]:
    """Yield why a spec that says how to train never can be, whatever its rows."""
    if model.training is None:
        return
    reason = hint = ""
    if len(graph.outputs) != 1:
        reason = f"the network has {len(graph.outputs)} outputs, and training needs one"
        hint = "it can be compiled, exported and verified; to train, name one output"
    elif model.data is not None:
        missing = [name for name in graph.inputs if name not in model.data.features]
        moving = [
            name
            for name, type_ in graph.inputs.items()
            if type_.dtype == "float32" and any(isinstance(size, str) for size in type_.shape)
        ]
        if missing:
            reason = f'`data.features` says nothing of the input "{missing[0]}"'
            hint = "name its columns, or its array"
        elif model.data.standardize and moving:
            reason = f'input "{moving[0]}" has a dynamic axis, so that it cannot be standardised'
            hint = "leave out `standardize`, or give the axis a number"
        elif columns := _columns(model):
            shape = graph.types[graph.outputs[0]].shape
            if product(shape) != columns:
                what = f'the target "{model.data.one_target}" is one column'
                if columns > 1:
                    what = f"the target is {columns} columns"
                reason = f"{what}, and the network gives {show(shape)}"
                hint = (
                    f"let it end in {'one unit' if columns == 1 else f'{columns} units'}, or list "
                    "in `data.target` a column for each number that it gives"
                )
    if reason:
        yield Problem("not-trainable", reason, hint, None, "advice")


def _columns(model: Model) -> int:
    """Return how many numbers near what it gives the target has; 0 where that is not known."""
    assert model.data is not None
    assert model.training is not None
    names = model.data.targets
    if not model.data.source.endswith(".csv") or model.training.kind == "multiclass":
        return 0
    is_known = model.data.one_target is not None or not any(
        sign in name for name in names for sign in "*?["
    )
    return len(names) if is_known else 0


def dead_biases(graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield (layer, normalisation) for each bias that a batch normalisation takes away again.

    That of a shared layer must be taken away after every call.
    """
    makers = {body: _followed_biases(body) for body in _bodies(graph)}
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


def _bodies(graph: Graph) -> Iterator[Graph]:
    """Yield the network and each body of its blocks once: they are far fewer than their uses."""
    found = {graph}
    left = [graph]
    while left:
        body = left.pop()
        yield body
        for node in body.nodes:
            if not isinstance(node, LayerNode):
                new = set(node.bodies) - found
                found |= new
                left += new


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


def _dead_biases(graph: Graph) -> Iterator[Problem]:
    dead = list(dead_biases(graph))
    marks = {at.path: at.node.mark for at in graph.walk()} if dead else {}
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
        )


def _a(task: str) -> str:
    return f"{'an' if task[0] in 'aeiou' else 'a'} {task}"


def _output_activation(model: Model, graph: Graph) -> Iterator[Problem]:
    if model.training is None or len(graph.outputs) != 1:
        return
    head = final_activation(graph)
    found = head.activation.type if head is not None else None
    task = model.training.task
    expected = _OUTPUT_OF_KIND.get(model.training.kind)
    if expected is None and found is not None and model.training.loss is None:
        yield Problem(
            "output-activation",
            f"{_a(task)} network ends in {found}, which gives only values from 0 to 1",
            "end in a dense layer without activation",
            head.node.mark if head else None,
            "advice",
        )
    elif expected is not None and found is None:
        yield Problem(
            "output-activation",
            f"{_a(task)} network gives probabilities when it ends in {expected}; this one gives "
            "logits, and is trained on them",
            f"end in {expected} unless logits are what you want to deploy",
            graph.nodes[-1].mark,
            "advice",
        )
