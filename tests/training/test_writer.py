"""The language model of specs/texts: a plain text in windows, trained, exported and run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import nnspec
from nnspec.backend import get_backend
from nnspec.data.rows import load_data
from nnspec.weights.canonical import load_weights
from scripts.make_texts import DATA, manual

SPEC = Path(__file__).parents[2] / "specs" / "texts" / "writer.yaml"
STATED = 4.0
"""What docs/texts.md says of the perplexity on the test's characters."""


def test_the_text_is_what_numpy_says() -> None:
    # NumPy goes on being written; the file is of the version that specs/data/README.md names.
    for text in ((DATA / "manual.txt").read_text(encoding="utf-8"), manual()):
        assert len(text) > 150_000
        lines = text.splitlines()
        assert len(set(lines)) == len(lines) > 1000
    assert nnspec.load(SPEC).advice == ()
    assert load_data(nnspec.load(SPEC)).notes == ()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_it_reaches_what_is_stated(backend: str, tmp_path: Path) -> None:
    run = nnspec.train(SPEC, backend, tmp_path / "run")
    assert run.test is not None
    assert run.test["perplexity"] <= STATED


def test_it_learns_and_serves_a_text(tmp_path: Path) -> None:
    short = SPEC.read_text().replace("../data/manual.txt", "manual.txt")
    (tmp_path / "writer.yaml").write_text(short.replace("units: 256", "units: 24"))
    text = (DATA / "manual.txt").read_text(encoding="utf-8")[:20_000]
    (tmp_path / "manual.txt").write_text(text, encoding="utf-8")
    spec = nnspec.load(tmp_path / "writer.yaml")
    run = nnspec.train(spec, "torch", tmp_path / "run", epochs=3)
    measured = [epoch.values["val_perplexity"] for epoch in run.history]
    assert measured[-1] < measured[0] < 96
    nnspec.export(spec, tmp_path / "writer.onnx", weights=run.best)
    (tmp_path / "new.txt").write_text("Return the numbers of an array.\n\n" * 9, encoding="utf-8")
    found = nnspec.predict(tmp_path / "writer.onnx", tmp_path / "new.txt")
    rows = load_data(spec).preprocessing
    inputs = rows.apply(nnspec.data.files.read(tmp_path / "new.txt", rows.cut))  # type: ignore[attr-defined]
    session = onnxruntime.InferenceSession(
        tmp_path / "writer.onnx", providers=["CPUExecutionProvider"]
    )
    (shares,) = session.run(["next"], inputs)
    assert shares.shape == (3, 128, 96)
    np.testing.assert_allclose(shares, found.outputs["next"], rtol=1e-5, atol=1e-7)
    program = get_backend("keras").compile(spec).build(load_weights(run.best))
    answer = program.forward(inputs)["next"]
    np.testing.assert_allclose(shares, answer, rtol=1e-4, atol=1e-5)
