"""One table of layer configurations, from which shape and parity tests derive.

A new layer gets its rows in the file of its family, and nothing else in the tests.
"""

from __future__ import annotations

from tests.cases import (
    activations,
    arithmetic,
    arrangement,
    attention,
    convolution,
    core,
    distributed,
    embedding,
    freezing,
    gated,
    grids,
    indexing,
    logic,
    merge,
    normalization,
    normalized,
    pooling,
    recurrent,
    reduction,
    regularization,
    shared_windows,
    sharing,
    spatial,
    tied,
)
from tests.cases.case import Case, Network

FAMILIES = (
    core,
    convolution,
    pooling,
    spatial,
    normalization,
    merge,
    activations,
    embedding,
    attention,
    arithmetic,
    logic,
    indexing,
    grids,
    reduction,
    arrangement,
    sharing,
    shared_windows,
    tied,
    recurrent,
    distributed,
    gated,
    regularization,
    freezing,
    normalized,
)

CASES: list[Case | Network] = [case for family in FAMILIES for case in family.CASES]

__all__ = ["CASES", "Case", "Network"]
