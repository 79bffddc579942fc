"""Outputs that are whole numbers, and networks of which one rounding moves the outputs far."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from rich.console import Console

from nnspec.cli import main
from nnspec.judge.choices import Scored, disagreement, scores_of
from nnspec.judge.comparison import Comparison
from nnspec.judge.judgement import Judgement
from tests.judge.test_against import judged
from tests.judge.test_compare import compared, exported, written

# PyTorch's older exporter says that it is the older one.
pytestmark = pytest.mark.filterwarnings("ignore")


def network(*layers: dict[str, Any], size: int = 8) -> dict[str, Any]:
    return {
        "nnspec": 1, "name": "Chosen", "inputs": {"x": {"shape": [30, size]}}, "layers": [*layers],
    }  # fmt: skip


CLASSES = network(
    {"name": "hidden", "type": "dense", "units": 16, "activation": "relu"},
    {"name": "scores", "type": "dense", "units": 5},
    {"name": "class", "type": "argmax"},
)
CLASSIFIER = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 16)
        self.b = nn.Linear(16, 5)

    def forward(self, x):
        x = torch.relu(self.a(x))
        return self.b(x).argmax(-1)
"""
SATURATED = network(
    {"name": "scores", "type": "dense", "units": 5},
    {"name": "wide", "type": "rescaling", "scale": 40.0},
    {"name": "chances", "type": "sigmoid"},
    {"name": "class", "type": "argmax"},
)
SATURATING = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = nn.Linear(8, 5)

    def forward(self, x):
        return torch.sigmoid(40 * self.b(x)).argmax(-1)
"""
WAVES = network(
    {"name": "a", "type": "dense", "units": 8},
    {"name": "fast", "type": "rescaling", "scale": 2e5},
    {"name": "wave", "type": "sin"},
    {"name": "b", "type": "dense", "units": 3},
)
WAVING = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 8)
        self.b = nn.Linear(8, 3)

    def forward(self, x):
        return self.b(torch.sin(2e5 * self.a(x)))
"""
GIVEN = torch.zeros(2, 30, 8)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def told_everywhere(report: Judgement | Comparison, sentence: str) -> None:
    """See that a sentence stands in the table and on the page."""
    stream = StringIO()
    report.print(Console(file=stream, width=2000))
    assert sentence in stream.getvalue()
    assert sentence in report._repr_html_().replace("&quot;", '"')
    assert sentence in report.to_html().replace("&quot;", '"')


@pytest.mark.parametrize("side", ["python", "onnx"])
def test_the_same_classes_are_the_same(side: str, tmp_path: Path) -> None:
    file = written(tmp_path, CLASSIFIER)
    if side == "onnx":
        file = exported(tmp_path / "net.onnx", CLASSIFIER, "Net", GIVEN, dynamo=False)
    report = judged(CLASSES, file)
    assert report.passed, report.to_json()
    assert report.as_json()["disagreements"] == []
    assert any("ordinary inputs, class" in name for check in report.checks for name in check.pair)


def test_the_share_and_the_margins_of_other_classes_are_told(tmp_path: Path) -> None:
    wrong = CLASSIFIER.replace("torch.relu", "torch.nn.functional.gelu")
    assert wrong != CLASSIFIER
    report = judged(CLASSES, written(tmp_path, wrong))
    assert report.verdict == "not the same"
    assert [each.layer for each in report.faults] == ["hidden"]
    found = next(
        each for each in report.as_json()["disagreements"] if each["when"] == "ordinary inputs"
    )
    failed = next(check for check in report.failures() if "ordinary inputs" in check.pair[1])
    assert 0 < found["share"] == failed.error < 0.5
    assert (found["elements"], found["decided"]) == (120, 0)
    least, median, most = found["margins"]
    assert 0 < least <= median <= most < 1
    assert f'{found["differing"]} of 120 elements of "class" differ on ordinary' in failed.detail
    assert "the two best scores lie" in failed.detail
    told_everywhere(report, failed.detail)


def test_classes_that_rounding_decides_accuse_nobody(tmp_path: Path) -> None:
    """In float32 several chances are 1, and the first is chosen; in float64 one is the largest."""
    path = exported(tmp_path / "net.onnx", SATURATING, "Net", GIVEN, dynamo=False)
    report = judged(SATURATED, path)
    assert report.passed, report.to_json()
    assert report.ill_conditioned == []
    assert report.disagreements
    for found in report.disagreements:
        assert 0 < found.differing == found.decided < found.elements
        assert found.margins is not None
        assert found.margins[2] < 1e-6
        told_everywhere(report, found.told())
    other = compared(written(tmp_path, SATURATING), path, "x=30,8")
    assert other.verdict != "not the same", other.to_json()


def test_classes_in_another_order_are_a_fault_beside_those_that_rounding_decides(
    tmp_path: Path,
) -> None:
    wrong = SATURATING.replace("return torch.sigmoid", "return 4 - torch.sigmoid")
    path = exported(tmp_path / "net.onnx", wrong, "Net", GIVEN, dynamo=False)
    report = judged(SATURATED, path)
    assert report.verdict == "not the same", report.to_json()
    found = next(each for each in report.disagreements if each.when == "ordinary inputs")
    assert found.decided < found.differing


