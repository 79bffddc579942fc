"""Emitted scripts of losses by output whose rows count by weights end where `nnspec train` ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import first_weights, require_weights_of_train, run, script_of

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.network.loader import Spec, loads
from tests.formatting import assert_clean

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
    pytest.mark.usefixtures("eager"),
]
SUFFIX = {"torch": "safetensors", "keras": "keras"}
COUNT, STEPS = 46, 5
DRAW = np.random.default_rng(3)
NUMBERS = DRAW.normal(size=(COUNT, 3)).round(3)
WEIGHTS = (DRAW.uniform(0.1, 2, COUNT) * (DRAW.random(COUNT) < 0.7)).round(3)
LENGTHS = DRAW.integers(1, STEPS + 1, COUNT)
WORDS = np.where(np.arange(STEPS) < LENGTHS[:, None], DRAW.integers(1, 7, (COUNT, STEPS)), 0)
TABLE = {
    **{f"f{i}": NUMBERS[:, i] for i in range(3)},
    "f_weight": WEIGHTS,
    "kind": np.array(["ä", "b'", "c"])[(NUMBERS[:, 0] > 0).astype(int) + (NUMBERS[:, 1] > 0)],
    "f_sum": NUMBERS.sum(axis=1),
    "is_a": DRAW.integers(0, 2, COUNT),
    "is_b": DRAW.integers(0, 2, COUNT),
}
ARRAYS = {
    "words": WORDS,
    "lengths": LENGTHS,
    "tags": DRAW.integers(0, 3, (COUNT, STEPS)),
    "levels": DRAW.normal(size=(COUNT, STEPS, 2)),
    "places": DRAW.uniform(0, 2, (COUNT, STEPS)) * (DRAW.random((COUNT, STEPS)) < 0.8),
}
HEADS: dict[str, Any] = {
    "inputs": {"x": {"shape": [3]}},
    "layers": [
        {"name": "hidden", "type": "dense", "units": 4, "activation": "tanh"},
        {"name": "score", "type": "dense", "units": 1},
        {"name": "kind", "type": "dense", "units": 3, "activation": "softmax", "inputs": "hidden"},
        {"name": "yes", "type": "dense", "units": 2, "activation": "sigmoid", "inputs": "hidden"},
    ],
    "outputs": ["score", "kind", "yes"],
}
LOSS = {
    "score": {"type": "huber", "weight": 0.3},
    "yes": "binary_cross_entropy",
    "kind": {"type": "categorical_cross_entropy", "class_weights": [1.0, 2.0, 0.5]},
}
# Patterns of targets and of inputs match the column of the weights, and leave it out.
COLUMNS = {
    "features": {"x": "f[0-9_]*"},
    "target": {"score": "f_sum", "kind": "kind", "yes": ["is_*"]},
    "sample_weight": "f_weight",
}


def text(steps: int | str, *, has_lengths: bool) -> dict[str, Any]:
    inputs: dict[str, Any] = {"words": {"shape": [steps], "dtype": "int64"}}
    if has_lengths:
        inputs["lengths"] = {"shape": [], "dtype": "int64"}
    return {
        "inputs": inputs,
        "layers": [
            {"name": "table", "type": "embedding", "input_dim": 7, "output_dim": 4,
             "inputs": "words"},
            {"name": "read", "type": "gru", "units": 3, "return_sequences": True,
             "inputs": ["table", "lengths"] if has_lengths else "table"},
            {"name": "cost", "type": "square", "inputs": "read"},
            {"name": "tags", "type": "dense", "units": 3, "activation": "softmax",
             "inputs": "read"},
            {"name": "levels", "type": "dense", "units": 2, "inputs": "read"},
        ],
        "outputs": ["cost", "tags", "levels"],
    }  # fmt: skip


PLACES = {"cost": {"type": "value", "weight": 0.2}, "tags": "categorical_cross_entropy"}
CASES: dict[str, dict[str, Any]] = {
    "table": {
        **HEADS,
        "data": {"source": "rows.csv", **COLUMNS, "standardize": True, "test": 0.1},
        "training": {"loss": LOSS, "keep": {"metric": "val_kind_accuracy"}, "accumulate": 2},
    },
    "watched": {
        **HEADS,
        "data": {
            "source": "rows.parquet", **COLUMNS, "validation": 0,
            "target": {"score": "f_sum", "kind": "kind", "yes": ["is_a", "is_b"]},
        },
        "training": {
            "loss": LOSS,
            "metrics": ["r2", "log_loss", {"type": "f1", "average": "micro"}],
            "stop": {"metric": "yes_loss", "patience": 1, "min_delta": 0.01},
        },
    },
    "unmeasured": {
        **HEADS,
        "data": {"source": "rows.csv", **COLUMNS},
        "training": {"loss": LOSS, "metrics": [], "keep": {"metric": "val_yes_loss"}},
    },
    "alone": {
        **HEADS, "layers": HEADS["layers"][:2], "outputs": ["score"],
        "data": {
            "source": "rows.csv", "features": {"x": "f?"}, "target": {"score": "f_sum"},
            "sample_weight": "f_weight",
        },
        "training": {
            "loss": {"score": {"type": "mae", "weight": 0.25}},
            "keep": {"metric": "val_score_loss"},
        },
    },
    "coded": {
        **HEADS,
        "layers": [
            {"name": "code", "type": "dense", "units": 2, "activation": "tanh"},
            {"name": "made", "type": "dense", "units": 3},
            {"name": "cost", "type": "square", "inputs": "code"},
        ],
        "outputs": ["cost", "made"],
        "data": {
            "source": "rows.csv", "features": {"x": "f*[!m]"}, "sample_weight": "f_weight",
            "target": {"made": {"input": "x"}},
        },
        "training": {"loss": {"made": "mse", "cost": {"type": "value", "weight": 0.5}}},
    },
    "places": {
        **text(STEPS, has_lengths=False),
        "data": {
            "source": "rows.npz", "features": {"words": "words"},
            "target": {"tags": "tags", "levels": "levels"}, "sample_weight": "places",
        },
        "training": {"loss": {**PLACES, "levels": "mse"}, "mask": "words"},
    },
    "lengths": {
        **text("T", has_lengths=True),
        "data": {
            "source": "rows.npz", "features": {"words": "words", "lengths": "lengths"},
            "target": {"tags": "tags"}, "validation": 0,
        },
        "training": {"loss": PLACES, "mask": "lengths"},
    },
    "without targets": {
        **text("T", has_lengths=True),
        "data": {"source": "rows.npz", "features": {"words": "words", "lengths": "lengths"}},
        "training": {"loss": {**PLACES, "tags": {"type": "value"}}, "mask": "lengths"},
    },
}  # fmt: skip
FAST = {"table", "places"}


def spec_of(folder: Path, case: str, rows: dict[str, Any] | None = None) -> Spec:
    changes = CASES[case]
    path = folder / changes["data"]["source"]
    if path.suffix == ".npz":
        np.savez(path, **{**ARRAYS, **(rows or {})})
    else:
        table = pl.DataFrame({**TABLE, **(rows or {})})
        (table.write_csv if path.suffix == ".csv" else table.write_parquet)(path)
    document = {"nnspec": 1, "name": "Several", **changes}
    document["data"] = {"validation": 0.3, **changes["data"]}
    document["training"] = {
        "optimizer": {"type": "sgd", "learning_rate": 0.05},
        "epochs": 3,
        "batch_size": 8,
        "seed": 1,
        **changes["training"],
    }
    return loads(json.dumps(document), path=folder / "several.json", is_json=True)


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    "case", [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in CASES]
)
def test_a_script_of_several_losses_by_weights_ends_with_the_weights_of_train(
    case: str, backend: str, tmp_path: Path
) -> None:
    spec = spec_of(tmp_path, case)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    given, _ = module.predict(output, tmp_path / CASES[case]["data"]["source"])
    assert given.keys() == set(spec.graph.outputs)


@pytest.mark.parametrize("case", ["watched", "lengths"])
def test_a_script_measures_several_losses_by_weights_as_train_does(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_of(tmp_path, case)
    module = script_of(spec, "torch")
    output = tmp_path / "out.safetensors"
    run(module, "--weights", first_weights(spec, "torch"), "--output", output, "--epochs", "1")
    printed = capsys.readouterr().out.splitlines()[0].partition(" ")[2]
    done = nnspec.train(spec, "torch", tmp_path / "run", epochs=1)
    assert json.loads(printed.replace("'", '"')) == pytest.approx(done.history[0].values, rel=1e-4)


def test_scripts_of_several_losses_by_weights_are_as_ruff_writes_them(tmp_path: Path) -> None:
    emitted = tmp_path / "emitted"
    emitted.mkdir()
    for name in CASES:
        spec = spec_of(tmp_path, name)
        for backend in SUFFIX:
            source = get_backend(backend).compile(spec, Options(training=True)).source
            (emitted / f"{backend}_{name}.py").write_text(source)
    assert_clean(emitted)


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "negative": ("table", {"f_weight": WEIGHTS - 1}),
    "all zero": ("table", {"f_weight": 0 * WEIGHTS}),
    "too few": ("places", {"places": WEIGHTS[:-1]}),
    "of no places": ("places", {"places": np.ones((COUNT, 3))}),
}


@pytest.mark.parametrize("name", WRONG)
def test_weights_that_fit_no_output_are_refused_by_a_script(name: str, tmp_path: Path) -> None:
    case, rows = WRONG[name]
    module = script_of(spec_of(tmp_path, case), "torch")
    spec_of(tmp_path, case, rows)
    with pytest.raises(ValueError, match=r"weight|number"):
        module.load_data(tmp_path / CASES[case]["data"]["source"])
