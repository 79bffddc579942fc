"""Networks that take windows over the rows of a file: their length, and the target of each row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from nnspec.errors import Problem
from nnspec.language.objectives import is_composed
from nnspec.language.paths import mark_at
from nnspec.language.schema import Model
from nnspec.language.windows import Windows
from nnspec.layers.shapes import Shape, show
from nnspec.network.graph import Graph


class Frame(NamedTuple):
    """The windows of a network: how many rows each has, and how many its target is of.

    horizon: 0 where the target is of the window's own last row, or of all of it. output: of a row
    of the target, which is the network's without its axis of rows, if `has_steps`.
    """

    windows: Windows
    length: int
    horizon: int
    output: Shape
    has_steps: bool

    @property
    def reach(self) -> int:
        """Rows that a window needs after it."""
        return self.horizon + self.windows.gap if self.horizon else 0


def frame_of(model: Model, graph: Graph) -> Frame | None:
    """Return the windows of a spec that was checked, or None where rows are its rows."""
    data = model.data
    if data is None or data.windows is None:
        return None
    length = next(iter(graph.inputs.values())).shape[0]
    assert isinstance(length, int)
    horizon = data.windows.horizon if data.targets else 0
    output = graph.types[graph.outputs[0]].shape
    has_steps = horizon > 1 or (horizon == 1 and len(output) > 1 and output[0] == 1)
    return Frame(
        data.windows, length, horizon, output[1:] if has_steps else output, has_steps=has_steps
    )


def window_problems(model: Model, graph: Graph, tree: object) -> Iterator[Problem]:
    """Yield what makes windows unfit for the network. tree: the document, which knows places."""
    data, training = model.data, model.training
    assert data is not None
    assert data.windows is not None
    mark = mark_at(("data", "windows"), tree)
    several = len(graph.outputs) != 1 or is_composed(model)
    if several or (training is not None and training.mask is not None):
        what = "several outputs or losses" if several else "a mask"
        yield Problem(
            "not-trainable",
            f"windows are of networks with one output and one loss, and this has {what}",
            "leave out `data.windows`, and give a file that has a row for each window",
            mark,
        )
        return
    lengths: dict[object, str] = {}
    for name, type_ in graph.inputs.items():
        place = mark_at(("inputs", name), tree) or mark
        if not type_.shape or not isinstance(type_.shape[0], int):
            yield Problem(
                "wrong-value",
                f'input "{name}" is {show(type_.shape)}, and windows need a first axis of so many '
                "rows as each has",
                "give the input the shape [rows, columns], with a number of rows",
                place,
            )
            return
        lengths.setdefault(type_.shape[0], name)
    if len(lengths) > 1:
        listed = ", ".join(f'"{name}" {length}' for length, name in lengths.items())
        yield Problem(
            "wrong-value",
            f"windows are as long in every input, and their first axes differ: {listed}",
            "give all inputs the same first axis",
            mark,
        )
        return
    yield from _of_horizon(model, graph, tree)


def _of_horizon(model: Model, graph: Graph, tree: object) -> Iterator[Problem]:
    data, training = model.data, model.training
    assert data is not None
    assert data.windows is not None
    horizon = data.windows.horizon
    mark = mark_at(("data", "windows", "horizon"), tree) or mark_at(("data", "windows"), tree)
    if not data.targets:
        if horizon and "horizon" in data.windows.model_fields_set:
            yield Problem(
                "wrong-value",
                f"the target is the window itself, and `horizon` is {horizon}",
                "leave out `horizon`, or name the `target`",
                mark,
            )
        return
    name, output = graph.outputs[0], graph.types[graph.outputs[0]].shape
    if horizon > 1 and (not output or output[0] != horizon):
        yield Problem(
            "wrong-value",
            f'`horizon` is {horizon}, and the output "{name}" is {show(output)}',
            f"its first axis is of the rows after the window: give it the shape [{horizon}], or "
            f"[{horizon}, columns]",
            mark,
        )
    elif horizon > 1 and training is not None and training.resolved_loss.class_axis != -1:
        yield Problem(
            "wrong-value",
            f"the scores of the classes are on axis {training.resolved_loss.class_axis}, and the "
            "first axis is of the rows after the window",
            "put the classes on the last axis",
            mark,
        )
