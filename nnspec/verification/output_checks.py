"""The outputs of every pair of engines in double precision."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from nnspec.verification.blame import blamed
from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.verification.state import State


def compare_outputs(state: State) -> None:
    """Compare the outputs of every pair in float64."""
    for first, second in itertools.combinations(state.engines, 2):
        error = relative_error(state.outputs[second.name], state.outputs[first.name])
        state.recorder.add(
            "forward",
            (first.name, second.name),
            "float64",
            error,
            state.tolerances.in_float64(first, second, error=error),
            blame=blamed(state, first, second),
        )
