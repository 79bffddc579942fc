"""Trains the autoencoders of specs/ and says how good they are, beside what needs no network.

`python -m scripts.autoencoders torch keras` writes the table of docs/autoencoders.md.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.data.dataset import Dataset
from nnspec.data.rows import load_data
from nnspec.training.reconstructions import drawn_rows
from nnspec.weights.canonical import load_weights

SPECS = Path(__file__).parents[1] / "specs"
NOISE = 0.3 * 16
"""Deviation of the noise that the denoising one learns to take away, in units of a pixel."""
SAMPLES = 1000

Array = NDArray[Any]


def measured(name: str, backend: str, folder: Path) -> dict[str, float]:
    """Train specs/digits/<name>.yaml and return its measures by what they are called."""
    spec = nnspec.load(SPECS / "digits" / f"{name}.yaml")
    run = nnspec.train(spec, backend, folder)
    data = load_data(spec)
    assert run.test is not None
    assert data.test is not None
    rows, test = _flat(data.train.inputs["image"]), data.test.inputs["image"]
    if name == "autoencoder":
        return {
            "mse": run.test["mse"],
            "mse of PCA": _error(_projected(rows, _flat(test), 8), test),
        }
    weights = load_weights(run.best)
    if name == "denoising":
        noisy = test + np.random.default_rng(0).normal(0, NOISE, test.shape).astype(np.float32)
        program = get_backend(backend).compile(spec, Options()).build(weights)
        (made,) = program.forward({"image": noisy}).values()
        widths = [_error(_projected(rows, _flat(noisy), width), test) for width in range(2, 64)]
        return {
            "mse": _error(made, test),
            "mse of the noisy rows": _error(noisy, test),
            "mse of PCA": min(widths),
        }
    samples = drawn_rows(spec, backend, dict(weights), "reconstruction", SAMPLES)
    assert samples is not None
    linear = PCA(8, random_state=0).fit(rows)
    codes = np.random.default_rng(0).normal(size=(SAMPLES, 8)) * np.sqrt(linear.explained_variance_)
    clear, least = _judged(data, _flat(samples))
    return {
        "mse": run.test["reconstruction_mse"],
        "mse of PCA": _error(_projected(rows, _flat(test), 8), test),
        "clear": clear,
        "least class": least,
        "clear of real": _judged(data, _flat(test))[0],
        "clear of PCA": _judged(data, linear.inverse_transform(codes))[0],
    }


def _judged(data: Dataset, rows: Array) -> tuple[float, float]:
    """Return the share of clear digits, and that of the class that is the rarest among these.

    A row is one where at least 8 of the 10 nearest training rows are of one class.
    """
    train = data.train
    labels = _labels()[_places(train.inputs["image"])]
    near = NearestNeighbors(n_neighbors=10).fit(_flat(train.inputs["image"]))
    votes = np.stack([np.bincount(each, minlength=10) for each in labels[near.kneighbors(rows)[1]]])
    clear = votes.max(axis=1) >= 8
    counts = np.bincount(votes[clear].argmax(axis=1), minlength=10)
    return float(clear.mean()), float(counts.min() / counts.sum())


def _labels() -> Array:
    return _table()[:, -1]


def _places(images: Array) -> list[int]:
    """Return which line of the table each image stands in: the autoencoder's rows have no label."""
    known = {row[:-1].tobytes(): place for place, row in enumerate(_table())}
    return [known[row.astype(np.int64).tobytes()] for row in _flat(images)]


def _table() -> Array:
    import polars as pl

    table = pl.read_csv(SPECS / "data" / "digits.csv")
    pixels = [f"pixel_{place}" for place in range(64)]
    return np.ascontiguousarray(table.select([*pixels, "label"]).to_numpy().astype(np.int64))


def _projected(rows: Array, onto: Array, width: int) -> Array:
    """Return rows as the principal components of others give them back."""
    model = PCA(width, random_state=0).fit(rows)
    return model.inverse_transform(model.transform(onto))


def _error(made: Array, wanted: Array) -> float:
    return float(np.mean(np.square(_flat(made).astype(np.float64) - _flat(wanted))))


def _flat(rows: Array) -> Array:
    return rows.reshape(len(rows), -1)


def main() -> None:
    """Train each in each backend that is named, and print what was measured."""
    for name in ("autoencoder", "denoising", "vae"):
        for backend in sys.argv[1:] or ("torch", "keras"):
            with tempfile.TemporaryDirectory() as folder:
                found = measured(name, backend, Path(folder) / "run")
            told = ", ".join(f"{key} {value:.3f}" for key, value in found.items())
            print(f"{name} in {backend}: {told}")


if __name__ == "__main__":
    main()
