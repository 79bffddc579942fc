"""A layer that computes its activation, in a file whose activation is another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import nnspec
from tests.judge.test_against import judged, spec_of, written

BENT: dict[str, Any] = {
    "nnspec": 1, "name": "Bent", "inputs": {"x": {"shape": [5]}},
    "layers": [
        {"name": "wide", "type": "dense", "units": 7, "activation": "elu"},
        {"name": "tail", "type": "dense", "units": 3},
    ],
}  # fmt: skip


@pytest.mark.parametrize("instead", ["F.elu({}, 0.9)", "F.hardswish({})"])
def test_an_activation_that_no_cause_explains_is_blamed(instead: str, tmp_path: Path) -> None:
    """The judge once took the weights of such a layer for others again and again, without end."""
    text = nnspec.compile(spec_of(BENT), "torch").source
    taken = "self.wide(x)"
    assert f"F.elu({taken})" in text
    text = text.replace(f"F.elu({taken})", instead.format(taken))
    line = text[: text.index(taken)].count("\n") + 1
    report = judged(BENT, written(tmp_path, text))
    assert report.verdict == "not the same", report.to_json()
    assert [each.layer for each in report.faults] == ["wide"]
    assert report.faults[0].places[0].startswith(f"model.py:{line}")
    assert "no activation" not in report.faults[0].cause


def test_an_activation_that_is_left_out_is_told(tmp_path: Path) -> None:
    text = nnspec.compile(spec_of(BENT), "torch").source
    text = text.replace("F.elu(self.wide(x))", "self.wide(x)")
    report = judged(BENT, written(tmp_path, text))
    assert "it computes no activation, and not elu" in report.faults[0].cause
