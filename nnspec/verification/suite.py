"""The checks of a verification, in the order in which they are made.

A check is a function of the `State` in a module of its own; it adds to the report by the state's
`recorder`. One more check is one more line here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nnspec.verification.call_checks import compare_calls
from nnspec.verification.checks import Kind
from nnspec.verification.first_weights_checks import compare_first_weights
from nnspec.verification.float32_checks import begin_float32, compare_float32
from nnspec.verification.interface_checks import compare_interfaces
from nnspec.verification.meaning_checks import compare_causality, compare_padding
from nnspec.verification.output_checks import compare_outputs
from nnspec.verification.random_checks import compare_random
from nnspec.verification.range_checks import compare_ranges
from nnspec.verification.row_checks import compare_rows
from nnspec.verification.size_checks import compare_sizes
from nnspec.verification.training_checks import compare_training
from nnspec.verification.training_runs import begin_training

if TYPE_CHECKING:
    from nnspec.verification.state import State

Suite = tuple[tuple[Kind | tuple[Kind, ...], Callable[["State"], None]], ...]
"""The kinds that a check is of, the first of all first, and the check."""

EARLY: tuple[Callable[[State], None], ...] = (begin_float32, begin_training)
"""Work of checks that begins in other processes while exporters write."""

WITH_EXACT: Suite = (
    ("forward", compare_outputs),
    ("forward", compare_rows),
    ("interface", compare_interfaces),
    (("forward", "export", "interface", "dynamic_shape"), compare_float32),
    ("dynamic_shape", compare_sizes),
    ("range", compare_ranges),
    ("meaning", compare_calls),
    ("meaning", compare_causality),
    ("meaning", compare_padding),
    ("first_weights", compare_first_weights),
)
"""Those that find every engine's program in double precision in `State.programs`."""

AFTERWARDS: Suite = (
    ("random", compare_random),
    (("training", "gradient", "optimizer", "metrics"), compare_training),
)
"""Those that build what they need, when the others are freed."""
