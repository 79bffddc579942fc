"""Problems of networks whose task is labels, a text or their own input; few specs ask for it."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.language.schema import Model
from nnspec.layers.shapes import Shape, show
from nnspec.network.graph import Graph


def task_problems(model: Model, graph: Graph) -> Iterator[Problem]:
    """Yield what makes the network unfit for its task."""
    assert model.training is not None
    if len(graph.outputs) != 1:
        return
    mark = graph.nodes[-1].mark
    output = graph.types[graph.outputs[0]].shape
    if model.training.task == "language" and len(output) < 2:
        yield Problem(
            "task-output",
            "a language network gives scores of each word at each position, and this one gives "
            f"{show(output)}",
            "let it give (positions, words), such as by return_sequences: true; one word after a "
            "text is task: multiclass",
            mark,
        )
    elif model.training.task == "autoencoder":
        yield from _autoencoder(model, graph, output)


def _autoencoder(model: Model, graph: Graph, output: Shape) -> Iterator[Problem]:
    if model.data is None or model.data.targets:
        return
    mark = graph.nodes[-1].mark
    if len(graph.inputs) != 1:
        yield Problem(
            "task-output",
            f"an autoencoder gives what it takes, and this network has {len(graph.inputs)} inputs",
            "name in `data.target` the columns that it is to give",
            mark,
        )
        return
    ((name, type_),) = graph.inputs.items()
    if type_.dtype not in ("float32", "uint8"):
        yield Problem(
            "task-output",
            f'an autoencoder gives numbers, and its input "{name}" is of {type_.dtype}',
            "for ids use task: language, whose target is an id at each position",
            mark,
        )
    elif type_.shape != output:
        yield Problem(
            "task-output",
            f'an autoencoder gives what it takes: its input "{name}" is {show(type_.shape)}, and '
            f"its output {show(output)}",
            f"end in a layer that gives {show(type_.shape)}, such as a reshape of as many units, "
            "or name what it is to give in `data.target`",
            mark,
        )
