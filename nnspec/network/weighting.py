"""Masks: their places are the first axes of what a loss is the mean of."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem, nearest
from nnspec.language.losses import Loss
from nnspec.language.objectives import is_composed
from nnspec.language.paths import mark_at
from nnspec.language.schema import Model
from nnspec.language.training_schema import Data
from nnspec.layers.shapes import Shape, show
from nnspec.network.graph import Graph
from nnspec.network.objectives import terms_of


def lengths_of(graph: Graph, mask: str) -> bool:
    """Whether the input that is the mask has one number a row: how many places count."""
    return not graph.types[mask].shape


def trained(model: Model, graph: Graph) -> list[tuple[str, Loss, Shape]]:
    """Return each output that has a loss, with that and its shape."""
    assert model.training is not None
    if is_composed(model):
        terms = terms_of(model, graph)
        return [(each.output, each.loss, graph.types[each.output].shape) for each in terms]
    (name,) = graph.outputs
    return [(name, model.training.resolved_loss, graph.types[name].shape)]


def weight_shape(model: Model, graph: Graph) -> Shape:
    """Return the shape of what the places of a row count: () where the row counts as a whole."""
    mask = model.training.mask if model.training is not None else None
    if mask is None:
        return ()
    if lengths_of(graph, mask):
        _, loss, output = trained(model, graph)[0]
        return loss.places(output)[:1]
    return graph.types[mask].shape


def weighting_problems(model: Model, graph: Graph, tree: object) -> Iterator[Problem]:
    """Yield what makes weights or a mask unfit for the network and its losses.

    tree: the document, which knows places.
    """
    assert model.training is not None
    if model.data is not None and model.data.sample_weight is not None:
        yield from _column_problems(model.data, tree)
    mask = model.training.mask
    if mask is None or (len(graph.outputs) != 1 and not is_composed(model)):
        return
    mark = mark_at(("training", "mask"), tree)
    if mask not in graph.inputs:
        yield Problem(
            "unknown-input",
            f'`training.mask` names "{mask}", which is no input{nearest(mask, graph.inputs)}',
            f"the inputs: {', '.join(graph.inputs)}",
            mark,
        )
        return
    given = graph.types[mask]
    is_length = lengths_of(graph, mask)
    if given.dtype.startswith(("float", "bool") if is_length else "float"):
        wanted = "a length is of whole numbers" if is_length else "a mask is of bool, or integers"
        message = f'`training.mask` names "{mask}", which is of {given.dtype}'
        yield Problem("wrong-value", message, f"{wanted}; give the input such a dtype", mark)
        return
    for name, loss, output in trained(model, graph):
        places = loss.places(output)
        if places and (is_length or places[: len(given.shape)] == given.shape):
            continue
        has = f"the places {show(places)}" if places else "no places within a row"
        yield Problem(
            "wrong-value",
            f'the mask "{mask}" is {show(given.shape)}, and {loss.type} of "{name}" has {has}',
            "a mask has the first axes of what the loss is the mean of, or is a length; "
            "`data.sample_weight` weighs whole rows",
            mark,
        )


def _column_problems(data: Data, tree: object) -> Iterator[Problem]:
    """Yield what else the column of the weights is said to be."""
    name = data.sample_weight
    uses: dict[str, object] = {f"the input {input}": each for input, each in data.features.items()}
    target: object = data.target
    by_output = target if isinstance(target, dict) else {"": target}
    for output, columns in by_output.items():
        of = f"the target of {output}" if output else "the target"
        uses[of] = (columns,) if isinstance(columns, str) else columns
    for use, named in uses.items():
        if isinstance(named, tuple | list) and name in named:
            yield Problem(
                "wrong-value",
                f'`data.sample_weight` is "{name}", which is {use} too',
                "name a column (or array) that holds the weights alone; a pattern of features "
                "never takes it",
                mark_at(("data", "sample_weight"), tree),
            )
