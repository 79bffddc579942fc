"""Advice on what a network ends in, beside the loss and the target."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.language.arrays import holds_arrays
from nnspec.network.graph import Graph, LayerNode
from nnspec.network.rules import Case, activation_of, advice
from nnspec.network.rules.last import bend_of_logits, last_layer


def advise(case: Case) -> Iterator[Problem]:
    """Yield advice on outputs that cannot be what the target is."""
    yield from _ones(case.bodies)
    model, graph = case.model, case.graph
    if case.steps is not None and case.steps.loss:
        yield from _squashed(*bend_of_logits(case.bodies[0]), case.steps.loss)
    training = model.training
    if training is None or len(graph.outputs) != 1:
        return
    if training.resolved_loss.leaves_out:
        yield from _squashed(*bend_of_logits(case.bodies[0]), training.resolved_loss.type)
    elif model.data is not None:
        yield from _bounded(case)
    shape = graph.types[graph.outputs[0]].shape
    is_one = model.data is None or holds_arrays(model.data.source)
    is_of_logits = training.resolved_loss.leaves_out == "sigmoid"
    if training.task == "binary" and shape[-1:] == (2,) and is_one and is_of_logits:
        yield advice(
            "two-units",
            "a binary network of two units answers two questions, each by itself",
            "for one question end in one unit; for one of two classes say task: multiclass and end "
            "in softmax; for two questions say task: multilabel",
            graph.nodes[-1].mark,
        )


def _bounded(case: Case) -> Iterator[Problem]:
    data, node = case.model.data, last_layer(case.bodies[0])
    bend = activation_of(node) if node is not None else ""
    if node is None or data is None or bend not in _LIMITS:
        return
    is_own = not data.targets
    if data.standardize_target or (is_own and data.standardize):
        yield advice(
            "bounded-output",
            f"the network ends in {bend}, which gives numbers {_LIMITS[bend]}, and its "
            "standardised target has its mean at 0 and reaches beyond",
            "end in a dense layer without activation",
            node.mark,
        )


def _ones(bodies: tuple[Graph, ...]) -> Iterator[Problem]:
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


def _squashed(node: LayerNode | None, bend: str, loss: str) -> Iterator[Problem]:
    if node is not None and bend in _LIMITS:
        yield advice(
            "squashed-logits",
            f'{loss} takes any number for a logit, and "{node.name}" ends in {bend}, which gives '
            f"numbers {_LIMITS[bend]}: no class can be ruled out, and the gradient vanishes where "
            f"{bend} is flat",
            f"leave {bend} out before the last activation",
            node.mark,
        )


_LIMITS = {
    "sigmoid": "from 0 to 1", "hard_sigmoid": "from 0 to 1", "softmax": "from 0 to 1",
    "softmin": "from 0 to 1", "tanh": "from -1 to 1", "hard_tanh": "from -1 to 1",
    "softsign": "from -1 to 1", "relu6": "from 0 to 6", "relu": "from 0 on",
    "softplus": "from 0 on", "squareplus": "from 0 on", "exponential": "from 0 on",
    "log_sigmoid": "up to 0",
}  # fmt: skip
"""Activations that do not give every number, and what they give."""
