"""Normalisations of files that have no scale or no shift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import nnspec
from tests.judge.test_against import judged, spec_of

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
DOCUMENT: dict[str, Any] = {
    "nnspec": 1,
    "name": "Normed",
    "inputs": {"x": {"shape": [6]}},
    "layers": [
        {"name": "wide", "type": "dense", "units": 8, "use_bias": False},
        {"name": "norm", "type": "batch_normalization", "epsilon": 1e-5},
        {"name": "bent", "type": "tanh"},
        {"name": "again", "type": "dense", "units": 8, "use_bias": False},
        {"name": "last_norm", "type": "batch_normalization", "epsilon": 1e-5},
        {"name": "scores", "type": "dense", "units": 3},
    ],
}


@pytest.mark.parametrize(
    ("without", "told"),
    [("scale=False", "no scale"), ("center=False", "no shift"),
     ("scale=False, center=False", "no scale and no shift")],
)  # fmt: skip
def test_a_batch_normalization_without_its_weights_is_blamed(
    without: str, told: str, tmp_path: Path
) -> None:
    """The file holds fewer tensors than the spec, so that others fit in their place."""
    source = nnspec.compile(spec_of(DOCUMENT), "keras").source
    changed = source.replace('name="norm")', f'name="norm", {without})')
    assert changed != source, source
    (tmp_path / "net.py").write_text(changed)
    report = judged(DOCUMENT, f"{tmp_path / 'net.py'}:normed")
    assert report.verdict == "not the same", report.to_json()
    assert report.faults[0].layer == "norm", report.faults
    assert report.faults[0].cause == f"it has {told}"


WRITTEN_OUT = """\
import torch
from torch import nn


class Written(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.d = nn.Parameter(0.1 * torch.randn(size))
        self.c = nn.Parameter(1 + 0.1 * torch.randn(size))
        self.register_buffer("b", 1 + 0.1 * torch.rand(size))
        self.register_buffer("a", 0.1 * torch.randn(size))

    def forward(self, x):
        return (x - self.a) / torch.sqrt(self.b + 1e-5) * self.c + self.d


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(6, 8, bias=False)
        self.first, self.second = Written(8), Written(8)
        self.two = nn.Linear(8, 8, bias=False)
        self.three = nn.Linear(8, 3)

    def forward(self, x):
        x = torch.tanh(self.first(self.one(x)))
        return self.three(self.second(self.two(x)))
"""


def test_one_that_is_written_out_in_operations_accuses_nobody(tmp_path: Path) -> None:
    """Every run of it holds what is there before the scale."""
    (tmp_path / "net.py").write_text(WRITTEN_OUT)
    report = judged(DOCUMENT, f"{tmp_path / 'net.py'}:Net")
    assert report.verdict in ("verified", "not compared"), report.to_json()


FORGOTTEN: dict[str, Any] = {
    **DOCUMENT,
    "layers": [
        {"name": "wide", "type": "dense", "units": 8},
        {"name": "norm", "type": "batch_normalization"},
        {"name": "bent", "type": "relu"},
        {"name": "scores", "type": "dense", "units": 3},
        {"name": "last_norm", "type": "batch_normalization"},
    ],
}
FORGETTING = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(6, 8)
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(torch.relu(self.fc(x)))
"""
FORGETTING_KERAS = """\
import keras


def Net():
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(3)]
    )
"""


@pytest.mark.parametrize("text", [FORGETTING, FORGETTING_KERAS], ids=["torch", "keras"])
def test_a_normalisation_that_may_be_forgotten_is_not_verified(text: str, tmp_path: Path) -> None:
    """A new one changes nothing as at inference, so that the outputs are the same without it."""
    (tmp_path / "net.py").write_text(text)
    report = judged(FORGOTTEN, f"{tmp_path / 'net.py'}:Net")
    assert report.passed, report.to_json()
    assert report.verdict == "verified but for 2 normalisations that the file lacks"
    for kind in ("interface", "training"):
        told = [each.reason for each in report.not_checked if each.kind == kind]
        for name in ("norm", "last_norm"):
            assert any(f'without the normalisation "{name}": whether' in each for each in told)
    insisted = judged(FORGOTTEN, f"{tmp_path / 'net.py'}:Net", required=("interface",))
    assert insisted.verdict == "not checked as required"


@pytest.mark.filterwarnings("ignore")  # PyTorch's older exporter says that it is the older one
@pytest.mark.parametrize("kind", ["pt2", "onnx", "torchscript"])
def test_an_export_without_normalisations_has_them_folded(kind: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {}
    exec(FORGETTING, given)  # noqa: S102 - the text above
    net, rows, path = given["Net"]().eval(), (torch.randn(4, 6),), tmp_path / f"net.{kind}"
    if kind == "pt2":
        size = torch.export.Dim("rows")
        torch.export.save(torch.export.export(net, rows, dynamic_shapes=({0: size},)), path)
    elif kind == "onnx":
        torch.onnx.export(net, rows, str(path), dynamo=False, input_names=["x"],
                          dynamic_axes={"x": {0: "rows"}})  # fmt: skip
    else:
        torch.jit.trace(net, rows).save(str(path))
    report = judged(FORGOTTEN, path)
    assert report.verdict == "verified", report.to_json()
    assert any("folded into others" in note for note in report.notes)
