"""The spec of specs/databases: trained in both frameworks, exported whole, and run on raw rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest

import nnspec
from nnspec.backend import get_backend
from nnspec.data.rows import load_data
from nnspec.data.sources import read_source
from nnspec.weights.canonical import load_weights
from scripts.make_database import DATA, rows

SPEC = Path(__file__).parents[2] / "specs" / "databases" / "returns.yaml"
STATED = {"auc": 0.96, "balanced_accuracy": 0.9}
"""What docs/tables.md says of the test rows."""


def test_the_database_is_what_the_script_writes() -> None:
    with closing(sqlite3.connect(DATA / "shop.db")) as opened:
        found = {name: opened.execute(f"SELECT * FROM {name} ORDER BY id").fetchall() for name in
                 ("customers", "items", "orders")}  # fmt: skip
    assert found == rows()
    spec = nnspec.load(SPEC)
    assert spec.advice == ()
    data = load_data(spec)
    assert data.notes == ()
    assert 0.05 < data.train.target.mean() < 0.15


def asked() -> pl.DataFrame:
    spec = nnspec.load(SPEC)
    assert spec.model.data is not None
    found, _ = read_source(spec)
    assert isinstance(found, pl.DataFrame)
    return found


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_it_reaches_what_is_stated_and_serves_raw_rows(backend: str, tmp_path: Path) -> None:
    run = nnspec.train(SPEC, backend, tmp_path / "run")
    assert run.test is not None
    for name, least in STATED.items():
        assert run.test[name] >= least
    nnspec.export(SPEC, tmp_path / "whole.onnx", weights=run.best, preprocessing=True)
    nnspec.export(SPEC, tmp_path / "plain.onnx", weights=run.best)
    given = asked().drop("returned", "day")
    session = onnxruntime.InferenceSession(
        tmp_path / "whole.onnx", providers=["CPUExecutionProvider"]
    )
    feeds = {
        value.name: np.array(given[value.name].to_list(), dtype=object)
        if value.type == "tensor(string)"
        else given[value.name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for value in session.get_inputs()
    }
    chance, returned = session.run(["chance", "returned"], feeds)
    expected = nnspec.predict(tmp_path / "plain.onnx", given)
    np.testing.assert_allclose(chance, expected.outputs["chance"], rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(returned.ravel(), expected.numbers.ravel())
    # And as the framework that has not trained it gives.
    other = {"torch": "keras", "keras": "torch"}[backend]
    spec = nnspec.load(SPEC)
    program = get_backend(other).compile(spec).build(load_weights(run.best))
    answer = program.forward(load_data(spec).preprocessing.apply(given))["chance"]
    np.testing.assert_allclose(chance, answer, rtol=1e-3, atol=1e-4)
