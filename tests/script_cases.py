"""Specs with rows of every kind, and what runs the scripts that are emitted for them."""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.network.loader import Spec, loads
from nnspec.weights.canonical import initial_weights, load_weights, save_weights

ROWS = 46
CLASSES = ("amber", "blue", "cyan")
KINDS = (
    {"shape": [2], "dtype": "float32"},
    {"shape": [3], "dtype": "int64"},
    {"shape": [1, 2], "dtype": "float32"},
)
IDS = 6


@dataclass(frozen=True)
class Case:
    """One way to give rows to a network; `length` is that of every name."""

    source: str
    inputs: int
    task: str
    length: int = 4
    has_words: bool = False

    def __str__(self) -> str:
        words = "-words" if self.has_words else ""
        return f"{self.source}-{self.inputs}-{self.task}-{self.length}{words}"

    def name(self, what: str) -> str:
        """Return a name of this case's length."""
        return (what + "abcdefghijklmnopqrstuvwxyz" * 3)[: max(self.length, len(what))]


MATRIX = [
    Case(source, inputs, task, length, has_words)
    for source, inputs, task, length, has_words in itertools.product(
        ("csv", "parquet", "npz"), (1, 2, 3), ("regression", "binary", "multiclass"), (4, 40),
        (False, True),
    )
    if not (has_words and task == "regression")
]  # fmt: skip


def spec_of(case: Case, folder: Path, **more: Any) -> Spec:
    """Return the case's spec, beside rows that are written for it."""
    rng = np.random.default_rng(5)
    inputs, features, layers, columns, arrays = {}, {}, [], {}, {}
    for i in range(case.inputs):
        name, kind = case.name("ijk"[i]), KINDS[i]
        inputs[name] = kind
        size = int(np.prod(kind["shape"]))
        if kind["dtype"] == "int64":
            values = rng.integers(0, IDS, size=(ROWS, size))
            table = {"name": case.name("tab"), "type": "embedding", "inputs": [name]}
            layers += [{**table, "input_dim": IDS, "output_dim": 2}]
        else:
            values = (3 + 2 * rng.normal(size=(ROWS, size))).round(3)
        flat = case.name("uvw"[i])
        layers.append({"name": flat, "type": "flatten"})
        if kind["dtype"] != "int64":
            layers[-1]["inputs"] = [name]
        names = [f"{name}_{j}" for j in range(size)]
        columns |= {column: values[:, j] for j, column in enumerate(names)}
        arrays[name] = values.reshape(ROWS, *kind["shape"])
        features[name] = (f"{name}_*" if i == 0 else names) if case.source != "npz" else name
    if case.inputs > 1:
        every = [case.name("uvw"[i]) for i in range(case.inputs)]
        layers.append({"name": case.name("joi"), "type": "concatenate", "inputs": every})
    layers += [
        {"name": case.name("hid"), "type": "dense", "units": 4, "use_bias": False},
        {"name": case.name("nor"), "type": "batch_normalization"},
        {"type": "tanh"},
        {"name": case.name("out"), "type": "dense", "units": 3 if case.task == "multiclass" else 1},
    ]
    first = arrays[case.name("i")].reshape(ROWS, -1)
    number = (first[:, 0] > 3).astype(int) + ((first[:, 1] > 3) if case.task == "multiclass" else 0)
    if case.task == "regression":
        number = first[:, 0] - first[:, 1]
    else:
        layers.append({"type": "softmax" if case.task == "multiclass" else "sigmoid"})
    target = case.name("tar")
    answers = np.array(CLASSES)[number] if case.has_words else number
    source = f"rows.{case.source}"
    if case.source == "npz":
        np.savez(folder / source, **arrays, **{target: answers})
    else:
        table = pl.DataFrame({**columns, target: answers})
        written = "ndjson" if case.source == "jsonl" else case.source
        getattr(table, f"write_{written}")(folder / source)
    document = {
        "nnspec": 1,
        "name": case.name("Net"),
        "inputs": inputs,
        "layers": layers,
        "data": {
            "source": source,
            "features": features,
            "target": target,
            # With one input no row is kept apart, and the training loss says which epoch is best.
            "validation": 0 if case.inputs == 1 else 0.2,
            "test": 0 if case.inputs == 1 else 0.1,
            "standardize": case.length > 4 or case.inputs == 3,
            **more.pop("data", {}),
        },
        "training": {
            "task": case.task,
            "optimizer": {"type": "sgd", "learning_rate": 0.05, "momentum": 0.9},
            "epochs": 2,
            "batch_size": 8,
            "shuffle": case.inputs != 2,
            "seed": 1,
            **more.pop("training", {}),
        },
        **more,
    }
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


def script_of(spec: Spec, backend: str) -> ModuleType:
    """Write the script beside the rows, and import that file as a user would."""
    compiled = get_backend(backend).compile(spec, Options(training=True))
    path = spec.folder / f"script_of_{backend}.py"
    compiled.write(path)
    name = f"script_{backend}_{abs(hash(compiled.source))}"
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def run(module: ModuleType, *arguments: object) -> None:
    """Call the script's main with these arguments."""
    before = sys.argv
    sys.argv = ["script", *map(str, arguments)]
    try:
        module.main()
    finally:
        sys.argv = before


def first_weights(spec: Spec, backend: str) -> Path:
    """Write nnspec's first weights for the script of a backend."""
    weights = initial_weights(spec.graph, 1)
    if backend == "torch":
        return save_weights(spec.folder / "first.safetensors", weights)
    path = spec.folder / "first.weights.h5"
    get_backend(backend).compile(spec).build(weights).model.save_weights(path)
    return path


def weights_of(spec: Spec, backend: str, path: Path) -> dict[str, np.ndarray]:
    """Return the canonical weights that a script has written."""
    if backend == "torch":
        return dict(load_weights(path))
    import keras

    program = get_backend(backend).compile(spec).build()
    program.model.set_weights(keras.saving.load_model(path).get_weights())
    return program.weights()


def trained(spec: Spec, backend: str) -> dict[str, np.ndarray]:
    """Return the best weights of `nnspec train`."""
    return dict(load_weights(nnspec.train(spec, backend, spec.folder / "run").best))


def require_weights_of_train(spec: Spec, backend: str, path: Path) -> None:
    """Fail unless a script has written the best weights of `nnspec train`."""
    ours, theirs = trained(spec, backend), weights_of(spec, backend, path)
    for name, array in ours.items():
        assert np.abs(array - theirs[name]).max() <= 1e-5 * max(1, np.abs(array).max()), name