def test_two_files_with_other_classes_are_told_apart(tmp_path: Path) -> None:
    torch.manual_seed(1)  # as the export below
    path = exported(tmp_path / "net.onnx", CLASSIFIER, "Net", GIVEN, dynamo=False)
    right = compared(written(tmp_path, CLASSIFIER), path, "x=30,8")
    assert right.passed, right.to_json()
    assert right.as_json()["disagreements"] == []
    wrong = CLASSIFIER.replace("self.b(x)", "torch.tanh(self.b(x)).abs()")
    report = compared(written(tmp_path, wrong, "wrong.py"), path, "x=30,8")
    assert report.verdict == "not the same", report.to_json()
    found = report.as_json()["disagreements"][0]
    assert found["share"] > 0
    assert found["margins"] is not None
    assert found["told"] in " ".join(check.detail for check in report.failures())
    assert report.ill_conditioned == []
    told_everywhere(report, found["told"])


def test_a_network_that_one_rounding_moves_far_is_called_so(tmp_path: Path) -> None:
    path = exported(tmp_path / "net.onnx", WAVING, "Net", GIVEN, dynamo=False)
    spec = tmp_path / "net.json"
    spec.write_text(json.dumps(WAVES))
    page = tmp_path / "page.html"
    asked = ["verify", str(spec), "--against", str(path)]
    done = CliRunner().invoke(main, [*asked, "--report", str(page), "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    (found,) = report["ill_conditioned"]
    assert found["dtype"] == "float32"
    assert 0.01 < found["moved"] < 0.25
    assert found["told"] == (
        f"one rounding in float32 moves the outputs by {100 * found['moved']:.2g} %: agreement "
        "says little here"
    )
    assert found["told"] in page.read_text()
    here = judged(WAVES, path)
    told_everywhere(here, f"ill-conditioned: {here.ill_conditioned[0].told()}")
    in_doubles = judged(WAVES, written(tmp_path, WAVING))
    assert in_doubles.passed, in_doubles.to_json()
    assert in_doubles.ill_conditioned == []


def test_two_files_that_one_rounding_moves_far_are_called_so(tmp_path: Path) -> None:
    path = exported(tmp_path / "net.onnx", WAVING, "Net", GIVEN, dynamo=False)
    report = compared(written(tmp_path, WAVING), path, "x=30,8")
    assert report.verdict != "not the same", report.to_json()
    assert [each.dtype for each in report.ill_conditioned] == ["float32"]
    told_everywhere(report, report.ill_conditioned[0].told())


def test_a_fault_of_a_network_that_rounding_moves_far_is_found(tmp_path: Path) -> None:
    wrong = WAVING.replace("torch.sin(", "torch.cos(")
    path = exported(tmp_path / "net.onnx", wrong, "Net", GIVEN, dynamo=False)
    report = judged(WAVES, path)
    assert report.verdict == "not the same", report.to_json()
    assert report.ill_conditioned


def test_a_choice_among_scores_that_are_always_equal_is_no_rounding() -> None:
    scores = np.array([[1.0, 1.0, 0.0], [0.5, 0.5 + 1e-9, 0.0]])
    change = np.array([[1e-8, 1e-8, 0.0], [1e-8, -1e-8, 0.0]])
    moved = [scores, scores + change]
    expected = scores.argmax(1)
    assert scores_of(expected, [("other", scores[:, ::-1]), ("scores", scores)]) == (
        "scores", 1, 1.0,
    )  # fmt: skip
    found = disagreement("class", "", np.array([1, 0]), expected, Scored(scores, moved, 1, 1.0))
    assert found is not None
    assert (found.differing, found.decided) == (2, 1)


STEPS: dict[str, Any] = {
    "nnspec": 1,
    "name": "Steps",
    "inputs": {"x": {"shape": [30], "dtype": "int64"}},  # of which half are 1, and at the step
    "layers": [
        {"name": "float", "type": "cast", "dtype": "float32"},
        {"name": "tenth", "type": "rescaling", "scale": 0.1},
        {"name": "above", "type": "greater", "value": 0.1},
    ],
}
STEPPING = """\
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        return x.double() * 0.1 > 0.1
"""


@pytest.mark.parametrize(
    ("instead", "verdict"),
    [("> 0.1", "verified"), ("> -0.5", "not the same"), (">= 0.1", "not compared")],
)
def test_a_step_that_rounding_may_decide_hides_no_other(
    instead: str, verdict: str, tmp_path: Path
) -> None:
    report = judged(STEPS, written(tmp_path, STEPPING.replace("> 0.1", instead)))
    assert report.verdict == verdict, report.to_json()
    for found in report.disagreements:
        assert 0 < found.decided < found.differing


def test_rows_that_rounding_may_decide_hide_no_other_difference(tmp_path: Path) -> None:
    document: dict[str, Any] = {**STEPS, "inputs": {"x": {"shape": [2]}}}
    document["layers"] = document["layers"][1:]
    np.savez(tmp_path / "rows.npz", x=np.array([[1.0, 0.9999]] * 4))  # at the step, and below it
    for instead, told in (("> 0.09995", "8 of 8"), (">= 0.1", "")):
        file = written(tmp_path, STEPPING.replace("> 0.1", instead))
        report = judged(document, file, data=tmp_path / "rows.npz")
        assert [told in each.detail for each in report.failures()] == [True] * bool(told)
