"""The proof that a spec's networks compute the same thing in every backend."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnspec.network.loader import Spec
from nnspec.verification.memory import bytes_of
from nnspec.verification.report import Check, Report
from nnspec.verification.rows import given_rows
from nnspec.verification.samples import BATCH
from nnspec.weights.canonical import check_weights

if TYPE_CHECKING:
    from nnspec.backend import Array
    from nnspec.remote.processes import Workers

BACKENDS = ("torch", "keras", "onnx")
STEPS = 5

__all__ = ["BACKENDS", "BATCH", "STEPS", "Check", "Report", "verify_spec"]


def verify_spec(
    spec: Spec,
    *,
    weights: Mapping[str, Array] | None = None,
    backends: tuple[str, ...] = BACKENDS,
    steps: int = STEPS,
    batch: int = BATCH,
    seed: int = 0,
    stock: bool = False,
    exporters: bool = True,
    fold: bool = False,
    opset: int = 21,
    sizes: Mapping[str, int | Sequence[int]] | None = None,
    memory: int | str | None = None,
    data: str | Path | None = None,
    workers: Workers | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Compare what the backends compute from a spec; raises nothing for a difference.

    weights: canonical weights to verify with; seeded ones, none of them trivial, by default.
    steps: optimizer steps of the training check. batch: rows of every batch, at least 2.
    stock: emit the frameworks' own optimizers.
    exporters: with ONNX, also what the frameworks' own exporters write. fold: with ONNX, also the
    model with batch normalisation folded. opset: of nnspec's own ONNX models.
    sizes: of dynamic axes, by name, instead of found ones: the first is what all is compared at.
    memory: bytes, or "12GB", that an exporter may take, as estimated; by default what is free.
    data: a file of rows, by the spec's `data`, for inputs and targets instead of drawn ones.
    workers: the processes of the backends; without, all runs in this one.
    """
    if weights is not None:
        check_weights(spec.graph, weights)
    from nnspec.verification.verifier import Verifier

    verifier = Verifier(
        spec,
        weights=dict(weights) if weights is not None else None,
        backends=backends,
        steps=steps,
        batch=batch,
        seed=seed,
        stock=stock,
        exporters=exporters,
        fold=fold,
        opset=opset,
        sizes={
            name: (size,) if isinstance(size, int) else tuple(size)
            for name, size in (sizes or {}).items()
        },
        memory=bytes_of(memory) if isinstance(memory, str) else memory,
        rows=given_rows(spec, data) if data is not None else None,
        progress=progress,
        workers=workers,
    )
    return verifier.run()
