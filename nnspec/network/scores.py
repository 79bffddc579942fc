"""Outputs as metrics take them: probabilities, their logits, or neither."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from nnspec.errors import Mark, Problem
from nnspec.language.objectives import is_composed
from nnspec.language.schema import Model
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.network.heads import final_activation

Scores = Literal["probabilities", "logits", "scores"]


def scores_of(graph: Graph, training: Training) -> Scores:
    """Return what the network gives: logits where its loss takes them, and it ends in neither."""
    head = final_activation(graph)
    if training.resolved_loss.compares not in ("", "signs"):
        return "scores"
    if head is not None:
        # Those of classes sum to 1.
        is_softmax = head.activation.type == "softmax"
        return "probabilities" if is_softmax or training.metric_kind == "binary" else "scores"
    return "logits" if training.resolved_loss.leaves_out else "scores"


def threshold(graph: Graph, training: Training) -> float:
    """Return what a binary output exceeds to say yes: 0 for logits and signs, 0.5 otherwise."""
    loss = training.resolved_loss
    if loss.compares not in ("", "signs"):
        return 0.0
    head = final_activation(graph)
    if head is not None and head.activation.type == "sigmoid":
        return 0.5
    return 0.0 if loss.leaves_out == "sigmoid" or loss.compares else 0.5


def metric_problems(model: Model, graph: Graph) -> Iterator[Problem]:
    """Yield what makes a metric meaningless for what the network gives."""
    training = model.training
    if training is None or not training.metrics:
        return
    if is_composed(model):
        from nnspec.network.objectives import terms_of  # which few specs need

        for term in terms_of(model, graph):
            yield from _problems(term.training, term.graph)
    elif len(graph.outputs) == 1:
        yield from _problems(training, graph)


def _problems(training: Training, graph: Graph) -> Iterator[Problem]:
    if not training.metrics:
        return
    loss, shape = training.resolved_loss, graph.types[graph.outputs[0]].shape
    classes = shape[loss.class_axis] if shape else 1
    for metric in training.metrics:
        if metric.needs_probabilities and scores_of(graph, training) == "scores":
            last = "sigmoid" if training.metric_kind == "binary" else "softmax"
            yield Problem(
                "unfit-metric",
                f"the metric {metric.type} takes probabilities, and the network gives any scores",
                f"end in {last}, or choose a loss that takes logits",
                _last_mark(graph),
            )
        least = getattr(metric, "k", None)
        if least is not None and isinstance(classes, int) and (least >= classes or classes < 3):
            yield Problem(
                "unfit-metric",
                f"{metric.type} of k = {least} takes more classes than {max(least, 2)}, and the "
                f"network gives {classes}",
                "give a smaller k" if classes > 2 else "leave it out",
                _last_mark(graph),
            )


def _last_mark(graph: Graph) -> Mark | None:
    return graph.nodes[-1].mark if graph.nodes else None
