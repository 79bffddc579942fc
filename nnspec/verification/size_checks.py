"""Other batches and other sizes of dynamic axes than those that everything else is compared at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from nnspec.verification.engines import Engine
from nnspec.verification.evaluators import run_exact
from nnspec.verification.samples import random_inputs
from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.verifier import Outputs, Verifier

ROWS = 3
"""Of the batches at other sizes."""


def compare_sizes(verifier: Verifier) -> None:
    """Compare every engine on a batch of one row, and on other sizes of each dynamic axis."""
    verifier.progress("other batch and axis sizes")
    row = {name: array[:1] for name, array in verifier.inputs.items()}
    expected = {name: array[:1] for name, array in verifier.expected.items()}
    compare_at(verifier, "a batch of 1", row, expected)
    for what, inputs in other_sizes(verifier):
        compare_at(verifier, what, inputs)
    for name, size in verifier.axes.items():
        if not verifier.other_sizes[name]:
            reason = f"the axis {name} has no other size that fits than {size}"
            verifier.leave_out("dynamic_shape", (), reason)


def other_sizes(verifier: Verifier) -> Iterator[tuple[str, Mapping[str, Array]]]:
    """Yield what is other, "time = 4", and inputs of that size."""
    for name, sizes in verifier.other_sizes.items():
        for size in sizes:
            axes = {**verifier.axes, name: size}
            yield (
                f"{name} = {size}",
                random_inputs(verifier.spec.graph, 3, axes, verifier.seed + size),
            )


def compare_at(
    verifier: Verifier,
    what: str,
    inputs: Mapping[str, Array],
    expected: Outputs | None = None,
) -> None:
    """Compare every engine on these inputs.

    expected: what they should give; by default, what the first source gives that computes them.
    """
    reference: Engine = verifier.reference_engine
    for engine in [reference, *(each for each in verifier.engines if each is not reference)]:
        outputs = verifier.attempt(
            partial(run_exact, verifier, engine, inputs, expected),
            kind="dynamic_shape",
            label=engine.name,
            when=f"at {what}",
        )
        if outputs is None:
            continue
        if expected is None:
            expected, reference = outputs, engine
        verifier.add(
            "dynamic_shape",
            (f"{engine.name}, {what}", reference.name),
            "float64",
            relative_error(outputs, expected),
            verifier.exact_tolerance(reference, engine),
            blame=verifier.blamed(reference, engine),
        )
