"""Advice on what a network ends in, beside the loss and the target."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.language.schema import Model
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.heads import final_activation
from nnspec.network.rules import activation_of, advice


def advise(model: Model, graph: Graph, bodies: list[Graph]) -> Iterator[Problem]:
    """Yield advice on outputs that cannot be what the target is."""
    yield from _ones(bodies)
    training = model.training
    if training is None or len(graph.outputs) != 1:
        return
    head = final_activation(graph)
    value = graph.outputs[0] if head is None or head.is_fused else head.node.inputs[0]
    node = next((each for each in graph.nodes if value in each.outputs), None)
    if not isinstance(node, LayerNode):
        return
    bend = activation_of(node)
    if training.resolved_loss.leaves_out:
        if bend and (head is None or not head.is_fused):
            yield from _squashed(node, bend, training.resolved_loss.type)
    elif model.data is not None and bend:
        is_own = not model.data.targets
        if model.data.standardize_target or (is_own and model.data.standardize):
            given = {"tanh": "numbers from -1 to 1", "softsign": "numbers from -1 to 1",
                     "hard_tanh": "numbers from -1 to 1", "sigmoid": "numbers from 0 to 1",
                     "softmax": "numbers from 0 to 1", "hard_sigmoid": "numbers from 0 to 1",
                     "relu6": "numbers from 0 to 6"}  # fmt: skip
            what = given.get(bend, "no negative numbers")
            yield advice(
                "bounded-output",
                f"the network ends in {bend}, which gives {what}, and its standardised target has "
                "its mean at 0 and reaches beyond",
                "end in a dense layer without activation",
                node.mark,
            )
    shape = graph.types[graph.outputs[0]].shape
    is_one = model.data is None or model.data.source.endswith(".npz")
    is_of_logits = training.resolved_loss.leaves_out == "sigmoid"
    if training.task == "binary" and shape[-1:] == (2,) and is_one and is_of_logits:
        yield advice(
            "two-units",
            "a binary network of two units answers two questions, each by itself",
            "for one question end in one unit; for one of two classes say task: multiclass and end "
            "in softmax; for two questions say task: multilabel",
            graph.nodes[-1].mark,
        )


def _ones(bodies: list[Graph]) -> Iterator[Problem]:
    for body in bodies:
        for node in body.nodes:
            if not isinstance(node, LayerNode) or activation_of(node) != "softmax":
                continue
            activation = node.layer.output_activation or node.layer
            axis: int = activation.axis  # type: ignore[attr-defined]
            if body.types[node.outputs[0]].shape[axis] == 1:
                yield advice(
                    "softmax-on-one",
                    f'the softmax of "{node.name}" is over one number, and always gives 1: nothing '
                    "before it learns",
                    "use sigmoid for a yes or no, or give as many units as there are classes",
                    node.mark,
                )


def _squashed(node: LayerNode, bend: str, loss: str) -> Iterator[Problem]:
    limits = {
        "sigmoid": "from 0 to 1", "hard_sigmoid": "from 0 to 1", "softmax": "from 0 to 1",
        "tanh": "from -1 to 1", "hard_tanh": "from -1 to 1", "softsign": "from -1 to 1",
        "relu6": "from 0 to 6", "relu": "from 0 on", "softplus": "from 0 on",
        "exponential": "from 0 on",
    }  # fmt: skip
    if bend in limits:
        yield advice(
            "squashed-logits",
            f'{loss} takes any number for a logit, and "{node.name}" ends in {bend}, which gives '
            f"numbers {limits[bend]}: no class can be ruled out, and the gradient vanishes where "
            f"{bend} is flat",
            f"leave {bend} out before the last activation",
            node.mark,
        )
