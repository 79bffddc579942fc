"""Models that prepare raw columns themselves, in ONNX Runtime alone, beside `nnspec predict`."""

import json
from datetime import date

import numpy as np
import onnxruntime
import polars as pl
import pytest
from click.testing import CliRunner
from onnx_cases import random_weights

from nnspec.cli import main
from nnspec.data.dates import dates, require_years
from nnspec.data.preprocessing import KEY
from nnspec.data.rows import load_data
from nnspec.deploy.exporting import export
from nnspec.deploy.predicting import predict
from nnspec.errors import DataError, UnsupportedError, UsageError
from nnspec.network.loader import loads
from nnspec.weights.canonical import save_weights

BUCKET = {"unknown": "bucket"}
NUMBERS = {
    "plain": {},
    "mean": {"missing": "mean"},
    "median": {"missing": "median", "indicator": True, "scale": "standard"},
    "constant": {"missing": {"constant": -3}, "indicator": True},
    "standard": {"scale": "standard"},
    "min_max": {"missing": "median", "scale": "min_max"},
    "robust": {"scale": "robust"},
    "log": {"scale": "log"},
    "several": {"missing": "mean", "scale": ["log", "standard"]},
    "quantile": {"scale": "quantile"},
    "quantiles": {"missing": "median", "scale": ["quantile", "standard"]},
    "log quantiles": {"scale": ["log", "quantile"]},
}
PARTS = ["year", "month", "day", "weekday", "day_of_year"]
TIMES = "%d.%m.%Y, %H:%M:%S"
DATES = {
    "parts": {"date": PARTS},
    "cyclic": {"date": PARTS, "cyclic": True, "scale": "standard"},
    "times": {"date": ["year", "hour", "minute", "second"], "format": TIMES, "cyclic": True,
              "missing": {"constant": "29.02.2000, 12:30:59"}, "indicator": True},
}  # fmt: skip
CATEGORIES = {
    "one_hot": {"categories": "one_hot"},
    "listed": {"categories": {"encoding": "one_hot", "values": ["c", "a", "b"]}},
    "bucket": {"categories": {"encoding": "one_hot", **BUCKET, "min_count": 7}},
    "filled": {"categories": "one_hot", "missing": {"constant": "none"}},
    "frequent": {"categories": {"encoding": "one_hot", **BUCKET}, "missing": "most_frequent"},
    "number": {"categories": "index"},
    "numbers": {"categories": {"encoding": "index", **BUCKET}, "missing": "most_frequent"},
}
COUNT = 60
WORDS = [*"aaaabbbccd"]
ODD = {
    "number": [None, 0.0, -0.0, 1e-12, -1e-300, -0.999999, -1.0, -1.5, 7.25, 1e38, 3.5e38, 1e300,
               float("inf"), float("-inf"), float("nan")],
    "text": ["a", "b", "c", "d", None, "e", "é", "A", "none", "x" * 300, 'say "a"', "1", "aa", "ab",
             "b"],
}  # fmt: skip


def table_of(count=COUNT, seed=2):
    rng = np.random.default_rng(seed)
    numbers = pl.Series(rng.exponential(20, count).round(2))
    words = pl.Series(rng.choice(WORDS, count))
    return pl.DataFrame({"number": numbers, "text": words, "other": rng.normal(size=count)})


def with_holes(table, columns):
    holes = pl.Series(np.arange(table.height) % 7 == 3)
    return table.with_columns(**{name: table[name].set(holes, None) for name in columns})


