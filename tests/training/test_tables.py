"""Tables of mixed columns, trained and served from raw rows."""

import json

import numpy as np
import polars as pl
import pytest

import nnspec
from nnspec.data.preprocessing import KEY
from nnspec.data.rows import load_data
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError
from nnspec.network.loader import loads
from nnspec.weights.canonical import load_weights, save_weights

PREPARE = {
    "age": {"missing": "median", "indicator": True, "scale": "standard"},
    "fare": {"scale": ["log", "standard"]},
    "sex": {"missing": {"constant": "unsaid"}, "categories": "one_hot"},
    "port": {
        "missing": "most_frequent",
        "categories": {"encoding": "index", "unknown": "bucket", "min_count": 4},
    },
}


def table_of(count=120, seed=5):
    """Return rows with holes whose answer depends on every column."""
    rng = np.random.default_rng(seed)
    age = rng.uniform(1, 70, count).round(1)
    fare = rng.exponential(30, count).round(2)
    sex = rng.choice(["female", "male"], count)
    port = rng.choice(["C", "Q", "S", "X"], count, p=[0.3, 0.2, 0.48, 0.02])
    score = (sex == "female") + (fare > 25.0) + (port == "C") + (age < 40) * 1
    table = {"age": age, "fare": fare, "sex": sex, "port": port}
    holes = rng.random((count, 3)) < 0.1
    shown = {
        name: pl.Series(table[name]).set(pl.Series(holes[:, i]), None)
        for i, name in enumerate(["age", "sex", "port"])
    }
    return pl.DataFrame({**table, **shown, "survived": np.where(score > 1, "yes", "no")})


def spec_in(folder, **more):
    table_of().write_csv(folder / "rows.csv")
    document = {
        "nnspec": 1,
        "name": "Passengers",
        "inputs": {"person": {"shape": [6]}, "port": {"shape": [], "dtype": "int64"}},
        "layers": [
            {"name": "harbour", "type": "embedding", "input_dim": 5, "output_dim": 2,
             "inputs": "port"},
            {"name": "all", "type": "concatenate", "inputs": ["person", "harbour"]},
            {"name": "hidden", "type": "dense", "units": 8, "activation": "tanh"},
            {"name": "chance", "type": "dense", "units": 1, "activation": "sigmoid"},
        ],
        "data": {
            "source": "rows.csv",
            "features": {"person": ["age", "fare", "sex"], "port": "port"},
            "target": "survived",
            "prepare": PREPARE,
            **more,
        },
        "training": {"task": "binary", "optimizer": {"type": "adam", "learning_rate": 0.03},
                     "epochs": 15, "batch_size": 16, "seed": 1},
    }  # fmt: skip
    return loads(json.dumps(document), path=folder / "net.json")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder with a trained spec's run and its exported model."""
    folder = tmp_path_factory.mktemp("passengers")
    spec = spec_in(folder)
    run = nnspec.train(spec, "torch", folder / "run")
    nnspec.export(spec, folder / "net.onnx", weights=run.best)
    return folder, spec, run


def test_a_table_with_holes_and_words_trains(trained):
    _, _, run = trained
    assert run.history[-1].values["val_accuracy"] > 0.85


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_model_takes_the_raw_table(trained, suffix, tmp_path):
    folder, spec, run = trained
    rows = table_of(40, seed=9).drop("survived")
    rows[0, "port"] = "Z"  # which no row of the training has
    path = tmp_path / f"new.{suffix}"
    getattr(rows, f"write_{suffix}")(path)
    found = predict(folder / "net.onnx", path)
    alone = [predict(folder / "net.onnx", rows[i : i + 1]).numbers[0] for i in range(40)]
    assert (found.numbers == np.array(alone)).all()
    assert set(found.answer.ravel()) == {"yes", "no"}
    # As its own weights give, computed here.
    made = load_data(spec).preprocessing.apply(rows)
    weights = load_weights(run.best)
    table = np.concatenate([made["person"], weights["harbour.weight"][made["port"]]], axis=1)
    hidden = np.tanh(table @ weights["hidden.weight"].T + weights["hidden.bias"])
    score = hidden @ weights["chance.weight"].T + weights["chance.bias"]
    (given,) = found.outputs.values()
    assert given == pytest.approx(1 / (1 + np.exp(-score)), abs=1e-6)


def test_blank_lines_at_the_end_are_no_rows(trained, tmp_path):
    """Every column of such a row would be filled."""
    folder, _, _ = trained
    spec = spec_in(tmp_path, prepare={**PREPARE, "fare": {"missing": "mean", "scale": "standard"}})
    record = {KEY: load_data(spec).preprocessing.to_json()}
    weights = save_weights(
        tmp_path / "w.safetensors", load_weights(folder / "run" / "best.safetensors"), record
    )
    nnspec.export(spec, tmp_path / "net.onnx", weights=weights)
    text = table_of(5, seed=9).drop("survived").with_columns(pl.lit(None).alias("fare")).write_csv()
    (tmp_path / "new.csv").write_text(f"{text},,,\n{text.splitlines()[1]}\n\n,,,\n\n")
    assert predict(tmp_path / "net.onnx", tmp_path / "new.csv").rows == 7


def test_a_model_says_which_of_its_rows_is_wrong(trained, tmp_path):
    folder, _, _ = trained
    rows = table_of(40, seed=9).drop("survived")
    rows[7, "sex"] = "child"
    path = tmp_path / "new.csv"
    rows.write_csv(path)
    with pytest.raises(DataError, match=r'new.csv, line 9: column "sex", row 8: "child" is none'):
        predict(folder / "net.onnx", path)
    rows.drop("fare").write_csv(path)
    with pytest.raises(DataError, match='there is no column "fare"'):
        predict(folder / "net.onnx", path)


@pytest.mark.slow
def test_both_frameworks_learn_the_same(trained, tmp_path):
    _, _, run = trained
    other = nnspec.train(spec_in(tmp_path), "keras", tmp_path / "run")
    ours, theirs = load_weights(run.best), load_weights(other.best)
    for name, array in ours.items():
        assert np.abs(array - theirs[name]).max() < 2e-3 * np.abs(array).max(), name
