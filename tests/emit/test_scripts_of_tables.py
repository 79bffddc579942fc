"""Scripts of tables whose columns are prepared: they learn and serve as `nnspec train` does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from script_cases import first_weights, require_weights_of_train, run, script_of

import nnspec
from nnspec.data.preprocessing import Preprocessing
from nnspec.data.rows import load_data
from nnspec.deploy.predicting import predict
from nnspec.emit.dataset import dataset_source
from nnspec.network.loader import Spec, loads

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
    pytest.mark.usefixtures("eager"),
]

INDEX = {"encoding": "index", "unknown": "bucket"}
EVERY = {
    "age": {"missing": "median", "indicator": True, "scale": "standard"},
    "fare": {"missing": "mean", "scale": ["log", "min_max"]},
    "deck": {"missing": {"constant": 2.5}, "scale": "robust"},
    "sex": {"missing": {"constant": "unsaid"}, "categories": "one_hot"},
    "kin": {"categories": {"encoding": "one_hot", "values": [0, 1, 2, 3]}},
    "port": {"missing": "most_frequent", "categories": {**INDEX, "min_count": 6}},
}
"""What is declared of every column."""
JOINED = {
    "date": ["year", "month", "weekday", "hour"],
    "format": "%Y-%m-%d %H:%M",
    "cyclic": True,
    "scale": ["standard"],
    "missing": {"constant": "2020-01-01 00:00"},
}
DECLARED = {
    "every": (["age", "fare", "deck", "sex", "kin"], EVERY, 11),
    "numbers": (["age", "fare", "deck"], {n: EVERY[n] for n in ("age", "fare", "deck")}, 4),
    "patterns": (["[af]*", "deck"], {"deck": {"missing": "mean"}, "*": EVERY["age"]}, 5),
    "categories": (
        ["sex", "kin"],
        {"sex": {**EVERY["sex"], "missing": "most_frequent"}, "kin": EVERY["kin"]},
        6,
    ),
    "listed": (["kin"], {"kin": EVERY["kin"]}, 4),
    "dates": (["joined", "fare"], {"joined": JOINED, "fare": {"missing": "mean"}}, 8),
    "dates alone": (["joined"], {"joined": {**JOINED, "cyclic": False}}, 4),
    "quantiles": (["fare"], {"fare": {"missing": "median", "scale": ["quantile", "robust"]}}, 1),
    "standardized": (["age", "fare"], {"age": {"missing": "mean"}, "fare": EVERY["fare"]}, 2),
}  # fmt: skip


QUICK = ("every", "dates")
"""Of Parquet, what is not left to the slow tests."""


def rows_of(count: int, seed: int = 3, *, is_typed: bool = False) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    table = {
        "age": rng.uniform(1, 70, count).round(1),
        "fare": rng.exponential(30, count).round(2),
        "deck": rng.integers(0, 9, count).astype(float),
        "sex": rng.choice(["female", "male"], count),
        "kin": rng.integers(0, 4, count),
        "port": rng.choice(["C", "Q", "S", "X"], count, p=[0.35, 0.2, 0.43, 0.02]),
    }
    holes = {name: pl.Series(rng.random(count) < 0.15) for name in table if name != "kin"}
    stamps = pl.Series(rng.integers(0, 2**30, count) * 60_000_000).cast(pl.Datetime("us"))
    joined = stamps.set(pl.Series(rng.random(count) < 0.15), None)
    shown = {name: pl.Series(table[name]).set(holes[name], None) for name in holes}
    table["joined"] = joined if is_typed else joined.dt.strftime("%Y-%m-%d %H:%M")
    return pl.DataFrame({**table, **shown, "y": (table["age"] + table["fare"] > 60).astype(int)})


def spec_of(folder: Path, name: str, suffix: str = "csv") -> Spec:
    columns, prepare, width = DECLARED[name]
    rows = rows_of(80, is_typed=suffix == "parquet" and name == "dates")
    getattr(rows, f"write_{'ndjson' if suffix == 'jsonl' else suffix}")(folder / f"rows.{suffix}")
    has_port = name in ("every", "categories")
    port = {"port": {"shape": [], "dtype": "int64"}} if has_port else {}
    layers = [{"name": "hidden", "type": "dense", "units": 6, "activation": "tanh"}]
    if has_port:
        layers = [
            {"type": "embedding", "name": "e", "input_dim": 5, "output_dim": 2, "inputs": "port"},
            {"type": "concatenate", "name": "all", "inputs": ["person", "e"]},
            *layers,
        ]
    document = {
        "nnspec": 1,
        "name": "Passengers",
        "inputs": {"person": {"shape": [width]}, **port},
        "layers": [*layers, {"name": "out", "type": "dense", "units": 1}, {"type": "sigmoid"}],
        "data": {
            "source": f"rows.{suffix}",
            "features": {"person": columns, **({"port": "port"} if has_port else {})},
            "target": "y",
            "test": 0.1,
            "standardize": name == "standardized",
            "prepare": {**prepare, **({"port": EVERY["port"]} if has_port else {})},
        },
        "training": {"task": "binary", "optimizer": {"type": "sgd", "learning_rate": 0.05},
                     "epochs": 2, "batch_size": 8, "seed": 1},
    }  # fmt: skip
    return loads(json.dumps(document), path=folder / "net.json")


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        *((name, "csv") for name in DECLARED),
        *(
            pytest.param(name, "parquet", marks=[] if name in QUICK else pytest.mark.slow)
            for name in DECLARED
        ),
        *((name, "jsonl") for name in QUICK),
    ],
)
def test_a_script_prepares_rows_as_train_does(name: str, suffix: str, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, name, suffix)
    source = dataset_source(spec)
    assert source is not None
    parts, record = script_of(spec, "torch").load_data(tmp_path / f"rows.{suffix}")
    expected = load_data(spec)
    for part, arrays in parts.items():
        for array, wanted in zip(arrays, getattr(expected, part).inputs.values(), strict=False):
            assert array.dtype == wanted.dtype
            assert np.array_equal(array, wanted), part
    # And its record is one of nnspec's, to the last bit.
    ours = expected.preprocessing
    given = Preprocessing.from_json(json.dumps(record))
    assert given.inputs == ours.inputs
    assert ("vocabulary" in source.text) == (name in ("every", "categories", "listed"))
    assert ("log1p" in source.text) == (name in ("every", "numbers", "standardized"))
    assert ("np.sin" in source.text) == (name == "dates")
    assert ("strict=False, time_unit" in source.text) == ("dates" in name)
    assert "not True" not in source.text


HEADS = [{"name": "one", "type": "dense", "units": 1, "inputs": "person"},
         {"name": "two", "type": "dense", "units": 1, "inputs": "person"}]  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "several": {
        "layers": HEADS, "outputs": ["one", "two"], "target": {"one": "y", "two": "deck"},
        "training": {"loss": {"one": "mse", "two": "mae"}, "task": "regression"},
    },
    "itself": {
        "layers": [{"type": "dense", "units": 4}], "outputs": ["dense_1"], "target": None,
        "training": {"task": "autoencoder"},
    },
    "weighted": {
        "layers": HEADS[:1], "outputs": ["one"], "target": "y", "sample_weight": "deck",
        "training": {"task": "regression"},
    },
}  # fmt: skip
"""Specs with other targets than one column, whose rows are read otherwise."""


@pytest.mark.parametrize("name", OTHERS)
def test_a_script_of_other_targets_prepares_rows_as_train_does(name: str, tmp_path: Path) -> None:
    given = OTHERS[name]
    rows = rows_of(60).with_columns(pl.col("deck").fill_null(1.0))
    rows.write_csv(tmp_path / "rows.csv")
    more = {key: given[key] for key in ("target", "sample_weight") if given.get(key)}
    document = {
        "nnspec": 1, "name": "Passengers", "inputs": {"person": {"shape": [4]}},
        "layers": given["layers"], "outputs": given["outputs"],
        "data": {"source": "rows.csv", "features": {"person": ["age", "sex"]},
                 "prepare": {"age": {"missing": "mean"}, "sex": EVERY["sex"]}, **more},
        "training": {"epochs": 1, "seed": 2, **given["training"]},
    }  # fmt: skip
    spec = loads(json.dumps(document), path=tmp_path / "net.json")
    parts, record = script_of(spec, "torch").load_data(tmp_path / "rows.csv")
    expected = load_data(spec)
    for part, (person, goal, *weight) in parts.items():
        wanted = getattr(expected, part)
        assert np.array_equal(person, wanted.inputs["person"])
        if isinstance(wanted.target, dict):
            assert all(np.array_equal(goal[output], wanted.target[output]) for output in goal)
        else:
            assert np.array_equal(goal, wanted.target)
        if wanted.weight is not None:
            assert np.array_equal(weight[0], wanted.weight)
    made = Preprocessing.from_json(json.dumps(record))
    assert made.inputs == expected.preprocessing.inputs
    assert (made.task, made.target) == (expected.preprocessing.task, expected.preprocessing.target)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_script_ends_with_the_weights_of_train_and_serves_the_raw_table(
    backend: str, tmp_path: Path
) -> None:
    spec = spec_of(tmp_path, "every")
    module = script_of(spec, backend)
    output = tmp_path / f"out.{ {'torch': 'safetensors', 'keras': 'keras'}[backend] }"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    rows = rows_of(30, seed=8).drop("y")
    rows[0, "port"] = "Z"
    rows.write_csv(tmp_path / "new.csv")
    values, answers = module.predict(output, tmp_path / "new.csv")
    nnspec.export(spec, tmp_path / "net.onnx", weights=tmp_path / "run" / "best.safetensors")
    expected = predict(tmp_path / "net.onnx", tmp_path / "new.csv")
    (wanted,) = expected.outputs.values()
    assert np.abs(values - wanted).max() <= 1e-6
    assert (answers == expected.answer).all()


WRONG = {
    ("age", "old"): 'line 5: column "age", row 4: old is not a finite number',
    ("age", "inf"): 'column "age", row 4: inf is not a finite number',
    ("fare", "-7"): r'column "fare", row 4: log\(1 \+ x\) is of numbers above -1',
    ("kin", "9"): r"column \"kin\", row 4: 9 is none of \['0', '1', '2', '3'\]",
    ("kin", ""): 'column "kin", row 4: the value is missing',
}


@pytest.mark.parametrize(("column", "value"), WRONG)
def test_a_script_says_which_value_is_wrong(column: str, value: str, tmp_path: Path) -> None:
    spec = spec_of(tmp_path, "every")
    rows = rows_of(20).cast(pl.String)
    rows[3, column] = value
    rows.write_csv(tmp_path / "rows.csv")
    module = script_of(spec, "torch")
    with pytest.raises(ValueError, match=WRONG[column, value]):
        module.load_data(tmp_path / "rows.csv")
