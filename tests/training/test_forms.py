"""The spec of specs/images: trained in both frameworks, exported whole, and run on raw files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image, ImageOps

import nnspec
from nnspec.backend import get_backend
from nnspec.data.files import read
from nnspec.data.rows import load_data
from nnspec.deploy.predicting import predict
from nnspec.weights.canonical import load_weights
from scripts.make_images import DATA, FORMS, forms

SPEC = Path(__file__).parents[2] / "specs" / "images" / "forms.yaml"
STATED = 0.95
"""What docs/images.md says of the accuracy on the test images."""


def test_the_images_are_what_the_script_draws() -> None:
    known = {path.relative_to(DATA).as_posix() for path in DATA.glob("*/*.png")}
    for name, image in forms():
        with Image.open(DATA / name) as stored:
            assert np.array_equal(np.asarray(stored), np.asarray(image)), name
        known.remove(name)
    assert not known
    assert load_data(nnspec.load(SPEC)).preprocessing.labels == FORMS


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_it_reaches_what_is_stated_and_serves_raw_files(backend: str, tmp_path: Path) -> None:
    run = nnspec.train(SPEC, backend, tmp_path / "run")
    assert run.test is not None
    assert run.test["accuracy"] >= STATED
    nnspec.export(SPEC, tmp_path / "whole.onnx", weights=run.best, preprocessing=True)
    nnspec.export(SPEC, tmp_path / "plain.onnx", weights=run.best)
    expected = predict(tmp_path / "plain.onnx", DATA)
    rows = read(DATA)
    session = onnxruntime.InferenceSession(
        tmp_path / "whole.onnx", providers=["CPUExecutionProvider"]
    )
    assert [value.name for value in session.get_outputs()] == ["form", "label"]
    assert expected.answer is not None
    table = expected.table()
    assert table.columns == ["file", "label", *(f"form_{form}" for form in FORMS)]
    assert table["file"].equals(rows["file"])
    for i, name in enumerate(rows["file"]):
        with Image.open(DATA / name) as image:
            pixels = np.asarray(ImageOps.exif_transpose(image).convert("L"))
        shares, label = session.run(None, {"file": pixels[None, :, :, None]})
        np.testing.assert_allclose(shares[0], expected.outputs["form"][i], rtol=1e-4, atol=1e-6)
        assert label[0] == expected.answer[i]
    # And as the framework that has not trained it gives.
    other = {"torch": "keras", "keras": "torch"}[backend]
    inputs = load_data(nnspec.load(SPEC)).preprocessing.apply(rows, file=DATA)
    program = get_backend(other).compile(nnspec.load(SPEC)).build(load_weights(run.best))
    answer = program.forward(inputs)["form"]
    np.testing.assert_allclose(expected.outputs["form"], answer, rtol=1e-3, atol=1e-5)