def made(folder, table, prepare, *, inputs, layers, features, target, task, **more):
    """Write the model that prepares raw columns itself, and the one that leaves it to nnspec."""
    document = {
        "nnspec": 1, "name": "Net", "inputs": inputs, "layers": layers,
        "data": {"source": "rows.csv", "features": features, "target": target,
                 **({"prepare": prepare} if prepare is not None else {}),
                 **more.pop("data", {})},
        "training": {"task": task, **more.pop("training", {})}, **more,
    }  # fmt: skip
    table.write_csv(folder / "rows.csv")
    (folder / "net.json").write_text(json.dumps(document), encoding="utf-8")
    spec = loads(json.dumps(document), path=folder / "net.json")
    record = load_data(spec).preprocessing
    metadata = {KEY: record.to_json()}
    weights = save_weights(folder / "w.safetensors", random_weights(spec.graph, 3), metadata)
    export(spec, folder / "plain.onnx", weights=weights)
    export(spec, folder / "prepared.onnx", weights=weights, preprocessing=True)


def run(folder, rows):
    """Run the model that prepares by itself, with nothing but ONNX Runtime and NumPy."""
    session = onnxruntime.InferenceSession(
        folder / "prepared.onnx", providers=["CPUExecutionProvider"]
    )
    feeds = {}
    for value in session.get_inputs():
        column = rows[value.name].to_list()
        if value.type == "tensor(string)":
            feeds[value.name] = np.array([each or "" for each in column], dtype=object)
        else:
            feeds[value.name] = np.array([np.nan if each is None else each for each in column])
    names = [value.name for value in session.get_outputs()]
    return dict(zip(names, session.run(None, feeds), strict=True))


def require_same(folder, rows, outputs=("out",)):
    """Fail unless each row has the answer of `nnspec predict`, or NaN where that refuses it."""
    given, refused = run(folder, rows), []
    for i in range(rows.height):
        try:
            expected = predict(folder / "plain.onnx", rows[i : i + 1])
        except DataError:
            refused.append(i)
            for name in outputs:
                assert np.isnan(given[name][i]).all(), rows[i]
            continue
        for name in outputs:
            wanted = expected.outputs[name]
            assert given[name].dtype == wanted.dtype
            np.testing.assert_allclose(given[name][i : i + 1], wanted, rtol=1e-6, atol=1e-7)
    return given, refused


def alone(folder, prepare, column):
    """Make models of one column beside a plain one; return whether any of its rows was missing."""
    has_holes = prepare.get("missing", "refuse") != "refuse"
    table = table_of()
    table = with_holes(table, [column]) if has_holes else table
    table = table.with_columns(y=(table["other"] > 0).cast(pl.Int64))
    categories = prepare.get("categories")
    is_index = categories == "index" or (
        isinstance(categories, dict) and categories["encoding"] == "index"
    )
    declared = {column: prepare} if prepare else {"other": {"scale": "standard"}}
    if is_index:
        inputs = {"x": {"shape": [1]}, "ids": {"shape": [], "dtype": "int64"}}
        layers = [
            {"name": "e", "type": "embedding", "input_dim": 6, "output_dim": 3, "inputs": "ids"},
            {"name": "all", "type": "concatenate", "inputs": ["x", "e"]},
        ]
        features = {"x": ["other"], "ids": column}
    else:
        inputs, layers = {"x": {"shape": [width(table, prepare, column) + 1]}}, []
        features = {"x": ["other", column]}
    layers += [{"name": "out", "type": "dense", "units": 1}, {"type": "sigmoid", "name": "share"}]
    made(folder, table, declared, inputs=inputs, layers=layers, features=features, target="y",
         task="binary")  # fmt: skip


def width(table, prepare, column):
    categories = prepare.get("categories")
    if categories is None:
        return 1 + prepare.get("indicator", False)
    if isinstance(categories, dict) and "values" in categories:
        return len(categories["values"])
    is_bucket = isinstance(categories, dict) and "unknown" in categories
    is_filled = isinstance(prepare.get("missing"), dict)
    rare = isinstance(categories, dict) and "min_count" in categories
    known = 3 if rare else 4
    return known + is_bucket + is_filled


