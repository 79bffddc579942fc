"""The checks of a verification, in the order in which they are made.

A check is a function of a `Verifier` in a module of its own; it adds to the verifier's report. One
more check is one more line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nnspec.verification.first_weights_checks import compare_first_weights
from nnspec.verification.float32_checks import compare_float32
from nnspec.verification.interface_checks import compare_interfaces
from nnspec.verification.meaning_checks import compare_causality, compare_padding
from nnspec.verification.output_checks import compare_outputs
from nnspec.verification.random_checks import compare_random
from nnspec.verification.range_checks import compare_ranges
from nnspec.verification.report import Kind
from nnspec.verification.rows import compare_rows
from nnspec.verification.size_checks import compare_sizes
from nnspec.verification.state_checks import compare_calls
from nnspec.verification.training_checks import compare_training

if TYPE_CHECKING:
    from nnspec.verification.verifier import Verifier

Suite = tuple[tuple[Kind, Callable[["Verifier"], None]], ...]
"""The kind that a check is of first of all, and the check."""

WITH_EXACT: Suite = (
    ("forward", compare_outputs),
    ("forward", compare_rows),
    ("interface", compare_interfaces),
    ("forward", compare_float32),
    ("dynamic_shape", compare_sizes),
    ("range", compare_ranges),
    ("meaning", compare_calls),
    ("meaning", compare_causality),
    ("meaning", compare_padding),
    ("first_weights", compare_first_weights),
)
"""Those that find every engine's program in double precision in `Verifier.exact`."""

AFTERWARDS: Suite = (
    ("random", compare_random),
    ("training", compare_training),
)
"""Those that build what they need, when the others are freed."""
