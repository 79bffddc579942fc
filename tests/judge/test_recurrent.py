"""Recurrent layers of files: right ones, in other orders, and ones with a fault planted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.judge.judgement import Judgement
from nnspec.network.loader import Spec, loads
from tests.judge.test_against import judged

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def document(*layers: dict[str, Any]) -> dict[str, Any]:
    return {
        "nnspec": 1, "name": "Series", "inputs": {"x": {"shape": ["time", 3]}},
        "layers": [*layers, {"name": "scores", "type": "dense", "units": 2}],
    }  # fmt: skip


def both(kind: str, **fields: Any) -> dict[str, Any]:
    inner = {"type": kind, "units": 4, "return_sequences": True, **fields}
    return document({"name": "both", "type": "bidirectional", "layer": inner})


def spec_of(given: dict[str, Any]) -> Spec:
    return loads(json.dumps(given), is_json=True)


def of_source(given: dict[str, Any], side: str, folder: Path, *change: str) -> Judgement:
    """Judge what nnspec writes for a side, with one text in it changed for another."""
    spec = spec_of(given)
    path = folder / f"{side}_net.py"
    text = nnspec.compile(spec, side).source
    if change:
        assert change[0] in text, text
    path.write_text(text.replace(*change) if change else text)
    return judged(given, f"{path}:{'Series' if side == 'torch' else 'series'}")


@pytest.mark.parametrize("kind", ["lstm", "gru", "simple_rnn"])
@pytest.mark.parametrize("side", ["torch", "keras", "onnx"])
def test_two_directions_are_the_same(kind: str, side: str, tmp_path: Path) -> None:
    """Keras and ONNX have other orders of gates, ONNX both directions in one tensor."""
    given = both(kind)
    if side == "onnx":
        nnspec.export(spec_of(given), tmp_path / "net.onnx")
        report = judged(given, tmp_path / "net.onnx")
    else:
        report = of_source(given, side, tmp_path)
    assert report.verdict == "verified", report.to_json()
    assert not any("by shape and order alone" in note for note in report.notes)
