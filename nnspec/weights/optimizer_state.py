"""The state of an optimizer by neutral names, so that any backend goes on from another's.

`<parameter>/<slot>` for each parameter that learns, in the canonical layout, slots as the
optimizer of the language names them, and its scalars; `step` is the number of its steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from nnspec.errors import WeightsError
from nnspec.language.optimizers import Optimizer
from nnspec.layers.shapes import show
from nnspec.network.graph import Graph
from nnspec.network.parameter_groups import parameter_settings

STEP = "step"


def slots_of(graph: Graph, optimizer: Optimizer) -> Iterator[tuple[str, str, str, tuple[int, ...]]]:
    """Yield each name, its parameter, its slot and its shape."""
    own = parameter_settings(graph, optimizer)
    for name, parameter in graph.parameters():
        if parameter.learns:
            for slot, shape in optimizer.shapes(parameter.shape, own[name]).items():
                yield f"{name}/{slot}", name, slot, shape


def checked_state(
    graph: Graph, optimizer: Optimizer, state: Mapping[str, NDArray[np.generic]]
) -> int:
    """Return the number of steps; raises WeightsError where the state is another's."""
    expected = {name: shape for name, _, _, shape in slots_of(graph, optimizer)}
    expected |= dict.fromkeys(optimizer.scalars, ())
    if STEP not in state:
        raise WeightsError(
            f'the state of the optimizer does not say its "{STEP}": another version of nnspec '
            "wrote it, and a run goes on with the version that it began with"
        )
    for name, shape in expected.items():
        if name not in state:
            raise WeightsError(f'the state of the optimizer, {optimizer.type}, lacks "{name}"')
        if state[name].shape != shape:
            raise WeightsError(
                f'"{name}" of the optimizer\'s state has the shape {show(state[name].shape)}, '
                f"and {show(shape)} is expected"
            )
    unknown = [name for name in state if name not in expected and name != STEP]
    if unknown:
        raise WeightsError(
            f'the state of the optimizer holds "{unknown[0]}", which {optimizer.type} does not '
            "remember of this network"
        )
    steps = np.asarray(state[STEP])
    if steps.shape != () or steps.dtype.kind not in "iu" or steps < 0:
        raise WeightsError(f'"{STEP}" of the optimizer\'s state is no number of steps')
    return int(steps)