@pytest.mark.parametrize("name", [*NUMBERS, *CATEGORIES])
def test_a_model_prepares_as_predict_does_row_by_row(name, tmp_path):
    is_number = name in NUMBERS
    prepare = NUMBERS[name] if is_number else CATEGORIES[name]
    if name == "listed":
        with pytest.raises(DataError, match='"d" is none of the 3 categories'):
            alone(tmp_path, prepare, "text")
        prepare = {"categories": {**prepare["categories"], "values": [*"cabd"]}}
    alone(tmp_path, prepare, "number" if is_number else "text")
    odd = pl.DataFrame({**ODD, "other": np.linspace(-2, 2, 15)}, strict=False)
    rows = pl.concat([table_of(20, seed=5), odd])
    given, refused = require_same(tmp_path, rows, ["share"])
    answers = given["y"][:, 0]
    assert (answers[refused] == -1).all()
    sound = [i for i in range(rows.height) if i not in refused]
    assert (answers[sound] == predict(tmp_path / "plain.onnx", rows[sound]).numbers[:, 0]).all()
    # Some are refused by each, and none of the usual ones.
    assert len(refused) > 0 or name in ("numbers", "frequent")
    assert min(refused, default=20) >= 20
    # A row alone is what it is among others.
    one = run(tmp_path, rows[3:4])
    np.testing.assert_array_equal(one["share"], given["share"][3:4])


ENDS = {
    "regression": ("regression", 2, "linear", ["price", "area"], {"standardize_target": True}),
    "multiclass": ("multiclass", 3, "softmax", "kind", {}),
    "multilabel": ("multilabel", 2, "sigmoid", ["cheap", "near"], {}),
}


DAYS = [
    *("2024-02-29", "2023-02-29", "1900-02-28", "1900-02-29", "2000-02-29", "2024-12-31"),
    *("1999-01-01", "2024-04-31", "9999-12-31", "1000-01-01", "0999-01-01", "2024-13-01"),
    *("2024-00-10", "2024-10-00", "2024-1-1", "24-01-01", "2024/01/01", "x", None),
    *("2024-01-01T00:00:00", "-2024-01-01"),
]
"""Dates, and what is none."""


@pytest.mark.parametrize("name", DATES)
def test_dates_are_taken_apart_as_predict_does_row_by_row(name, tmp_path):
    prepare = DATES[name]
    rng = np.random.default_rng(4)
    stamps = pl.Series(rng.integers(-(2**30), 2**31, 60) * 1_000_000).cast(pl.Datetime("us"))
    form = prepare.get("format", "%Y-%m-%d")
    table = pl.DataFrame({"day": stamps.dt.strftime(form), "other": rng.normal(size=60)})
    if name == "times":
        table = with_holes(table, ["day"])
    width = {"parts": 5, "cyclic": 9, "times": 8}[name]
    made(tmp_path, table, {"day": prepare}, inputs={"x": {"shape": [width]}},
         layers=[{"name": "out", "type": "dense", "units": 1}], features={"x": ["day"]},
         target="other", task="regression")  # fmt: skip
    odd = [each if each is None or name != "times" else as_time(each) for each in DAYS]
    rows = pl.DataFrame({"day": [*table["day"].to_list(), *odd]})
    given, refused = require_same(tmp_path, rows)
    right = {0, 2, 4, 5, 6, 8, 9} | ({18} if name == "times" else set())
    assert refused == [60 + i for i in range(len(odd)) if i not in right]
    assert len(np.unique(given["out"][:60])) > 40


def as_time(day):
    """Return a text in which what was wrong of a day still is."""
    parts = day.split("-")
    return f"{'.'.join(parts[::-1])}, 23:59:07" if len(parts) == 3 else f"{day}, 24:00:00"


