"""The activation that a network ends in, and that a cross-entropy leaves out.

A cross-entropy is computed from logits, which is stable however large they are; the softmax or the
sigmoid at the end is then only for who uses the network.
"""

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.language.losses import Loss
from nnspec.language.objectives import is_composed
from nnspec.language.paths import mark_at
from nnspec.language.schema import Model
from nnspec.language.training_schema import KINDS
from nnspec.layers.base import Activation
from nnspec.layers.shapes import show
from nnspec.network.graph import BlockNode, Graph, Head, LayerNode

_ENDS = frozenset({"softmax", "sigmoid"})


class _End:
    """The end of a network; block: the one that holds it, where one does."""

    __slots__ = ("block", "graph", "head")

    def __init__(self, head: Head, graph: Graph, block: str | None) -> None:
        self.head = head
        self.graph = graph
        self.block = block


def loss_head(model: Model, graph: Graph) -> Head | None:
    """Return the activation that training leaves out, or None where the loss takes the output."""
    if is_composed(model):
        return None
    end = _end(graph)
    if end is None or end.block is not None or model.training is None:
        return None
    wanted = model.training.resolved_loss.leaves_out
    return end.head if end.head.activation.type == wanted else None


def final_activation(graph: Graph) -> Head | None:
    """Return the softmax or sigmoid that a network of one output ends in, if it does."""
    end = _end(graph)
    return end.head if end is not None else None


def head_problems(model: Model, graph: Graph) -> Iterator[Problem]:
    """Yield what makes the spec's task or loss wrong for what the network ends in."""
    if model.training is None:
        return
    if model.training.task in KINDS:
        from nnspec.network.tasks import task_problems  # few specs have such a task

        yield from task_problems(model, graph)
    yield from _shape_problems(model.training.resolved_loss, graph)
    end = _end(graph)
    if end is None:
        return
    loss, wanted = model.training.resolved_loss.type, model.training.resolved_loss.leaves_out
    if not wanted:
        return
    node, activation, _ = end.head
    message = ""
    if activation.type != wanted:
        message = (
            f"{loss} takes a network that ends in {wanted} or in logits, not {activation.type}"
        )
        hint = f"end in {wanted}, or choose the task or the loss that {activation.type} fits"
        if wanted == "sigmoid" and model.training.loss is None:
            hint = "end in a sigmoid of one unit for each question, or say task: multiclass"
    elif end.block is not None:
        message = (
            f"{loss} is computed from what goes into the last {wanted}, and that is inside "
            f'block "{end.block}"'
        )
        hint = f"leave {wanted} out of the block, and make it the last layer"
    elif wanted == "softmax":
        rank = end.graph.types[node.outputs[0]].rank
        axis, classes = getattr(activation, "axis", -1), model.training.resolved_loss.class_axis
        if (axis - classes) % rank:
            place = "the last axis" if classes % rank == rank - 1 else f"axis {classes}"
            message = f"{loss} takes the classes from {place}, and softmax is over axis {axis}"
            hint = "bring the classes to the last axis with `permute` or `reshape`"
            if "axis" in type(model.training.resolved_loss).model_fields:
                hint = f"give {loss} the same `axis`, or {hint}"
    if message:
        yield Problem("loss-activation", message, hint, node.mark)


def task_loss_problems(model: Model, graph: Graph, tree: object, *output: str) -> Iterator[Problem]:
    """Yield what makes the loss unfit for the class numbers that the task gives it.

    tree: the document, which knows places. output: where losses are given by output.
    Of a target that columns or arrays give, and not an input or a teacher.
    """
    training = model.training
    if training is None or len(graph.outputs) != 1 or training.kind != "multiclass":
        return
    loss = training.resolved_loss
    if loss.leaves_out == "softmax" or loss.measured_as:
        return
    if loss.takes not in ("", "answers", "shares"):
        return
    yield Problem(
        "loss-task",
        f"{loss.type} compares each number of the output with one of the target, and the target "
        "of `task: multiclass` is a class number, or shares of classes that only losses of "
        "classes take",
        "choose a loss of classes, such as categorical_cross_entropy, or the task whose target "
        "has the output's shape: regression, binary, multilabel",
        mark_at(("training", "loss", *output), tree),
    )


def _shape_problems(loss: Loss, graph: Graph) -> Iterator[Problem]:
    if len(graph.outputs) != 1:
        return
    (name,) = graph.outputs
    shape = graph.types[name].shape
    if reason := loss.refusal(shape):
        marks = [node.mark for node in graph.nodes if name in node.outputs]
        message = f"{loss.type} {reason}; the output is {show(shape)}"
        yield Problem("loss-shape", message, "change the loss, or the last layer", marks[-1])


def _end(graph: Graph, block: str | None = None, output: int = 0) -> _End | None:
    """Return the softmax or sigmoid that computes this output, blocks looked into."""
    if block is None and len(graph.outputs) != 1:
        return None
    value = graph.outputs[output]
    for node in reversed(graph.nodes):
        if value not in node.outputs:
            continue
        if isinstance(node, BlockNode):
            return _end(node.bodies[-1], block or node.block, node.outputs.index(value))
        return _layer_end(node, graph, block)
    return None


def _layer_end(node: LayerNode, graph: Graph, block: str | None) -> _End | None:
    activation = node.layer.output_activation
    if activation is not None and activation.type in _ENDS:
        return _End(Head(node, activation, is_fused=True), graph, block)
    if node.layer.type in _ENDS:
        assert isinstance(node.layer, Activation)
        return _End(Head(node, node.layer, is_fused=False), graph, block)
    return None
