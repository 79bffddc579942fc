"""Every engine in single precision, where rounding shows, against the reference in double."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from nnspec.causes import cause_of
from nnspec.verification.engines import Engine
from nnspec.verification.evaluators import single
from nnspec.verification.interface_checks import SPEC, faults
from nnspec.verification.samples import BATCH, of_rows
from nnspec.verification.state_checks import repeated
from nnspec.verification.tolerance import SAFETY, UNIT_ROUNDOFF, not_finite, relative_error

if TYPE_CHECKING:
    from nnspec.verification.recorder import Blame
    from nnspec.verification.verifier import Outputs, Verifier


BATCHES = (1, 5, 13, 32)
"""Rows of other batches, where as many are allowed."""


@dataclass(frozen=True)
class Single:
    """What an engine gave in float32.

    faults: of its dtypes and declared axes. others: by what was asked, the error beside
    `Verifier.expected`.
    """

    outputs: Outputs
    faults: list[str]
    others: dict[str, float]


def compare_float32(verifier: Verifier) -> None:
    """Compare each engine in float32 with the float64 outputs."""
    verifier.progress("how far rounding moves the outputs")
    tolerance = float32_tolerance(verifier)
    wanted = in_range(verifier.expected)
    if (beyond := not_finite(wanted)) != not_finite(verifier.expected):
        reason = f"{beyond} are not finite in float32: only that they are not is compared"
        verifier.leave_out("forward", ("float32",), reason)
    against = f"{verifier.reference_engine.name} float64"
    is_measured = False
    found: dict[str, list[str]] = {}
    others: dict[str, tuple[float, float]] = {}
    blames: dict[str, Blame] = {}
    for engine in [*verifier.engines, *verifier.single_only]:
        verifier.progress(f"{engine.name} in float32")
        for optimized in (False, True) if engine.is_onnx else (False,):
            label = f"{engine.name}, optimized" if optimized else engine.name
            made = verifier.attempt(
                partial(run_float32, verifier, engine, wanted, tolerance, optimized=optimized),
                kind="export" if engine.is_onnx else "forward",
                label=label,
                dtype="float32",
                when="in float32",
                against=against,
            )
            verifier.free()
            if made is None:
                continue
            blame = verifier.blamed(verifier.reference_engine, engine)
            error = relative_error(made.outputs, wanted)
            if not is_measured and tolerance < max(error, *made.others.values()):
                tolerance, is_measured = max(tolerance, ill_conditioned(verifier, tolerance)), True
            verifier.add(
                "export" if engine.is_onnx else "forward",
                (label, against),
                "float32",
                error,
                tolerance,
                blame=blame,
            )
            found[label] = made.faults
            what, largest = max(made.others.items(), key=lambda other: other[1])
            others[label] = largest, tolerance
            blames[label] = partial(_where, blame, what)
    verifier.add_findings("interface", "float32", SPEC, found)
    verifier.add_errors("dynamic_shape", "float32", against, others, blames=blames)


def _where(blame: Blame, what: str) -> tuple[str | None, str]:
    return blame()[0], f"At {what}."


def in_range(outputs: Outputs) -> Outputs:
    """Return outputs, infinite where float32 is."""
    with np.errstate(over="ignore"):
        return {
            name: np.where(np.isinf(single(array)), np.inf, array)
            if array.dtype.kind == "f"
            else array
            for name, array in outputs.items()
        }


def run_float32(
    verifier: Verifier, engine: Engine, wanted: Outputs, tolerance: float, *, optimized: bool
) -> Single:
    """Return an engine's outputs in float32, for other batches and many calls too."""
    program = verifier.build(engine, "float32", optimized=optimized)
    given = {name: single(array) for name, array in verifier.inputs.items()}
    outputs = program.forward(given)
    others = {}
    for rows in BATCHES:
        if rows <= verifier.batch or verifier.batch >= BATCH:
            inputs, expected = (of_rows(each, rows) for each in (given, wanted))
            error = relative_error(program.forward(inputs), expected, wanted)
            others[f"a batch of {rows}"] = error
    row, expected = (of_rows(each, 1) for each in (given, wanted))
    number, error = repeated(program, row, expected, tolerance, wanted)
    others[f"call {number} of the same row"] = error
    return Single(outputs, faults(verifier, program, outputs, "float32"), others)


def float32_tolerance(verifier: Verifier) -> float:
    """Return how far rounding in float32 may move this network's outputs."""
    graph = verifier.spec.graph
    rounding = UNIT_ROUNDOFF * sum(
        at.node.layer.float32_rounding(at.input_shapes, graph.data_format) for at in graph.walk()
    )
    measured = verifier.amplification.float32_tolerance(verifier.inputs, verifier.expected)
    return measured + verifier.amplified(rounding)


def ill_conditioned(verifier: Verifier, tolerance: float) -> float:
    """Return how far rounding within layers may move this network's outputs in float32.

    It takes a network of its own, and so is measured only where something exceeds the tolerance.
    """
    verifier.progress("how far rounding within layers moves the outputs")
    try:
        found = verifier.conditioning()
        moved = max(
            relative_error(given, expected)
            for expected, given in found.moved(
                verifier.inputs, UNIT_ROUNDOFF, verifier.amplification.draws()
            )
        )
    except Exception as error:
        verifier.note(f"rounding within layers could not be measured: {cause_of(error)}")
        return 0.0
    measured = SAFETY * moved
    if measured > tolerance:
        left = (
            f"{found.worst} gives what is left of numbers up to {found.loss:.0f} times as large: "
            if found.loss >= 1.5
            else ""
        )
        verifier.note(
            f"ill-conditioned here: {left}rounding in float32 moves the outputs by "
            f"{moved:.1e}, and the tolerance in float32 is {measured:.1e}"
        )
    return measured