@pytest.mark.parametrize("name", ENDS)
def test_a_model_gives_the_answers_of_predict(name, tmp_path):
    task, units, end, target, data = ENDS[name]
    table = with_holes(table_of(), ["number"])
    table = table.with_columns(
        price=table["other"] * 100 + 7,
        area=table["other"] ** 2,
        kind=pl.Series(["low", "mid", "top"] * 20),
        cheap=(table["other"] > 0).cast(pl.Int64),
        near=(table["other"] > 1).cast(pl.Int64),
    )
    prepare = {"number": NUMBERS["median"], "text": CATEGORIES["filled"]}
    layers = [{"name": "hidden", "type": "dense", "units": 5, "activation": "tanh"},
              {"name": "out", "type": "dense", "units": units, "activation": end}]  # fmt: skip
    made(tmp_path, table, prepare, inputs={"x": {"shape": [8]}}, layers=layers,
         features={"x": ["number", "text", "other"]}, target=target, task=task,
         data=data)  # fmt: skip
    rows = with_holes(table_of(30, seed=9), ["number"])
    rows[4, "text"] = "unheard"
    given, refused = require_same(tmp_path, rows)
    assert refused == [4]
    sound = rows.with_row_index().filter(pl.col("index") != 4).drop("index")
    expected = predict(tmp_path / "plain.onnx", sound)
    kept = np.arange(30) != 4
    if task == "regression":
        assert list(given) == ["out"]
        np.testing.assert_allclose(given["out"][kept], expected.numbers, rtol=1e-6)
        return
    (answer,) = given.keys() - {"out"}
    assert answer == ("kind" if task == "multiclass" else "out_answer")
    assert (given[answer][kept] == expected.answer).all()
    assert set(given[answer][4:5].ravel()) == {"" if task == "multiclass" else -1}


def test_several_outputs_have_answers_each(tmp_path):
    table = table_of().with_columns(kind=pl.Series(["low", "top"] * 30), price=pl.lit(2.0))
    layers = [{"name": "price", "type": "dense", "units": 1, "inputs": "x"},
              {"name": "chance", "type": "dense", "units": 1, "activation": "sigmoid",
               "inputs": "x"}]  # fmt: skip
    made(tmp_path, table, {"text": CATEGORIES["bucket"]}, inputs={"x": {"shape": [5]}},
         layers=layers, features={"x": ["text", "other"]}, outputs=["price", "chance"],
         target={"price": "price", "chance": "kind"}, task={"price": "regression",
         "chance": "binary"}, training={"loss": {"price": "mse",
         "chance": "binary_cross_entropy"}})  # fmt: skip
    rows = table_of(30, seed=9)
    given, refused = require_same(tmp_path, rows, ["price", "chance"])
    assert not refused
    expected = predict(tmp_path / "plain.onnx", rows).by_output["chance"].answer
    assert (given["kind"] == expected).all()
    assert set(given["kind"].ravel()) == {"low", "top"}


def test_columns_may_be_called_as_what_is_within_the_network(tmp_path):
    names = {"number": "hidden", "text": "hidden.weight", "other": "x"}
    table = table_of().rename(names).with_columns(y=pl.Series([0, 1] * 30))
    layers = [{"name": "hidden", "type": "dense", "units": 5, "activation": "tanh"},
              {"name": "out", "type": "dense", "units": 1, "activation": "sigmoid"}]  # fmt: skip
    prepare = {"hidden.weight": CATEGORIES["one_hot"]}
    made(tmp_path, table, prepare, inputs={"x": {"shape": [6]}}, layers=layers,
         features={"x": [*names.values()]}, target="y", task="binary")  # fmt: skip
    given, refused = require_same(tmp_path, table_of(20, seed=9).rename(names))
    assert not refused
    assert np.ptp(given["out"]) > 0


