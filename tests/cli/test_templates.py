"""The templates of `nnspec init`: each is right, teaches, compiles, verifies and trains."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.cli.init import FOLDER, TEMPLATES

ROWS = 24


def rows(template: str, random: np.random.Generator) -> dict[str, Any]:
    """Return the rows that the comment of a template describes."""
    match template:
        case "mlp":
            numbers = {f"f{i}": random.normal(size=ROWS) for i in range(10)}
            return {**numbers, "label": np.array(["cat", "dog", "owl"])[np.arange(ROWS) % 3]}
        case "cnn":
            images = random.normal(size=(ROWS, 1, 28, 28)).astype(np.float32)
            return {"images": images, "labels": np.arange(ROWS) % 10}
        case "text":
            return {"tokens": random.integers(0, 2000, (ROWS, 12)), "label": np.arange(ROWS) % 2}
        case "sequence":
            series = random.normal(size=(ROWS, 12, 4)).astype(np.float32)
            return {"series": series, "next": series[:, -1, 0]}
        case "tabular":
            numbers = {f"x{i}": random.normal(5, 3, ROWS) for i in range(6)}
            kind = random.integers(0, 12, ROWS)
            return {**numbers, "kind": kind, "answer": np.arange(ROWS) % 2}
        case "transformer":
            return {"tokens": random.integers(0, 2000, (ROWS, 16)), "label": np.arange(ROWS) % 4}
        case _:
            images = random.normal(size=(ROWS, 3, 32, 32)).astype(np.float32)
            return {"images": images, "masks": (images[:, :1] > 0).astype(np.float32)}


def with_data(text: str) -> str:
    """Return a template with the lines about its data no longer comments."""
    begin = text.index("# data:\n")
    end = text.index("\n\n", begin)
    return text[:begin] + re.sub("^# ", "", text[begin:end], flags=re.M) + text[end:]


def written(template: str, folder: Path) -> Path:
    path = folder / f"{template}.yaml"
    result = CliRunner().invoke(main, ["init", str(path), "--template", template])
    assert result.exit_code == 0
    assert f"nnspec check {path}" in result.stdout
    return path


def test_every_file_is_a_template() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_checks_without_advice_and_compiles(template: str, tmp_path: Path) -> None:
    path = written(template, tmp_path)
    text = path.read_text(encoding="utf-8")
    spec = nnspec.load(path)
    assert not spec.advice
    for backend in ("torch", "keras", "onnx"):
        assert nnspec.compile(spec, backend).source
    assert "FILE" not in text
    assert f"nnspec check {path.name}" in text
    assert len(re.findall(r"#", text)) >= 10, "it explains too little"
    assert all(len(line) <= 160 for line in text.splitlines())


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_trains_on_the_data_that_its_comment_describes(
    template: str, tmp_path: Path
) -> None:
    path = written(template, tmp_path)
    path.write_text(with_data(path.read_text(encoding="utf-8")), encoding="utf-8")
    source = tmp_path / nnspec.load(path).model.data.source  # type: ignore[union-attr]
    data = rows(template, np.random.default_rng(0))
    if source.suffix == ".csv":
        pl.DataFrame(data).write_csv(source)
    else:
        np.savez(source, **data)
    checked = CliRunner().invoke(main, ["check", "--data", "--json", str(path)])
    assert json.loads(checked.stdout)["files"][0]["ok"], checked.stdout
    run = nnspec.train(path, "torch", tmp_path / "run", epochs=1)
    assert np.isfinite(run.history[0].values["loss"])
    model = tmp_path / "net.onnx"
    nnspec.export(path, model, weights=run.best)
    assert nnspec.predict(model, source).rows == ROWS


@pytest.mark.slow
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_is_verified(template: str, tmp_path: Path) -> None:
    report = nnspec.verify(written(template, tmp_path), exporters=False, steps=2)
    assert report.passed, report.failures()
