"""The user's own rows, in the place of drawn inputs and targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nnspec.errors import UsageError
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.support.streams import permutation
from nnspec.verification.tolerance import relative_error

if TYPE_CHECKING:
    from nnspec.backend import Array, Program
    from nnspec.verification.verifier import Outputs, Verifier

AT_ONCE = 256
"""Rows that are in a network at once, where all are compared."""
MOST = 4096
"""Rows of which the outputs are compared; of a larger file, as many drawn by the seed."""


@dataclass(frozen=True)
class GivenRows:
    """Rows as the network takes them; `target` is None where they hold none that it trains on."""

    file: str
    inputs: Mapping[str, Array]
    target: Array | None

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def axes(self, graph: Graph) -> dict[str, int]:
        """Return the sizes that the dynamic axes have in these rows."""
        return {
            size: found
            for name, kind in graph.inputs.items()
            for size, found in zip(kind.shape, self.inputs[name].shape[1:], strict=True)
            if isinstance(size, str)
        }

    def drawn(self, count: int, seed: int) -> tuple[dict[str, Array], Array | None]:
        """Return some of the rows, drawn by the seed, and their targets."""
        chosen = permutation(len(self), "verify", seed)[:count]
        target = self.target[chosen] if self.target is not None else None
        return {name: array[chosen] for name, array in self.inputs.items()}, target


def given_rows(spec: Spec, path: str | Path) -> GivenRows:
    """Read the rows to verify on, prepared as for training; raises DataError, UsageError.

    By the spec's `data`, but from this file; without one, arrays named after the inputs.
    """
    from nnspec.data.rows import read_rows  # polars takes a tenth of a second, and few give rows

    inputs, target = read_rows(spec, path)
    rows = GivenRows(str(path), inputs, target)
    if len(rows) < 2:
        raise UsageError(f"{path}: a verification needs at least 2 rows, and there is one")
    return rows


def compare_rows(verifier: Verifier) -> None:
    """Compare what every engine makes of all rows, not of one batch alone."""
    rows = verifier.rows
    if rows is None:
        return
    verifier.progress(f"all rows of {rows.file}")
    verifier.report.notes.append(
        f"inputs and targets are rows of {rows.file}"
        if rows.target is not None
        else f"inputs are rows of {rows.file}; targets are drawn"
    )
    count = min(len(rows), MOST)
    inputs, _ = rows.drawn(count, verifier.seed)
    what = f"{count:,} rows" if count == len(rows) else f"{count:,} of {len(rows):,} rows"
    reference = verifier.reference_engine
    expected: Outputs | None = None
    for engine in [reference, *(each for each in verifier.engines if each is not reference)]:
        outputs = verifier.attempt(
            partial(_outputs, verifier.exact[engine.name], inputs),
            kind="forward",
            label=engine.name,
            when=f"on {what} of {rows.file}",
        )
        if engine is reference:
            expected = outputs
        elif outputs is not None and expected is not None:
            error = relative_error(outputs, expected)
            verifier.add(
                "forward",
                (f"{engine.name}, {what}", reference.name),
                "float64",
                error,
                verifier.exact_tolerance(reference, engine, error=error, inputs=inputs),
                blame=verifier.blamed(reference, engine),
            )


def _outputs(program: Program, inputs: Mapping[str, Array]) -> dict[str, Array]:
    rows = len(next(iter(inputs.values())))
    parts = [
        program.forward({name: array[start : start + AT_ONCE] for name, array in inputs.items()})
        for start in range(0, rows, AT_ONCE)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