def test_ids_of_a_plain_column_are_held_to_their_table(tmp_path):
    table = table_of().with_columns(id=pl.Series([0, 1, 2, 3] * 15), y=pl.Series([0, 1] * 30))
    layers = [{"name": "e", "type": "embedding", "input_dim": 4, "output_dim": 2},
              {"name": "out", "type": "dense", "units": 1, "activation": "sigmoid"}]  # fmt: skip
    made(tmp_path, table, None, inputs={"x": {"shape": [], "dtype": "int64"}}, layers=layers,
         features={"x": "id"}, target="y", task="binary")  # fmt: skip
    rows = pl.DataFrame({"id": [0.0, 3.0, 4.0, -1.0, 1.5, None, 1e300]})
    _, refused = require_same(tmp_path, rows)
    assert refused == [2, 3, 4, 5, 6]


def refused_by(folder, message, *, error=UnsupportedError, columns=None, **options):
    table = table_of().with_columns(y=pl.Series([0, 1] * 30))
    if columns:
        table = table.rename(columns)
    name = (columns or {}).get("number", "number")
    layers = [{"name": "out", "type": "dense", "units": 1, "activation": "sigmoid"}]
    document = {"nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [1]}}, "layers": layers,
                "data": {"source": "rows.csv", "features": {"x": name}, "target": "y"},
                "training": {"task": "binary"}}  # fmt: skip
    table.write_csv(folder / "rows.csv")
    spec = loads(json.dumps(document), path=folder / "net.json")
    record = load_data(spec).preprocessing
    weights = save_weights(
        folder / "w.safetensors", random_weights(spec.graph, 3), {KEY: record.to_json()}
    )
    with pytest.raises(error, match=message):
        export(spec, folder / "m.onnx", **{"weights": weights, "preprocessing": True, **options})
    assert not (folder / "m.onnx").exists()


def test_what_a_model_cannot_express_is_refused_by_name(tmp_path):
    refused_by(tmp_path, "needs opset 19 or later, and this is 18", error=UsageError, opset=18)
    refused_by(tmp_path, "no preprocessing to put", error=UsageError, weights=None)
    refused_by(tmp_path, "only nnspec's own exporter", error=UsageError, via="torch")
    refused_by(tmp_path, '"out" has the name of an output', error=UsageError,
               columns={"number": "out"})  # fmt: skip
    np.savez(tmp_path / "rows.npz", x=np.ones((9, 1)), y=np.arange(9) % 2)
    layers = [{"name": "out", "type": "dense", "units": 1, "activation": "sigmoid"}]
    document = {"nnspec": 1, "name": "Net", "inputs": {"x": {"shape": [1]}}, "layers": layers,
                "data": {"source": "rows.npz", "features": {"x": "x"}, "target": "y"},
                "training": {"task": "binary"}}  # fmt: skip
    spec = loads(json.dumps(document), path=tmp_path / "net.json")
    record = load_data(spec).preprocessing
    weights = save_weights(
        tmp_path / "w.safetensors", random_weights(spec.graph, 3), {KEY: record.to_json()}
    )
    with pytest.raises(UnsupportedError, match='input "x" is fed by an array'):
        export(spec, tmp_path / "m.onnx", weights=weights, preprocessing=True)


def test_the_command_line_writes_such_a_model_with_its_other_options(tmp_path):
    alone(tmp_path, CATEGORIES["numbers"], "text")
    spec, weights = tmp_path / "net.json", tmp_path / "w.safetensors"
    rows = table_of(4, seed=5)
    expected = predict(tmp_path / "plain.onnx", rows).outputs["share"]
    for more in (["--opset", "19"], ["--opset", "23"], ["--batch", "4"], ["--fold"],
                 ["--external-data"]):  # fmt: skip
        arguments = [str(spec), "--weights", str(weights), "--preprocessing", *more]
        output = str(tmp_path / "prepared.onnx")
        ended = CliRunner().invoke(main, ["export", *arguments, "-o", output])
        assert ended.exit_code == 0, ended.output
        np.testing.assert_allclose(run(tmp_path, rows)["share"], expected, rtol=1e-6)
    ended = CliRunner().invoke(main, ["export", str(spec), "--preprocessing", "-o", output])
    assert ended.exit_code == 2
    assert "give weights that a training has written" in ended.output


