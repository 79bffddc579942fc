"""Prediction reads a table part by part, and says of a wrong one what reading the whole says."""

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner
from onnx_cases import random_weights

from nnspec.cli import main
from nnspec.data import streaming
from nnspec.data.feature import Feature
from nnspec.data.preprocessing import KEY, Preprocessing
from nnspec.deploy import predicting
from nnspec.deploy.exporting import export
from nnspec.deploy.predicting import Predictions, predict
from nnspec.errors import DataError
from nnspec.network.loader import loads
from nnspec.weights.canonical import save_weights

SPEC = """
nnspec: 1
name: Rows
inputs: {x: {shape: [2]}, word: {shape: [1], dtype: int32}}
layers:
  - {name: e, type: embedding, input_dim: 5, output_dim: 2, inputs: word}
  - {name: f, type: flatten}
  - {name: c, type: concatenate, inputs: [x, f]}
  - {name: out, type: dense, units: 3}
  - {name: p, type: softmax}
"""
RECORD = Preprocessing(
    inputs={
        "x": Feature(columns=("b", "a"), shape=(2,), dtype="float32", mean=(1, 2), scale=(3, 4)),
        "word": Feature(columns=("w",), shape=(1,), dtype="int32"),
    },
    task="multiclass",
    target="kind",
    labels=("red", "green", "blue"),
)
ROWS = [(f"{i / 7:.6g}", f"text {i}", f"{-i}", f"{i % 5}") for i in range(20)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    spec = loads(SPEC)
    weights = random_weights(spec.graph, 1)
    path = save_weights(folder / "w.safetensors", weights, {KEY: RECORD.to_json()})
    export(spec, folder / "m.onnx", weights=path)
    return folder / "m.onnx"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(streaming, "PART", 3)
    monkeypatch.setattr(streaming, "READ", 7)


def csv_of(rows=ROWS, header="a,note,b,w"):
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


def changed(row, column, value):
    rows = [list(each) for each in ROWS]
    rows[row][column] = value
    return csv_of(rows)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("rows.csv", csv_of()),
        ("rows.csv", csv_of().rstrip("\n")),
        ("rows.csv", "\ufeff" + changed(8, 0, '"1.5"').replace("\n", "\r\n")),
        ("rows.csv", changed(8, 3, " 4 ")),
        ("rows.csv", changed(8, 1, "")),
        ("rows.parquet", csv_of()),
        ("rows.jsonl", csv_of()),
    ],
)
def test_a_table_in_order_is_never_held_whole(tmp_path, monkeypatch, model, name, text):
    path = tmp_path / name
    (tmp_path / "rows.csv").write_text(text)
    table = pl.read_csv(tmp_path / "rows.csv", infer_schema=False)
    if name != "rows.csv":
        typed = table.cast({"a": pl.Float64, "b": pl.Float64, "w": pl.Int8})
        (typed.write_parquet if path.suffix == ".parquet" else typed.write_ndjson)(path)
    whole = predict(model, table)
    monkeypatch.setattr(predicting, "read", lambda path: pytest.fail("read as a whole"))
    parts = predict(model, path)
    np.testing.assert_allclose(parts.outputs["p"], whole.outputs["p"], rtol=1e-6)
    assert (parts.answer == whole.answer).all()
    assert parts.table()["kind"].to_list() == list(whole.answer)
    assert parts.rows == 20


@pytest.mark.parametrize(
    "text",
    [
        changed(17, 0, ""),
        changed(17, 0, "word"),
        changed(17, 2, "inf"),
        changed(17, 2, "1e39"),
        changed(17, 3, "5"),
        changed(17, 3, "1.5"),
        changed(17, 3, ""),
        changed(17, 3, "1,2"),
        csv_of(header="a,a,b,w"),
        csv_of(header="a,note,c,w"),
        csv_of([]),
        "",
        changed(17, 1, "é").encode("latin-1"),
        csv_of().replace(",", ";"),
    ],
    ids=[
        *("missing", "word", "infinite", "too large", "outside", "not whole", "no word", "ragged"),
        *("twice", "no column", "no rows", "empty", "latin-1", "semicolons"),
    ],
)
def test_a_wrong_table_is_refused_as_when_it_is_read_whole(tmp_path, monkeypatch, model, text):
    path = tmp_path / "rows.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError) as found:
        predict(model, path)
    monkeypatch.setattr(predicting, "_streamed", lambda *_: None)
    with pytest.raises(DataError) as expected:
        predict(model, path)
    assert str(found.value) == str(expected.value)


def test_blank_lines_at_the_end_are_no_rows(tmp_path, model):
    (tmp_path / "rows.csv").write_text(csv_of() + "\n\n")
    assert predict(model, tmp_path / "rows.csv").rows == 20


def test_the_command_makes_the_table_once(tmp_path, monkeypatch, model):
    (tmp_path / "rows.csv").write_text(csv_of())
    made = []
    table = Predictions.table
    monkeypatch.setattr(Predictions, "table", lambda self: made.append(1) or table(self))
    call = ["predict", str(model), "--data", str(tmp_path / "rows.csv")]
    for more in ([], ["--json"], ["-o", str(tmp_path / "out.csv")]):
        made.clear()
        done = CliRunner().invoke(main, [*call, *more])
        assert done.exit_code == 0, done.output
        assert made == [1]
