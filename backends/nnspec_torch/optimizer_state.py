"""The state of PyTorch's optimizers by neutral names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from nnspec.language.optimizers import Optimizer
from nnspec.network.graph import Graph
from nnspec.weights.optimizer_state import STEP, checked_state, slots_of
from nnspec_torch.naming import state_name
from nnspec_torch.optimizers import OPTIMIZERS
from nnspec_torch.shares import shared_as, whole

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


class Steps:
    """Counts the steps of an optimizer, which not every one of PyTorch's does."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.taken = 0
        optimizer.register_step_post_hook(self._count)

    def _count(self, *_: object) -> None:
        self.taken += 1


def state_of(
    graph: Graph,
    record: Optimizer,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    steps: int,
) -> Weights:
    """Return the state; a parameter without a gradient so far has that of no step."""
    parameters = dict(model.named_parameters())
    keys = OPTIMIZERS[type(record)].slots
    found: Weights = {STEP: np.array(steps, np.int64)}
    for name, parameter, slot, shape in slots_of(graph, record):
        tensor = parameters[state_name(parameter)]
        value = optimizer.state.get(tensor, {}).get(keys.get(slot, slot))
        if value is None and slot in record.begin_as_parameters:
            value = tensor
        if value is None:
            dtype = str(tensor.dtype).removeprefix("torch.")
            found[name] = np.full(shape, record.first(slot), dtype)
        else:
            found[name] = whole(value).detach().cpu().numpy().copy()
    for name in record.scalars:
        values = (each[name] for each in optimizer.state.values() if name in each)
        found[name] = np.array(float(next(values, record.first(name))))
    return found


def load_state(
    graph: Graph,
    record: Optimizer,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    state: Mapping[str, Array],
) -> int:
    """Set the state, and return its number of steps; raises WeightsError."""
    steps = checked_state(graph, record, state)
    parameters = dict(model.named_parameters())
    keys = OPTIMIZERS[type(record)].slots
    held: dict[int, dict[str, torch.Tensor]] = {
        id(parameters[state_name(name)]): {} for name, each in graph.parameters() if each.learns
    }
    for name, parameter, slot, _ in slots_of(graph, record):
        values = held[id(parameters[state_name(parameter)])]
        given = torch.from_numpy(np.array(state[name]))
        values[keys.get(slot, slot)] = shared_as(given, parameters[state_name(parameter)])
    known = optimizer.state_dict()
    numbered = {}
    if steps:  # else it begins by itself
        ordered = (each for group in optimizer.param_groups for each in group["params"])
        for number, tensor in enumerate(ordered):
            if id(tensor) in held:
                numbered[number] = {
                    **held[id(tensor)],
                    **_scalars(record, state),
                    "step": torch.tensor(float(steps)),
                }
    optimizer.load_state_dict({**known, "state": numbered})
    if record.keeps_average:
        # PyTorch has cast the sum to the precision of the weights.
        for each in optimizer.state.values():
            each.update(_scalars(record, state))
    return steps


def _scalars(record: Optimizer, state: Mapping[str, Array]) -> dict[str, torch.Tensor]:
    """Return the numbers of all parameters, which each has for itself in PyTorch."""
    return {name: torch.tensor(float(state[name]), dtype=torch.float64) for name in record.scalars}
