"""The average of the weights of a program: its state, and weights that stand for the model's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.swa_utils import AveragedModel

from nnspec.language.averages import Average
from nnspec.network.graph import Graph
from nnspec.weights.averages import AVERAGE, averaged
from nnspec_torch.naming import state_name

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


def averages_of(graph: Graph, model: torch.nn.Module, average: Any) -> Weights:
    """Return the averages; before there are any, the weights."""
    source = average.module if average.n_averaged else model
    return {
        AVERAGE + name: source.get_parameter(state_name(name)).detach().cpu().numpy().copy()
        for name, _ in averaged(graph)
    }


def load_averages(record: Average, average: Any, given: Mapping[str, Array], steps: int) -> None:
    """Set the averages after so many steps."""
    with torch.no_grad():
        for name, array in given.items():
            parameter = average.module.get_parameter(state_name(name))
            parameter.copy_(torch.tensor(array))
    after = steps - record.start
    average.n_averaged.fill_(after // record.every + 1 if after >= 0 else 0)
    if record.type == "swa":
        average.get_buffer("steps").fill_(steps)


@contextmanager
def standing_in(model: torch.nn.Module, average: Any) -> Iterator[None]:
    """Let the averages stand for the weights of the model, where there are any.

    average: what keeps them, or a model that has them.
    """
    if isinstance(average, AveragedModel):
        if not average.n_averaged:
            yield
            return
        average = average.module
    pairs = list(zip(model.parameters(), average.parameters(), strict=True))
    kept = [live.detach().clone() for live, _ in pairs]
    with torch.no_grad():
        for live, mean in pairs:
            live.copy_(mean)
    try:
        yield
    finally:
        with torch.no_grad():
            for (live, _), value in zip(pairs, kept, strict=True):
                live.copy_(value)
