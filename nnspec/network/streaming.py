"""Networks whose rows are read while they train."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.errors import Problem
from nnspec.language.objectives import is_composed
from nnspec.language.paths import mark_at
from nnspec.language.schema import Model
from nnspec.network.graph import Graph


def stream_problems(model: Model, graph: Graph, tree: object) -> Iterator[Problem]:
    """Yield what makes rows that are streamed unfit for the network. tree: knows places."""
    if len(graph.outputs) != 1 or is_composed(model):
        yield Problem(
            "not-trainable",
            "rows that are streamed are of networks with one output and one loss, and this has "
            "several",
            "leave out `data.stream`",
            mark_at(("data", "stream"), tree),
        )
    elif model.training is not None and model.training.mask is not None:
        yield Problem(
            "not-trainable",
            "`mask` looks at an input of all rows, and rows that are streamed are read as they are "
            "needed",
            "leave out `data.stream`, or say what each row counts by `sample_weight`",
            mark_at(("data", "stream"), tree),
        )
