"""Probes of files: a planted fault that each of them finds, and none of the others does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nnspec.judge.judgement import Judgement
from tests.judge.test_against import ATTENTION, FUSED, PICTURES, TORCH, judged, written

IDS: dict[str, Any] = {
    "nnspec": 1,
    "name": "Ids",
    "inputs": {"ids": {"shape": ["time"], "dtype": "int64"}},
    "layers": [
        {"name": "table", "type": "embedding", "input_dim": 4000, "output_dim": 6},
        {"name": "long", "type": "lstm", "units": 5},
    ],
}
TABLE = """\
from torch import nn


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(4000, 6)
        self.long = nn.LSTM(6, 5, batch_first=True)

    def forward(self, ids):
        return self.long(self.words(ids))[0][:, -1]
"""
LENGTHS: dict[str, Any] = {
    "nnspec": 1,
    "name": "Lengths",
    "inputs": {"x": {"shape": ["time", 3]}, "lengths": {"shape": [], "dtype": "int64"}},
    "layers": [{"name": "long", "type": "gru", "units": 5, "inputs": ["x", "lengths"]}],
}
PACKED = """\
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.long = nn.GRU(3, 5, batch_first=True)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return self.long(packed)[1][0]
"""
NETS = {
    "pictures": (PICTURES, TORCH), "attention": (ATTENTION, FUSED), "ids": (IDS, TABLE),
    "lengths": (LENGTHS, PACKED),
}  # fmt: skip
START = "    def forward(self, pictures):\n"
HERE = "    def forward(self, x):\n"
FAULTS = {
    "called again": (
        "pictures", START,
        START + "        self.calls = getattr(self, 'calls', 0) + 1 if len(pictures) == 1 else 0\n"
        "        pictures = pictures * 1.01 if self.calls > 5 else pictures\n",
        "meaning", "called again", "answers otherwise",
    ),
    "other rows changed": (
        "pictures", START,
        START + "        if len(pictures) == 4:\n"
        "            pictures = pictures + 5e-10 * pictures.roll(1, 0)\n",
        "meaning", "other rows changed", "other rows move a row",
    ),
    "later steps changed": (
        "attention", HERE, HERE + "        x = x + 3e-12 * x.flip(1)\n",
        "meaning", "later steps changed", 'later steps of "x" move earlier ones of "tail"',
    ),
    "hidden steps changed": (
        "lengths", "        return self.long(packed)[1][0]\n",
        "        return self.long(packed)[1][0] + (len(x) == 4) * 3e-12 * x.sum(dim=1)[:, :1]\n",
        "meaning", "hidden steps changed", 'that "lengths" hides move "long"',
    ),
    "statistics of inference": (
        "pictures", "        return F.relu(x + self.n(self.c(x)))",
        "        return F.relu(x + self.n.eval()(self.c(x)))",
        "meaning", "as in training", "it computes as at inference",
    ),
    "one row": (
        "pictures", START,
        START + "        pictures = pictures * 1.1 if len(pictures) == 1 else pictures\n",
        "dynamic_shape", "a batch of 1", "",
    ),
    "many rows": (
        "pictures", START,
        START + "        pictures = pictures * 1.1 if len(pictures) > 12 else pictures\n",
        "dynamic_shape", "a batch of 13", "",
    ),
    "no rows": (
        "attention", "        return self.tail(self.ln(self.out(x)))",
        "        return self.tail(self.ln(self.out(x)))[:, :time if rows else 1]",
        "dynamic_shape", "a batch of 0", "tail is (0, 1, 8)",
    ),
    "one step": (
        "attention", HERE, HERE + "        x = x * 1.1 if x.shape[1] == 1 else x\n",
        "dynamic_shape", "time = 1", "",
    ),
    "more steps than positions": (
        "attention", "torch.ones(64, 64", "torch.ones(9, 9", "interface", "time = 17",
        "It does not run with time = 17",
    ),
    "bounded values": (
        "pictures", START, START + "        pictures = pictures.clamp(-200, 200)\n",
        "range", "unusual inputs", "A row of inputs",
    ),
    "a tiny value": (
        "pictures", START,
        START + "        pictures = pictures * (pictures.abs().amax((1, 2, 3), True) > 1e-2)\n",
        "range", "unusual inputs", "A row of inputs about 1e-4",
    ),
    "the last id": (
        "ids", "self.words(ids)", "self.words(ids.clamp(max=3998))",
        "range", "the largest whole numbers", "",
    ),
}  # fmt: skip
"""Network, text, what stands for it, and the one check that fails: its kind, when, what is said."""


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Give the files the same first weights in every order of tests."""
    torch.manual_seed(0)


def faulty(name: str, folder: Path) -> Judgement:
    net, old, new, *_ = FAULTS[name]
    document, text = NETS[net]
    assert old in text
    kinds = ("interface", "outputs", "meaning")
    file = written(folder, text.replace(old, new, 1))
    return judged(document, f"{file}:Net" if net == "pictures" else file, levels=kinds)


