"""Other batches and other sizes of dynamic axes than those that everything else is compared at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from nnspec.verification.engines import Engine
from nnspec.verification.evaluators import run_exact
from nnspec.verification.samples import BATCH, of_rows, random_inputs
from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.verification.verifier import Outputs, Verifier

BATCHES = (5, 13)
"""Rows, of which one is more than those that everything else is compared at."""
ROWS = 3
"""Of the batches at other sizes."""


def compare_sizes(verifier: Verifier) -> None:
    """Compare every engine on a batch of one row, and on other sizes of each dynamic axis."""
    verifier.progress("other batch and axis sizes")
    row = {name: array[:1] for name, array in verifier.inputs.items()}
    expected = {name: array[:1] for name, array in verifier.expected.items()}
    compare_at(verifier, "a batch of 1", row, expected)
    compare_batches(verifier)
    for what, inputs in other_sizes(verifier):
        compare_at(verifier, what, inputs)
    for name, size in verifier.axes.items():
        if not verifier.other_sizes[name]:
            reason = f"the axis {name} has no other size that fits than {size}"
            verifier.leave_out("dynamic_shape", (), reason)


def compare_batches(verifier: Verifier) -> None:
    """Compare every engine on batches of other sizes, made of the rows whose outputs are known."""
    if verifier.batch < BATCH:
        reason = f"batches of {' and '.join(map(str, BATCHES))}: at most {verifier.batch} are asked"
        verifier.leave_out("dynamic_shape", (), reason)
        return
    for rows in BATCHES:
        inputs, expected = (of_rows(each, rows) for each in (verifier.inputs, verifier.expected))
        errors, blames = {}, {}
        for engine in verifier.engines:
            outputs = verifier.attempt(
                partial(run_exact, verifier, engine, inputs, expected),
                kind="dynamic_shape",
                label=engine.name,
                when=f"at a batch of {rows}",
            )
            if outputs is not None:
                error = relative_error(outputs, expected)
                tolerance = verifier.exact_tolerance(
                    verifier.reference_engine, engine, error=error, inputs=inputs
                )
                errors[engine.name] = error, tolerance
                blames[engine.name] = verifier.blamed(verifier.reference_engine, engine)
        against = f"{verifier.reference_engine.name}, a batch of {rows}"
        verifier.add_errors("dynamic_shape", "float64", against, errors, blames=blames)


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
        error = relative_error(outputs, expected)
        verifier.add(
            "dynamic_shape",
            (f"{engine.name}, {what}", reference.name),
            "float64",
            error,
            verifier.exact_tolerance(reference, engine, error=error, inputs=inputs),
            blame=verifier.blamed(reference, engine),
        )
