"""The spec of specs/texts: trained in both frameworks, exported whole, and run on raw texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import polars as pl
import pytest

import nnspec
from nnspec.backend import get_backend
from nnspec.data.rows import load_data
from nnspec.weights.canonical import load_weights
from scripts.make_texts import DATA, LEAST, LIBRARIES, MOST, texts

SPEC = Path(__file__).parents[2] / "specs" / "texts" / "sentences.yaml"
STATED = 0.85
"""What docs/texts.md says of the accuracy on the test rows."""


def test_the_texts_are_sentences_that_one_library_has() -> None:
    # The libraries go on being written; the file is of the versions that the page names.
    for table in (pl.read_csv(DATA / "sentences.csv"), texts()):
        assert set(table["library"]) == set(LIBRARIES)
        assert table["text"].n_unique() == len(table) > 1500
        counts = table["text"].str.split(" ").list.len()
        assert LEAST <= counts.min() <= counts.max() <= MOST  # type: ignore[operator]
    assert nnspec.load(SPEC).advice == ()


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_it_reaches_what_is_stated_and_serves_raw_texts(backend: str, tmp_path: Path) -> None:
    run = nnspec.train(SPEC, backend, tmp_path / "run")
    assert run.test is not None
    assert run.test["accuracy"] >= STATED
    nnspec.export(SPEC, tmp_path / "whole.onnx", weights=run.best, preprocessing=True)
    nnspec.export(SPEC, tmp_path / "plain.onnx", weights=run.best)
    rows = pl.read_csv(DATA / "sentences.csv").head(300)
    rows[0, "text"] = "words that nobody has written before , zyx"
    session = onnxruntime.InferenceSession(
        tmp_path / "whole.onnx", providers=["CPUExecutionProvider"]
    )
    feeds = {"text": np.array(rows["text"].to_list(), dtype=object)}
    score, library = session.run(["score", "library"], feeds)
    expected = nnspec.predict(tmp_path / "plain.onnx", rows.drop("library"))
    np.testing.assert_allclose(score, expected.outputs["score"], rtol=1e-5, atol=1e-7)
    assert library.tolist() == list(expected.answer if expected.answer is not None else ())
    # And as the framework that has not trained it gives.
    other = {"torch": "keras", "keras": "torch"}[backend]
    spec = nnspec.load(SPEC)
    preprocessing = load_data(spec).preprocessing
    program = get_backend(other).compile(spec).build(load_weights(run.best))
    answer = program.forward(preprocessing.apply(rows))["score"]
    np.testing.assert_allclose(score, answer, rtol=1e-4, atol=1e-5)
