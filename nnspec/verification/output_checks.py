"""The outputs of every pair of engines in double precision."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.verification.verifier import Verifier


def compare_outputs(verifier: Verifier) -> None:
    """Compare the outputs of every pair in float64."""
    for first, second in itertools.combinations(verifier.engines, 2):
        error = relative_error(verifier.outputs[second.name], verifier.outputs[first.name])
        verifier.add(
            "forward",
            (first.name, second.name),
            "float64",
            error,
            verifier.exact_tolerance(first, second, error=error),
            blame=verifier.blamed(first, second),
        )
