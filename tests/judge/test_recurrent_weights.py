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
        text = text.replace(*change).replace("from torch import", "import torch\nfrom torch import")
    path.write_text(text)
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


LAST = document({"name": "one", "type": "lstm", "units": 4})
ALL = document({"name": "one", "type": "lstm", "units": 4, "return_sequences": True})
GRU = document({"name": "one", "type": "gru", "units": 4})
FAULTS: dict[str, tuple[dict[str, Any], str, str, str, str]] = {
    "first": (LAST, "torch", "self.one(x)[1][0][0]", "self.one(x)[0][:, 0]", "of the first step"),
    "mean": (LAST, "torch", "self.one(x)[1][0][0]", "self.one(x)[0].mean(1)", "the mean of the"),
    "cell": (LAST, "torch", "self.one(x)[1][0][0]", "self.one(x)[1][1][0]", "the cell"),
    "turned": (LAST, "torch", "self.one(x)", "self.one(x.flip(1))", "reads backwards"),
    "axis": (ALL, "torch", "nn.LSTM(3, 4, batch_first=True)", "nn.LSTM(3, 4)", "as time"),
    "row": (LAST, "torch", "self.one(x)[1][0][0]",
            "self.one(x.transpose(0, 1))[0].transpose(0, 1)[:, -1]", "as time, and gives each row"),
    "swapped": (both("gru"), "torch", "self.both(x)[0]",
                "torch.cat(self.both(x)[0].chunk(2, -1)[::-1], -1)", "the other way round"),
    "stays": (both("gru"), "torch", "self.both(x)[0]",
              "torch.cat((self.both(x)[0][..., :4], self.both(x)[0][..., 4:].flip(1)), -1)",
              "in the order of reading"),
    "resets": (GRU, "keras", "layers.GRU(4,", "layers.GRU(4, reset_after=False,", "reset gate"),
    "gates": (GRU, "keras", "layers.GRU(4,", "layers.GRU(4, recurrent_activation='hard_sigmoid',",
              "its gates by hard_sigmoid"),
    "both": (both("lstm"), "keras", "layers.LSTM(4,", "layers.LSTM(4, activation='relu',",
             "activation relu"),
    "no bias": (GRU, "keras", "layers.GRU(4,", "layers.GRU(4, use_bias=False,", "no bias"),
    "backwards": (GRU, "keras", "layers.GRU(4,", "layers.GRU(4, go_backwards=True,", "backwards"),
}  # fmt: skip
"""The spec, the side, a text of its source, what stands for it, and a part of the cause."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_layer_that_reads_otherwise_is_blamed_for_it(fault: str, tmp_path: Path) -> None:
    given, side, old, new, cause = FAULTS[fault]
    report = of_source(given, side, tmp_path, old, new)
    assert report.verdict == "not the same", report.to_json()
    assert report.faults[0].layer == given["layers"][0]["name"]
    assert cause in report.faults[0].cause
    assert report.faults[0].is_sure
    assert report.faults[0].places


@pytest.mark.parametrize("fault", ["direction", "linear_before_reset", "bias"])
def test_a_recurrent_node_that_reads_otherwise_is_blamed_for_it(fault: str, tmp_path: Path) -> None:
    import onnx

    path = tmp_path / "net.onnx"
    nnspec.export(spec_of(GRU), path)
    model = onnx.load(path)
    (node,) = (each for each in model.graph.node if each.op_type == "GRU")
    kept = [each for each in node.attribute if each.name != fault]
    del node.attribute[:]
    node.attribute.extend(kept)
    if fault == "direction":
        node.attribute.append(onnx.helper.make_attribute("direction", b"reverse"))
    if fault == "bias":
        node.input[3] = ""
    onnx.save(model, path)
    report = judged(GRU, path)
    assert report.verdict == "not the same", report.to_json()
    assert (report.faults[0].layer, report.faults[0].is_sure) == ("one", True)
    assert f'node "{node.name}"' in report.faults[0].places[0]