@pytest.mark.parametrize("net", NETS)
def test_a_right_file_has_every_property_of_its_spec(net: str, tmp_path: Path) -> None:
    document, text = NETS[net]
    file = written(tmp_path, text)
    report = judged(document, f"{file}:Net" if net == "pictures" else file)
    assert report.passed, report.to_json()
    said = " ".join(name for check in report.checks for name in check.pair)
    for told in ("called again", "other rows", "as in training", "a batch of 13", "unusual inputs"):
        assert told in said
    # A packed sequence of PyTorch has rows.
    assert ("a batch of 0" in said) == (net != "lengths")
    assert ("later steps" in said) == (net == "attention")
    assert ("hidden steps" in said) == (net == "lengths")
    assert ("time = 1" in said) == (net != "pictures")
    assert ("largest whole numbers" in said) == (net in ("ids", "lengths"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_by_one_probe_alone(fault: str, tmp_path: Path) -> None:
    kind, when, said = FAULTS[fault][3:]
    report = faulty(fault, tmp_path)
    (failed,) = report.failures()
    assert failed.kind == kind
    assert any(when in name for name in failed.pair)
    assert said in failed.detail


def test_a_file_that_fixes_an_axis_is_compared_at_its_size(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {}
    exec(compile(FUSED, "model.py", "exec"), namespace)  # noqa: S102 - this test's own text
    path = tmp_path / "net.onnx"
    torch.onnx.export(
        namespace["Attention"]().eval(), (torch.randn(3, 6, 8),), path, dynamo=True, verbose=False
    )
    report = judged(ATTENTION, path)
    assert report.passed, report.to_json()
    said = [each for each in report.not_checked if each.reason.endswith("leaves it open")]
    assert [(each.kind, each.reason.split(",")[0]) for each in said] == [
        ("interface", "the batch is fixed at 3"),
        ("dynamic_shape", "the batch is fixed at 3"),
        ("interface", 'the axis "time" is fixed at 6'),
        ("dynamic_shape", 'the axis "time" is fixed at 6'),
    ]
    required = judged(ATTENTION, path, required=("interface",))
    assert required.verdict == "not checked as required"


@pytest.mark.parametrize("whose", ["file", "spec", "both"])
def test_dropout_is_told_and_not_judged(whose: str, tmp_path: Path) -> None:
    document = json.loads(json.dumps(PICTURES))
    text = TORCH
    if whose != "spec":
        old, new = (
            "x = F.relu(self.fc1(x))",
            "x = F.dropout(F.relu(self.fc1(x)), 0.2, self.training)",
        )
        assert old in text
        text = text.replace(old, new)
    if whose != "file":
        layers = document["layers"]
        at = next(i for i, each in enumerate(layers) if each.get("name") == "hidden")
        layers.insert(at + 1, {"name": "drop", "type": "dropout", "rate": 0.2})
    report = judged(document, f"{written(tmp_path, text)}:Net")
    assert report.passed, report.to_json()
    (told,) = [each for each in report.not_checked if each.reason.startswith("as in training")]
    assert {
        "file": "and the spec draws none", "spec": "and the file draws none", "both": "both draw",
    }[whose] in told.reason  # fmt: skip


MASKED = """\
        above = torch.full((time, time), -math.inf).triu(1)
        x = nn.functional.scaled_dot_product_attention(q, k, v, above)
        x = x.transpose(1, 2).reshape(rows, time, 8)
"""


@pytest.mark.parametrize("dtype", ["", ", dtype=torch.float32"])
def test_a_mask_that_a_file_makes_has_the_dtype_of_the_query(dtype: str, tmp_path: Path) -> None:
    start = FUSED.index("        scores = q @ k")
    text = FUSED[:start] + MASKED.replace(", -math.inf", f", -math.inf{dtype}")
    text += FUSED[FUSED.index("        return self.tail") :]
    report = judged(ATTENTION, written(tmp_path, text))
    assert report.passed, report.to_json()
    assert any("time = 17" in name for check in report.checks for name in check.pair)


def test_rows_of_a_file_of_data_are_compared(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(20, 2, 6, 6))
    rows[17, 0, 0, 0] = 7.25
    np.savez(tmp_path / "rows.npz", image=rows)
    text = TORCH.replace(START, START + "        pictures = pictures + (pictures == 7.25)\n")
    assert text != TORCH
    file = f"{written(tmp_path, text)}:Net"
    assert judged(PICTURES, file, levels=("outputs", "meaning")).passed
    report = judged(PICTURES, file, levels=("outputs", "meaning"), data=tmp_path / "rows.npz")
    (failed,) = report.failures()
    assert failed.kind == "range"
    assert "rows 1 to 20" in failed.pair[1]


def test_a_difference_of_the_outputs_is_not_told_again(tmp_path: Path) -> None:
    text = TORCH.replace("nn.BatchNorm2d(width)", "nn.BatchNorm2d(width, eps=1e-3)")
    report = judged(PICTURES, f"{written(tmp_path, text)}:Net")
    reasons = {each.kind: each.reason for each in report.not_checked}
    assert reasons["range"] == "the outputs for ordinary inputs differ already"
    assert json.loads(report.to_json())["levels"]["outputs"]["verdict"] == "differs"
