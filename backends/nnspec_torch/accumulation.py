"""Batches whose gradients wait for an optimizer step, by neutral names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from nnspec.network.graph import Graph
from nnspec.weights.waiting import BATCH, gradients_of
from nnspec_torch.naming import state_name
from nnspec_torch.shares import shared_as, whole

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights


def waiting(graph: Graph, model: torch.nn.Module, batch: int, scale: float) -> Weights:
    """Return the number of batches that wait, and what the parameters have gathered of them.

    scale: of the loss, which the gradients have until the optimizer steps.
    """
    parameters = dict(model.named_parameters())
    found: Weights = {BATCH: np.array(batch, np.int64)}
    for name, parameter, _ in gradients_of(graph):
        tensor = parameters[state_name(parameter)]
        gathered = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        found[name] = (whole(gathered).detach() / scale).cpu().numpy().copy()
    return found


def wait_again(
    graph: Graph, model: torch.nn.Module, state: Mapping[str, Array], scale: float
) -> int:
    """Give the parameters what `waiting` found, and return the number of batches."""
    parameters = dict(model.named_parameters())
    batch = int(state[BATCH])
    for name, parameter, _ in gradients_of(graph):
        tensor = parameters[state_name(parameter)]
        # Without a batch a parameter has no gradient, as after every step.
        given = torch.tensor(state[name]).to(device=tensor.device, dtype=tensor.dtype) * scale
        tensor.grad = shared_as(given, tensor) if batch else None
    return batch
