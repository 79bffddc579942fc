"""Trains the generator of digits in each framework, and judges what it makes.

`python -m benchmarks.samples`. A logistic regression learns real digits. Of 1,000 samples it gives
the share that it is sure of (p > 0.9), and how even its classes are: the entropy of their shares
over that of equal ones. The exit code is 1 where either misses its target.
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

import nnspec

SPEC = Path(__file__).parents[1] / "specs" / "digits_gan.yaml"
SURE, EVEN = 0.35, 0.95
"""The targets: the share of samples that are sure, and the evenness of their classes."""
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
    judge = LogisticRegression(max_iter=2000).fit(pixels[taught], labels[taught])
    print(f"the judge knows {judge.score(pixels[held], labels[held]):.0%} of held out digits")
    _told("real digits", judge, pixels[held])
    _told("uniform noise", judge, np.random.default_rng(0).uniform(size=(SAMPLES, 64)))
    missed = False
    for backend in given.backends:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            run: Any = nnspec.train(networks, backend, folder, epochs=given.epochs)
            seconds = time.perf_counter() - start
            model, weights = Path(folder) / "generator.onnx", run.weights["generator"]
            nnspec.export(networks, model, model="generator", weights=weights)
            (made,) = nnspec.predict(model, samples=SAMPLES).outputs.values()
        sure, even = _told(f"{backend}, {seconds:.0f} s", judge, made.reshape(SAMPLES, 64) / 16)
        missed |= sure < SURE or even < EVEN
    print(f"targets: {SURE:.0%} sure, evenness {EVEN}: {'missed' if missed else 'reached'}")
    return int(missed)


def _told(name: str, judge: Any, rows: Any) -> tuple[float, float]:
    """Print and return the share that is sure, and the evenness of the classes."""
    chances = judge.predict_proba(rows)
    shares = np.bincount(chances.argmax(axis=1), minlength=10) / len(rows)
    found = shares[shares > 0]
    sure, even = float((chances.max(axis=1) > 0.9).mean()), -float((found * np.log(found)).sum())
    even /= np.log(10)
    print(f"{name}: {sure:.0%} sure, evenness {even:.3f}", flush=True)
    return sure, even


if __name__ == "__main__":
    sys.exit(main())
