"""The losses of a training that minimises several, each as that of a network of one output."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import NamedTuple

from nnspec.errors import Mark, Problem, nearest
from nnspec.language.by_output import Own, Taught
from nnspec.language.losses import Loss
from nnspec.language.objectives import (
    is_composed,
    loss_of,
    model_of,
    own_target,
    taught_target,
    trained_outputs,
)
from nnspec.language.schema import Model
from nnspec.language.training_schema import Training
from nnspec.layers.shapes import show
from nnspec.network.graph import Graph, Head
from nnspec.network.heads import head_problems, loss_head, task_loss_problems


class Term(NamedTuple):
    """One of the losses that are minimised together.

    model, graph: the document and the network as they are where its output is the only one. own:
    the input that is its target, where one is. taught: what another network gives as its target.
    """

    output: str
    loss: Loss
    model: Model
    graph: Graph
    head: Head | None
    own: Own | None
    taught: Taught | None = None

    @property
    def training(self) -> Training:
        """The training as that of this output alone."""
        assert self.model.training is not None
        return self.model.training


def terms_of(model: Model, graph: Graph) -> tuple[Term, ...]:
    """Return the losses that are minimised, in the order of the network's outputs."""
    assert model.training is not None
    terms = []
    for output in trained_outputs(model.training, graph.outputs):
        alone, part = model_of(model, output), dataclasses.replace(graph, outputs=(output,))
        weight = loss_of(model.training, output).weight
        assert alone.training is not None
        loss = alone.training.resolved_loss
        if weight != 1.0:
            loss = loss.model_copy(update={"weight": weight})
        own, taught = own_target(model, output), taught_target(model, output)
        terms.append(Term(output, loss, alone, part, loss_head(alone, part), own, taught))
    return tuple(terms)


def heads_of(model: Model, graph: Graph) -> dict[str, Head]:
    """Return by output the activation that its loss leaves out."""
    if model.training is None or not is_composed(model):
        return {}
    terms = terms_of(model, graph)
    return {term.output: term.head for term in terms if term.head is not None}


def loss_heads(model: Model, graph: Graph) -> tuple[Head, ...]:
    """Return the activations that training leaves out, of each output that its loss takes."""
    if is_composed(model):
        return tuple(heads_of(model, graph).values())
    head = loss_head(model, graph)
    return () if head is None else (head,)


def objective_problems(model: Model, graph: Graph, tree: object) -> Iterator[Problem]:
    """Yield what makes losses by output wrong for the network. tree: it knows places."""
    assert model.training is not None
    training = model.training
    mappings: list[tuple[str, object]] = [("training.loss", training.loss)]
    mappings.append(("training.task", training.task))
    if model.data is not None:
        mappings.append(("data.target", model.data.target))
    is_known = True
    for key, given in mappings:
        for name in given if isinstance(given, dict) else ():
            if name not in graph.outputs:
                is_known = False
                yield Problem(
                    "unknown-output",
                    f'`{key}` names "{name}", which is no output{nearest(name, graph.outputs)}',
                    f"the outputs: {', '.join(graph.outputs)}",
                    _place_of(given, name),
                )
    if not is_known:
        return
    for term in terms_of(model, graph):
        yield from head_problems(term.model, term.graph)
        if term.own is None and term.taught is None:
            yield from task_loss_problems(term.model, term.graph, tree, term.output)
    if model.data is not None:
        yield from _target_problems(model, graph)


def _place_of(holder: object, name: str) -> Mark | None:
    marks = getattr(holder, "marks", {})
    return marks[name][0] if name in marks else None


def _target_problems(model: Model, graph: Graph) -> Iterator[Problem]:
    assert model.data is not None
    assert model.training is not None
    target: object = model.data.target
    needing = []
    for term in terms_of(model, graph):
        if term.own is not None:
            yield from _own_problems(term, term.own, getattr(target, "mark", None))
            needing += [term.output] if isinstance(target, Own) else []
        elif term.taught is not None:
            yield from _taught_problems(term, term.taught, getattr(target, "mark", None))
            needing += [term.output] if isinstance(target, Taught) else []
        elif term.loss.takes != "nothing":
            needing.append(term.output)
    missing = [name for name in needing if isinstance(target, dict) and name not in target]
    if not isinstance(target, dict) and (len(needing) > 1 or (needing and target is None)):
        missing = needing
    for name in missing:
        yield Problem(
            "missing-target",
            f'the output "{name}" has a loss, and `data.target` says nothing of it',
            "name its column: target: {" + f"{name}: column" + "}",
            getattr(target, "mark", None),
        )


def _taught_problems(term: Term, taught: Taught, mark: Mark | None) -> Iterator[Problem]:
    """Yield what makes a loss unfit for what a teacher gives: numbers, or a share of each class."""
    loss = term.training.resolved_loss
    is_classes = loss.leaves_out == "softmax"
    fits = loss.takes in ("", "distribution", "numbers") and loss.class_axis == -1
    if not fits or loss.ignored is not None:
        yield Problem(
            "task-output",
            f'the loss {loss.type} of "{term.output}" takes no target that a teacher gives',
            "take kl_divergence or categorical_cross_entropy of classes, or mse of numbers",
            mark,
        )
    elif taught.temperature != 1 and not is_classes:
        yield Problem(
            "task-output",
            f'the target of "{term.output}" has a temperature, and its loss {loss.type} is of '
            "other things than classes",
            "leave out `temperature`, or take kl_divergence",
            mark,
        )


def _own_problems(term: Term, own: Own, mark: Mark | None) -> Iterator[Problem]:
    """Yield what makes an input unfit to be the target of an output."""
    inputs, shape = term.graph.inputs, term.graph.types[term.output].shape
    if own.name not in inputs:
        yield Problem(
            "unknown-input",
            f'`data.target` names "{own.name}", which is no input{nearest(own.name, inputs)}',
            f"the inputs: {', '.join(inputs)}",
            mark,
        )
        return
    taken = inputs[own.name]
    is_classes = term.training.kind == "multiclass"
    wanted = shape[:-1] if is_classes else shape
    message = ""
    if taken.shape != wanted:
        message = f'{show(taken.shape)}, and the target of "{term.output}" is {show(wanted)}'
    elif own.shifted and (not is_classes or taken.dtype not in ("int32", "int64", "uint8")):
        message = f"of {taken.dtype}, and what is shifted are ids, of which the next is a class"
    elif own.shifted and term.training.resolved_loss.ignored is None:
        message = "shifted, and the loss has no `ignore_index` for the last position"
    if message:
        yield Problem(
            "task-output", f'the input "{own.name}" is {message}', "let the two fit", mark
        )