@pytest.mark.parametrize("name", ["median", "numbers"])
def test_predict_takes_such_a_model_too_and_says_what_is_wrong_with_a_row(name, tmp_path):
    is_number = name in NUMBERS
    column = "number" if is_number else "text"
    alone(tmp_path, NUMBERS[name] if is_number else CATEGORIES[name], column)
    rows = with_holes(table_of(20, seed=9), [column])
    rows.write_csv(tmp_path / "new.csv")
    for given in (rows, tmp_path / "new.csv"):
        ours, theirs = (predict(tmp_path / f"{kind}.onnx", given) for kind in ("prepared", "plain"))
        np.testing.assert_allclose(ours.outputs["share"], theirs.outputs["share"], rtol=1e-6)
        assert ours.table().columns == theirs.table().columns
        assert (ours.answer == theirs.answer).all()
    rows = rows.with_columns(other=pl.lit("x"))
    rows.write_csv(tmp_path / "new.csv")
    with pytest.raises(DataError, match='line 2: column "other", row 1: "x" is not a number'):
        predict(tmp_path / "prepared.onnx", tmp_path / "new.csv")
    with pytest.raises(DataError, match="give"):
        predict(tmp_path / "prepared.onnx", {"x": np.ones((2, 3)), "ids": np.ones(2)})


def test_predict_restores_a_target_once(tmp_path):
    table = table_of()
    made(tmp_path, table, {"text": CATEGORIES["one_hot"]}, inputs={"x": {"shape": [4]}},
         layers=[{"name": "out", "type": "dense", "units": 1}], features={"x": ["text"]},
         target="number", task="regression", data={"standardize_target": True})  # fmt: skip
    ours, theirs = (predict(tmp_path / f"{kind}.onnx", table) for kind in ("prepared", "plain"))
    np.testing.assert_allclose(ours.numbers, theirs.numbers, rtol=1e-9)
    assert ours.table().columns == theirs.table().columns == ["number"]


def test_whole_numbers_that_a_double_does_not_hold_are_refused(tmp_path):
    table = pl.DataFrame({"id": [1, 2, 3, 4] * 5, "y": [0.5] * 20})
    made(
        tmp_path, table, None, inputs={"id": {"shape": [1], "dtype": "int64"}},
        layers=[{"type": "modulo", "divisor": 10}, {"type": "cast", "dtype": "float32"},
                {"name": "out", "type": "dense", "units": 1}],
        features={"id": "id"}, target="y", task="regression",
    )  # fmt: skip
    rows = pl.DataFrame({"id": [7, 2**53 + 1]})
    assert predict(tmp_path / "prepared.onnx", rows[:1]).numbers == pytest.approx(
        predict(tmp_path / "plain.onnx", rows[:1]).numbers
    )
    assert predict(tmp_path / "plain.onnx", rows).rows == 2
    with pytest.raises(DataError, match=r'column "id", row 2: 9007199254740993 is not below'):
        predict(tmp_path / "prepared.onnx", rows)
    given = run(tmp_path, pl.DataFrame({"id": [7.0, 2.0**53 + 2, 2.0**63]}))["out"]
    assert np.isnan(given[:, 0]).tolist() == [False, True, True]


@pytest.mark.parametrize("year", [1, 999])
def test_years_that_texts_have_not_are_refused_of_dates_too(tmp_path, year):
    days = pl.Series([date(year, 1, 1), date(2024, 2, 3)] * 10)
    with pytest.raises(DataError, match=r"column \"day\", row 1: the year of .* is not from 1000"):
        require_years(dates(days.alias("day"), "", file="rows.parquet"), file="rows.parquet")
    right = pl.Series([date(1000, 1, 1), None, date(9999, 12, 31)]).alias("day")
    found = dates(right, "", file="rows.parquet")
    require_years(found, file="rows.parquet")
    assert found.null_count() == 1
