"""Emitted scripts of several losses: they end where `nnspec train` ends, and answer by output."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import first_weights, require_weights_of_train, run, script_of

import nnspec
from nnspec.cli.checked_rows import problem_of_data
from nnspec.deploy.predicting import predict
from nnspec.network.loader import Spec, loads
from tests.formatting import assert_clean

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
    pytest.mark.usefixtures("eager"),
]
SUFFIX = {"torch": "safetensors", "keras": "keras"}
ROWS = 44
ODD = ["f.größe", "f.it's", 'f."x"']
"""Columns of the inputs, of which one pattern takes all."""


def spec_of(folder: Path, source: str, **changes: Any) -> Spec:
    draw = np.random.default_rng(3)
    x = draw.normal(size=(ROWS, 3)).round(3)
    ids = draw.integers(0, 5, size=(ROWS, 4))
    kinds = np.array(["ä", "b'", "c"])[(x[:, 0] > 0).astype(int) + (x[:, 1] > 0)]
    signs = (x[:, :2] > 0).astype(int)
    if source == "rows.npz":
        np.savez(
            folder / source,
            x=x, ids=ids, ids_of_three=ids[:, :3], y=x.sum(axis=1), kind=kinds, sign=signs,
        )  # fmt: skip
    else:
        columns = {name: x[:, i] for i, name in enumerate(ODD)}
        columns |= {"f.target": x.sum(axis=1), "class": kinds}
        columns |= {"s_0": signs[:, 0], "s_1": signs[:, 1]}
        table = pl.DataFrame(columns)
        write = table.write_csv if source.endswith("csv") else table.write_parquet
        write(folder / source)
    document = {"nnspec": 1, "name": "Several", **changes}
    document["training"] = {
        "optimizer": {"type": "sgd", "learning_rate": 0.05},
        "epochs": 3,
        "batch_size": 8,
        "seed": 1,
        **changes["training"],
    }
    return loads(json.dumps(document), path=folder / "several.json", is_json=True)


HEADS: dict[str, Any] = {
    "inputs": {"x": {"shape": [3]}},
    "layers": [
        {"name": "hidden", "type": "dense", "units": 4, "activation": "tanh"},
        {"name": "score", "type": "dense", "units": 1},
        {"name": "unused", "type": "dense", "units": 2, "inputs": "hidden"},
        {"name": "measure", "type": "dense", "units": 3, "activation": "softmax",
         "inputs": "hidden"},
        {"name": "yes", "type": "dense", "units": 2, "activation": "sigmoid", "inputs": "hidden"},
    ],
    "outputs": ["score", "unused", "measure", "yes"],
}  # fmt: skip
LOSS = {
    "score": {"type": "huber", "weight": 0.3},
    "yes": "binary_cross_entropy",
    # Rows that weigh differently: the mean of a part is not that of its rows.
    "measure": {"type": "categorical_cross_entropy", "class_weights": [1.0, 2.0, 0.5]},
}
TABLE = {
    "features": {"x": "f.*"},
    "target": {"score": "f.target", "measure": "class", "yes": ["s_*"]},
}
ARRAYS = {"features": {"x": "x"}, "target": {"score": "y", "measure": "kind", "yes": "sign"}}
CODED: dict[str, Any] = {
    "inputs": {"x": {"shape": [3]}},
    "layers": [
        {"name": "code", "type": "dense", "units": 2, "activation": "tanh"},
        {"name": "made", "type": "dense", "units": 3},
        {"name": "cost", "type": "dense", "units": 1, "activation": "relu", "inputs": "code"},
    ],
    "outputs": ["cost", "made"],
}
CODED_LOSS = {"made": "mse", "cost": {"type": "value", "weight": 0.5}}
TEXT: dict[str, Any] = {
    "inputs": {"ids": {"shape": [4], "dtype": "int64"}},
    "layers": [
        {"type": "embedding", "input_dim": 5, "output_dim": 3},
        {"name": "scores", "type": "dense", "units": 5, "activation": "softmax"},
    ],
}
PLATEAU = {"schedule": "plateau", "initial": 0.05, "patience": 0, "metric": "val_score_loss"}
ALONE = {**HEADS, "outputs": ["score"], "layers": HEADS["layers"][:2]}

CASES: dict[str, dict[str, Any]] = {
    "table": {
        **HEADS,
        "data": {"source": "rows.csv", **TABLE, "test": 0.1, "standardize": True},
        "training": {"loss": LOSS, "keep": {"metric": "val_measure_accuracy"}},
    },
    "arrays": {
        **HEADS,
        "data": {"source": "rows.npz", **ARRAYS, "validation": 0},
        "training": {
            "loss": LOSS,
            "metrics": ["mae", {"type": "f1", "average": "micro"}],
            "stop": {"metric": "yes_loss", "patience": 1, "min_delta": 0.01},
        },
    },
    "paced": {
        **HEADS,
        "data": {"source": "rows.parquet", **TABLE},
        "training": {
            "loss": LOSS,
            "optimizer": {"type": "adam", "learning_rate": PLATEAU},
            "average": {"type": "ema", "decay": 0.8},
            "clip": {"norm": 0.1},
            "accumulate": 2,
            "keep": {"metric": "val_yes_loss"},
            "metrics": [],
        },
    },
    "coded": {
        **CODED,
        "data": {
            "source": "rows.csv",
            "features": {"x": ODD},
            "target": {"made": {"input": "x"}},
            "standardize": True,
        },
        "training": {"loss": CODED_LOSS, "keep": {"metric": "val_made_mae"}},
    },
    "text": {
        **TEXT,
        "data": {
            "source": "rows.npz", "features": {"ids": "ids"}, "target": {"shifted": "ids"},
        },
        "training": {"task": "language"},
    },
    "weighted": {
        **ALONE,
        "data": {"source": "rows.csv", "features": {"x": "f.[!t]*"}, "target": "f.target"},
        "training": {
            "task": "regression",
            "loss": {"type": "mae", "weight": 0.25},
            "metrics": ["rmse"],
            "keep": {"metric": "val_rmse"},
        },
    },
    "alone": {
        **ALONE,
        "data": {
            "source": "rows.csv", "features": {"x": "f.*"}, "target": {"score": "f.target"},
            "validation": 0,
        },
        "training": {
            "loss": {"score": {"type": "mae", "weight": 0.25}},
            "stop": {"metric": "score_loss", "patience": 1, "min_delta": 0.2},
        },
    },
    # Losses that read no target, of the network's one output.
    "triplets": {
        "inputs": {name: {"shape": [3]} for name in ("anchor", "positive", "negative")},
        "layers": [
            {"name": "a", "type": "dense", "units": 2, "inputs": "anchor"},
            {"name": "p", "type": "shared", "layer": "a", "inputs": "positive"},
            {"name": "n", "type": "shared", "layer": "a", "inputs": "negative"},
            {"name": "codes", "type": "stack", "inputs": ["a", "p", "n"]},
        ],
        "data": {
            "source": "rows.npz",
            "features": {"anchor": "x", "positive": "x", "negative": "ids_of_three"},
        },
        "training": {"task": "regression", "loss": "triplet"},
    },
    "cost": {
        "inputs": {"x": {"shape": [3]}},
        "layers": [
            {"name": "code", "type": "dense", "units": 2},
            {"name": "cost", "type": "square"},
        ],
        "data": {"source": "rows.csv", "features": {"x": ODD}},
        "training": {"task": "regression", "loss": {"type": "value", "weight": 0.5}},
    },
}  # fmt: skip


def printed_by(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, float]]:
    """Return what a script has printed of each part of the rows, or of each epoch."""
    lines = [line.partition(" ") for line in capsys.readouterr().out.splitlines()]
    return {part: ast.literal_eval(values) for part, _, values in lines if values[:1] == "{"}


def require_measures_of_train(spec: Spec, printed: dict[str, dict[str, float]]) -> None:
    """Fail unless what is printed of parts of the rows is what `nnspec train` has measured."""
    record = json.loads((spec.folder / "run" / "run.json").read_text())
    best, test = record["best"], record["test"] or {}
    held = {name.removeprefix("val_"): best[name] for name in best if name.startswith("val_")}
    of_rows = {name: best[name] for name in best if name.endswith("_loss") and not held}
    wanted = {
        "test": test,
        "validation": held,
        str(best["epoch"]): held or of_rows,
        "train": of_rows,
    }
    compared = 0
    for part, values in wanted.items():
        for name in values.keys() & printed.get(part, {}).keys():
            assert printed[part][name] == pytest.approx(values[name], abs=2e-5, rel=2e-5), name
            compared += 1
    assert compared > 0


FAST = {"table", "coded", "text", "triplets"}


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in CASES]
)
def test_a_script_of_several_losses_ends_with_the_weights_of_train(
    case: str, backend: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = CASES[case]
    source = changes["data"]["source"]
    spec = spec_of(tmp_path, source, **changes)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    printed = printed_by(capsys)
    require_weights_of_train(spec, backend, output)
    require_measures_of_train(spec, printed)
    given, answers = module.predict(output, tmp_path / source)
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    expected = predict(tmp_path / "net.onnx", tmp_path / source)
    if not isinstance(given, dict):
        (name,) = expected.outputs
        given, answers = {name: given}, {name: answers}
    assert given.keys() == expected.outputs.keys()
    for name, values in expected.outputs.items():
        assert np.abs(given[name] - values).max() <= 1e-4, name
    for name, said in expected.by_output.items():
        if said.labels is not None or (said.numbers is not None and said.numbers.dtype.kind == "i"):
            assert (answers[name] == said.answer).all(), name


def test_the_losses_of_outputs_are_those_of_all_rows_in_graphs_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a graph Keras weighs a last batch of one row as one of eight."""
    spec = spec_of(tmp_path, "rows.csv", **CASES["table"])
    output = tmp_path / "out.keras"
    run(script_of(spec, "keras"), "--weights", first_weights(spec, "keras"), "--output", output)
    printed = printed_by(capsys)
    require_weights_of_train(spec, "keras", output)
    require_measures_of_train(spec, printed)


def test_scripts_of_several_losses_are_as_ruff_writes_them(tmp_path: Path) -> None:
    emitted = tmp_path / "emitted"
    emitted.mkdir()
    from nnspec.backend import Options, get_backend

    for name, changes in CASES.items():
        spec = spec_of(tmp_path, changes["data"]["source"], **changes)
        for backend in SUFFIX:
            source = get_backend(backend).compile(spec, Options(training=True)).source
            (emitted / f"{backend}_{name}.py").write_text(source)
    assert_clean(emitted)


@pytest.mark.parametrize("case", CASES)
def test_rows_of_several_losses_are_checked_as_training_would(case: str, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, CASES[case]["data"]["source"], **CASES[case])
    assert problem_of_data(spec, "several.json") is None
    (tmp_path / CASES[case]["data"]["source"]).unlink()
    problem = problem_of_data(spec, "several.json")
    assert problem is not None
    assert problem.code == "wrong-data"
