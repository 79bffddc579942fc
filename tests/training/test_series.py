"""The spec of specs/series: trained in both frameworks, exported whole, and run on raw rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest

import nnspec
from nnspec.backend import get_backend
from nnspec.data.files import read
from nnspec.data.rows import load_data
from nnspec.weights.canonical import load_weights
from scripts.make_series import DATA, HARBOURS, harbours

SPEC = Path(__file__).parents[2] / "specs" / "series" / "harbours.yaml"
STATED = 0.97
"""What docs/series.md says of r2 on the test rows."""
STEPS = 30


def test_the_table_is_what_the_script_writes() -> None:
    assert pl.read_csv(DATA / "harbours.csv", try_parse_dates=False).equals(harbours())
    spec = nnspec.load(SPEC)
    assert spec.advice == ()
    assert len(load_data(spec).train) > 1500


def in_onnx_runtime(model: Path, rows: pl.DataFrame) -> list[np.ndarray]:
    """Run a model that prepares by itself on windows of raw columns, harbour by harbour."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found = []
    for name in sorted(HARBOURS):
        series = rows.filter(pl.col("harbour") == name).sort("time")
        feeds = {}
        for value in session.get_inputs():
            column = series[value.name].cast(pl.Float64).fill_null(np.nan).to_numpy()
            feeds[value.name] = np.lib.stride_tricks.sliding_window_view(column, STEPS)
        found.append(session.run(["hours"], feeds)[0])
    return found


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_it_reaches_what_is_stated_and_serves_raw_rows(backend: str, tmp_path: Path) -> None:
    run = nnspec.train(SPEC, backend, tmp_path / "run")
    assert run.test is not None
    assert run.test["r2"] >= STATED
    nnspec.export(SPEC, tmp_path / "whole.onnx", weights=run.best, preprocessing=True)
    nnspec.export(SPEC, tmp_path / "plain.onnx", weights=run.best)
    rows = read(DATA / "harbours.csv")
    assert isinstance(rows, pl.DataFrame)
    drawn = rows.sample(fraction=1.0, shuffle=True, seed=1)
    given = np.concatenate(in_onnx_runtime(tmp_path / "whole.onnx", drawn))
    expected = nnspec.predict(tmp_path / "plain.onnx", drawn)
    np.testing.assert_allclose(given, expected.outputs["hours"], rtol=1e-6)
    told = expected.table()
    assert told.columns[:3] == ["row", "harbour", "time"]
    ends = drawn[told["row"].to_numpy() - 1]
    assert ends.select("harbour", "time").equals(told.select("harbour", "time"))
    # And as the framework that has not trained it gives.
    other = {"torch": "keras", "keras": "torch"}[backend]
    spec = nnspec.load(SPEC)
    preprocessing = load_data(spec).preprocessing
    program = get_backend(other).compile(spec).build(load_weights(run.best))
    answer = program.forward(preprocessing.apply(drawn))["hours"]
    np.testing.assert_allclose(given, preprocessing.restored(answer), rtol=1e-3, atol=1e-2)
