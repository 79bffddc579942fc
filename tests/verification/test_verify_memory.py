"""An exporter that would take more memory than there is, is left out before it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import nnspec
import nnspec_keras.module
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.network.loader import loads
from nnspec.verification import memory
from nnspec.verification.engines import ExportedOnnx
from nnspec.verification.memory import available, bytes_of, estimate
from tests.golden_files import ROOT

SPEC = "nnspec: 1\nname: N\ninputs: {x: {shape: [40]}}\nlayers: [{type: dense, units: 40}]\n"


@pytest.mark.parametrize(
    ("text", "count"),
    [("12GB", 12 * 10**9), ("1.5 GiB", 3 * 2**29), ("800mb", 8 * 10**8), ("5000", 5000)],
)
def test_amounts_of_memory(text: str, count: int) -> None:
    assert bytes_of(text) == count


@pytest.mark.parametrize("text", ["", "much", "12 apples", "-1GB", "1e9"])
def test_what_is_no_amount_of_memory_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no amount of memory; write it as 12GB"):
        bytes_of(text)


def test_a_large_network_is_known_to_be_too_large_for_keras_exporter() -> None:
    """Two layers of GPT-2 ended a process that had 21 GB."""
    cost = nnspec_keras.backend.export_memory
    spec = nnspec.load(ROOT / "specs" / "zoo" / "gpt2.yaml", variables={"depth": 2})
    assert estimate(cost, spec.graph, "float64") > 21e9
    small = nnspec.load(ROOT / "specs" / "digits_cnn.yaml")
    assert estimate(cost, small.graph, "float64") < 5e8


def test_what_is_free_is_known_where_the_system_says() -> None:
    free = available()
    assert free is None or free > 2**20


def refuse(*given: object, **options: object) -> None:
    raise AssertionError("the exporter ran")


def test_an_exporter_is_left_out_before_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ExportedOnnx, "build", refuse)
    report = nnspec.verify(loads(SPEC), backends=("torch", "onnx"), steps=1, memory="1MB")
    assert report.passed, report.to_json()
    (left_out,) = [each for each in report.not_checked if not (each.kind or each.by_call)]
    assert left_out.pair == ("onnx-via-torch",)
    assert "would take about 269 MB in float64, and 1 MB are allowed" in left_out.reason


def test_an_exporter_that_fits_in_float32_alone_is_compared_in_it() -> None:
    spec = loads(SPEC.replace("40", "1500"))
    cost = nnspec.backend.get_backend("torch").export_memory
    limit = estimate(cost, spec.graph, "float32")
    report = nnspec.verify(spec, backends=("torch", "onnx"), steps=1, batch=2, memory=limit)
    assert report.passed, report.to_json()
    left_out = {each.kind for each in report.not_checked if each.pair == ("onnx-via-torch",)}
    assert left_out == {"forward", "dynamic_shape"}
    assert any("onnx-via-torch" in check.pair[0] for check in report.checks)


def test_what_is_free_is_the_limit_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    monkeypatch.setattr(ExportedOnnx, "build", refuse)
    report = nnspec.verify(loads(SPEC), backends=("torch", "onnx"), steps=1)
    assert any("1 MB are free" in each.reason for each in report.not_checked)


def test_the_option_is_read(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    result = CliRunner().invoke(main, ["verify", str(path), "--memory", "plenty"])
    assert result.exit_code == 2
    assert "no amount of memory" in result.stderr
