"""Outputs of files: what numbers they hold, and those that their specs do not have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnspec.judge.judgement import Judgement
from tests.judge.test_against import judged, written

CLASSES: dict[str, Any] = {
    "nnspec": 1,
    "name": "Classes",
    "inputs": {"x": {"shape": [5]}},
    "layers": [
        {"name": "scores", "type": "dense", "units": 6},
        {"name": "class", "type": "argmax"},
    ],
}
CLASSIFYING = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 6)

    def forward(self, x):
        return GIVEN
"""


def of(given: str, folder: Path, document: dict[str, Any] = CLASSES) -> Judgement:
    return judged(document, written(folder, CLASSIFYING.replace("GIVEN", given)))


@pytest.mark.parametrize(
    ("given", "document", "told"),
    [("self.fc(x).argmax(-1).float()", CLASSES, "class holds floats, and whole numbers"),
     ("self.fc(x) > 0",
      {**CLASSES, "layers": [*CLASSES["layers"][:1], {"name": "class", "type": "round"}]},
      "class holds truth values, and floats"),
     ("(self.fc(x) > 0).long()",
      {**CLASSES, "layers": [*CLASSES["layers"][:1], {"name": "above", "type": "greater",
                                                      "value": 0.0}]},
      "above holds whole numbers, and truth values")],
    ids=["floats", "truths", "whole"],
)  # fmt: skip
def test_another_kind_of_numbers_is_a_difference(
    given: str, document: dict[str, Any], told: str, tmp_path: Path
) -> None:
    report = of(given, tmp_path, document)
    assert report.verdict_of("interface") == "differs", report.to_json()
    (failed,) = [each for each in report.failures() if each.kind == "interface"]
    assert told in failed.detail
    assert "differ in outputs, shapes and kinds of numbers" in report._repr_html_()


def test_another_width_is_noted(tmp_path: Path) -> None:
    report = of("self.fc(x).argmax(-1).int()", tmp_path)
    assert report.verdict == "verified", report.to_json()
    assert "class is int32 in the file, and int64 in the spec" in report.notes


def test_outputs_that_the_spec_has_not_are_noted(tmp_path: Path) -> None:
    report = of("{'class': self.fc(x).argmax(-1), 'aux': self.fc(x)}", tmp_path)
    assert report.verdict == "verified", report.to_json()
    assert "the spec has no output for what the file gives as aux" in report.notes
