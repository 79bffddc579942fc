"""Runs what a framework's exporter wrote once, against the network it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnspec.backend import Trainable, get_backend, onnx_backend
from nnspec.errors import MissingDependencyError, UnsupportedError
from nnspec.network.loader import Spec
from nnspec.support.causes import cause_of
from nnspec.verification.samples import random_inputs, single, with_negatives
from nnspec.verification.sizes import find_sizes
from nnspec.verification.tolerance import Amplification, relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Program, Weights

ROWS = (2, 3)
"""Of the two batches; dynamic axes have other sizes in the second."""
LIKELY = 1e-4
"""Relative, in float32: what rounding rarely exceeds, so that a smaller error needs no measure."""


def require_same(spec: Spec, program: Trainable, model: Path, via: str) -> None:
    """Raise UnsupportedError where ONNX Runtime gives other outputs than the program, in float32.

    Both get random rows, at two sizes of the batch and of every dynamic axis that has another.
    What rounding may do is measured in float64, where the difference is not small anyway.
    """
    onnx = onnx_backend()
    cure = "export it directly instead (`--via direct`)"
    sizes = find_sizes(spec.graph, {})
    loaded: Program | None = None
    others = {name: tried[0] for name, tried in sizes.others.items() if tried}
    for rows, axes in zip(ROWS, (sizes.base, {**sizes.base, **others}), strict=True):
        exact = random_inputs(spec.graph, rows, axes, rows)
        exact = with_negatives(spec.graph, exact, axes, rows)
        inputs = {name: single(array) for name, array in exact.items()}
        expected = program.forward(inputs)
        where = ", ".join(f"{name} = {size}" for name, size in {"batch": rows, **axes}.items())
        try:
            loaded = loaded or onnx.load(model, spec.graph, optimized=True)
            given = loaded.forward(inputs)
        except MissingDependencyError:
            raise
        except Exception as error:
            raise UnsupportedError(
                f"the model that {via}'s exporter wrote does not run in ONNX Runtime at {where}: "
                f"{cause_of(error)}; {cure}"
            ) from None
        off = relative_error(given, expected)
        if off > LIKELY and off > _tolerance(spec, program.weights(), via, inputs):
            raise UnsupportedError(
                f"the model that {via}'s exporter wrote computes other outputs than the {via} "
                f"source at {where}: {off:.2g} of the largest value; {cure}"
            )


def _tolerance(spec: Spec, weights: Weights, via: str, inputs: Mapping[str, Array]) -> float:
    """Return twice what rounding in float32 may do: either side is off by as much."""
    program = get_backend(via).compile(spec).build(weights, dtype="float64")
    assert isinstance(program, Trainable)
    amplification = Amplification(spec.graph, program, weights, 0)
    given = {
        name: array.astype(np.float64) if array.dtype.kind == "f" else array
        for name, array in inputs.items()
    }
    return 2 * amplification.float32_tolerance(given, program.forward(given))
