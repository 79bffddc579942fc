"""Trains the generator of digits in each framework, and judges what it makes.

`python -m benchmarks.samples`. A logistic regression learns real digits. Of 1,000 samples it gives
the share that it is sure of (p > 0.9), how even its classes are, which is the entropy of their
shares over that of equal ones, and the share of the rarest. A sample is clear where at least 8 of
the 10 nearest of the rows that the judge learnt from are of one class. The exit code is 1 where a
target is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import nnspec

SPEC = Path(__file__).parents[1] / "specs" / "digits_gan.yaml"
TARGETS = {"sure": 0.55, "clear": 0.8, "evenness": 0.95, "rarest class": 0.04}
"""The least that samples have to reach."""
SAMPLES = 1000


def main() -> int:
    """Train, judge and print; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--backends", nargs="*", default=["torch", "keras"])
    parser.add_argument("--epochs", type=int, help="by default the spec's")
    given = parser.parse_args()
    networks = nnspec.load_networks(SPEC)
    table = pl.read_csv(SPEC.parent / "data" / "digits.csv")
    labels = table["label"].to_numpy()
    pixels = table.drop("label").to_numpy() / 16
    order = np.random.default_rng(0).permutation(len(pixels))
    taught, held = order[300:], order[:300]
    judge = Judge(pixels[taught], labels[taught])
    print(f"the judge knows {judge.sure.score(pixels[held], labels[held]):.0%} of held out digits")
    judge.told("real digits", pixels[held])
    judge.told("uniform noise", np.random.default_rng(0).uniform(size=(SAMPLES, 64)))
    missed = False
    for backend in given.backends:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            run: Any = nnspec.train(networks, backend, folder, epochs=given.epochs)
            seconds = time.perf_counter() - start
            model, weights = Path(folder) / "generator.onnx", run.weights["generator"]
            nnspec.export(networks, model, model="generator", weights=weights)
            (made,) = nnspec.predict(model, samples=SAMPLES).outputs.values()
        found = judge.told(f"{backend}, {seconds:.0f} s", made.reshape(SAMPLES, 64) / 16)
        missed |= any(found[name] < least for name, least in TARGETS.items())
    print(f"targets: {_listed(TARGETS)}: {'missed' if missed else 'reached'}")
    return int(missed)


class Judge:
    """What tells how much rows are like those that it learnt from."""

    def __init__(self, rows: Any, labels: Any) -> None:
        self.sure = LogisticRegression(max_iter=2000).fit(rows, labels)
        self.near = KNeighborsClassifier(n_neighbors=10).fit(rows, labels)

    def told(self, name: str, rows: Any) -> dict[str, float]:
        """Print and return the measures that have targets."""
        chances = self.sure.predict_proba(rows)
        shares = np.bincount(chances.argmax(axis=1), minlength=10) / len(rows)
        found = shares[shares > 0]
        measures = {
            "sure": float((chances.max(axis=1) > 0.9).mean()),
            "clear": float((self.near.predict_proba(rows).max(axis=1) > 0.75).mean()),
            "evenness": -float((found * np.log(found)).sum()) / np.log(10),
            "rarest class": float(shares.min()),
        }
        print(f"{name}: {_listed(measures)}", flush=True)
        return measures


def _listed(measures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in measures.items())


if __name__ == "__main__":
    sys.exit(main())
