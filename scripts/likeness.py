"""Trains the siamese and the triplet network of specs/digits and says how well codes tell digits.

`python -m scripts.likeness torch keras` writes the table of docs/likeness.md. Judged are the digits
that are in no pair.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.weights.canonical import load_weights
from scripts.make_pairs import LEARNT, digits, drawn

SPECS = Path(__file__).parents[1] / "specs" / "digits"
PAIRS = 2000

Array = NDArray[Any]


def measured(name: str, backend: str, folder: Path) -> dict[str, float]:
    """Train specs/digits/<name>.yaml and return its measures by what they are called."""
    spec = nnspec.load(SPECS / f"{name}.yaml")
    run = nnspec.train(spec, backend, folder)
    program = get_backend(backend).compile(spec, Options()).build(load_weights(run.best))
    images, labels = digits()
    rows = images.astype(np.float32)
    # Each input has the same tower: the first code is that of the first input.
    (codes,) = program.forward(dict.fromkeys(spec.graph.inputs, rows)).values()
    own, pixels = judged(codes[:, 0], labels), judged(rows.reshape(len(rows), -1), labels)
    return {**own, **{f"{key} of pixels": value for key, value in pixels.items()}}


def judged(codes: Array, labels: Array) -> dict[str, float]:
    """Return how well distances tell classes, of the digits that were not learnt.

    recall@1: the share whose nearest other one is of the same class. pairs: the share of pairs,
    half of them alike, that one distance parts rightly, the one that is best for the pairs that
    were learnt. auc: of the same distances.
    """
    new, known = codes[LEARNT:], labels[LEARNT:]
    nearest = NearestNeighbors(n_neighbors=2).fit(new).kneighbors(new)[1][:, 1]
    limits = _distances(codes[:LEARNT], labels[:LEARNT], seed=3)
    least = min(
        np.quantile(np.concatenate(limits), np.linspace(0.1, 0.9, 81)),
        key=lambda limit: (limits[0] > limit).mean() + (limits[1] <= limit).mean(),
    )
    alike, apart = _distances(new, known, seed=4)
    right = (np.mean(alike <= least) + np.mean(apart > least)) / 2
    truth = np.repeat([1, 0], [len(alike), len(apart)])
    return {
        "recall@1": float(np.mean(known[nearest] == known)),
        "pairs": float(right),
        "auc": float(roc_auc_score(truth, -np.concatenate([alike, apart]))),
    }


def _distances(codes: Array, labels: Array, seed: int) -> tuple[Array, Array]:
    anchor, positive, negative = drawn(labels, PAIRS, seed)
    first = codes[anchor].astype(np.float64)
    return (
        np.linalg.norm(first - codes[positive], axis=1),
        np.linalg.norm(first - codes[negative], axis=1),
    )


def main() -> None:
    """Train each in each backend that is named, and print what was measured."""
    for name in ("siamese", "triplets"):
        for backend in sys.argv[1:] or ("torch", "keras"):
            with tempfile.TemporaryDirectory() as folder:
                found = measured(name, backend, Path(folder) / "run")
            told = ", ".join(f"{key} {value:.3f}" for key, value in found.items())
            print(f"{name} in {backend}: {told}", flush=True)


if __name__ == "__main__":
    main()
