"""Specs over small files of rows, for the tests of the data."""

import json
from pathlib import Path

import numpy as np

from nnspec.data.rows import load_data
from nnspec.network.loader import loads


def spec_of(
    folder, source, features, target, *, task, shape=(2,), units=1, dtype="float32", **data
):
    # What stands between the input and the output is of no concern to the data.
    layers = [] if len(shape) == 1 and dtype == "float32" else [{"type": "flatten"}]
    if dtype == "float32":
        layers.append({"type": "dense", "units": units})
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"features": {"shape": list(shape), "dtype": dtype}},
        "layers": layers,
        "data": {"source": source, "features": features, "target": target, **data},
        "training": {"task": task, "seed": 3},
    }
    return loads(json.dumps(document), path=Path(folder) / "net.json")


def from_csv(tmp_path, text, features=("a", "b"), target="y", *, task="binary", **more):
    (tmp_path / "rows.csv").write_text(text, encoding="utf-8")
    more.setdefault("validation", 0)
    spec = spec_of(tmp_path, "rows.csv", {"features": list(features)}, target, task=task, **more)
    return load_data(spec)


def from_npz(tmp_path, task, *, target="y", validation=0, arrays, **more):
    np.savez(tmp_path / "rows.npz", **arrays)
    more.setdefault("shape", arrays["x"].shape[1:])
    features = {"features": "x"}
    return load_data(
        spec_of(tmp_path, "rows.npz", features, target, task=task, validation=validation, **more)
    )
