"""Every engine in single precision, where rounding shows, against the reference in double."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from nnspec.verification.engines import Engine
from nnspec.verification.evaluators import single
from nnspec.verification.tolerance import UNIT_ROUNDOFF, relative_error

if TYPE_CHECKING:
    from nnspec.verification.verifier import Outputs, Verifier


def compare_float32(verifier: Verifier) -> None:
    """Compare each engine in float32 with the float64 outputs."""
    verifier.progress("how far rounding moves the outputs")
    tolerance = float32_tolerance(verifier)
    against = f"{verifier.reference_engine.name} float64"
    for engine in [*verifier.engines, *verifier.single_only]:
        verifier.progress(f"{engine.name} in float32")
        for optimized in (False, True) if engine.is_onnx else (False,):
            label = f"{engine.name}, optimized" if optimized else engine.name
            outputs = verifier.attempt(
                partial(run_float32, verifier, engine, optimized=optimized),
                kind="export" if engine.is_onnx else "forward",
                label=label,
                dtype="float32",
                when="in float32",
                against=against,
            )
            verifier.free()
            if outputs is None:
                continue
            verifier.add(
                "export" if engine.is_onnx else "forward",
                (label, against),
                "float32",
                relative_error(outputs, verifier.expected),
                tolerance,
                blame=verifier.blamed(verifier.reference_engine, engine),
            )


def run_float32(verifier: Verifier, engine: Engine, *, optimized: bool) -> Outputs:
    """Return an engine's outputs in float32."""
    program = verifier.build(engine, "float32", optimized=optimized)
    return program.forward({name: single(array) for name, array in verifier.inputs.items()})


def float32_tolerance(verifier: Verifier) -> float:
    """Return how far rounding in float32 may move this network's outputs."""
    graph = verifier.spec.graph
    rounding = UNIT_ROUNDOFF * sum(
        at.node.layer.float32_rounding(at.input_shapes, graph.data_format) for at in graph.walk()
    )
    measured = verifier.amplification.float32_tolerance(verifier.inputs, verifier.expected)
    return measured + verifier.amplified(rounding)
