"""A trained network beside its export, whose normalisations are within its convolutions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

import nnspec
from nnspec.judge.comparison import Comparison

# PyTorch's older exporter says that it is the older one.
pytestmark = pytest.mark.filterwarnings("ignore")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.turned = nn.ConvTranspose2d(8, 6, 3)
        self.last = nn.BatchNorm2d(6)
        self.head = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm(self.conv(x)).relu()
        found: torch.Tensor = self.head(self.last(self.turned(x)).relu().mean((2, 3)))
        return found


def trained() -> Net:
    torch.manual_seed(0)
    net = Net()
    with torch.no_grad():
        for norm in (net.norm, net.last):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            for tensor in (norm.weight, norm.bias, norm.running_mean):
                tensor.normal_(0.5, 0.3)
            norm.running_var.uniform_(0.5, 2)
    return net.eval()


def program(path: Path) -> Path:
    rows = torch.export.Dim("rows")
    found = torch.export.export(trained(), (torch.randn(4, 3, 8, 8),), dynamic_shapes=({0: rows},))
    torch.export.save(found, path)
    return path


def exported(path: Path, change: Callable[[Net], object], exporter: str) -> Path:
    """Export a network; the older exporter folds the first normalisation, the newer one both."""
    net, given = trained(), (torch.randn(4, 3, 8, 8),)
    with torch.no_grad():
        change(net)
    if exporter == "legacy":
        torch.onnx.export(net, given, str(path), dynamo=False, input_names=["x"],
                          dynamic_axes={"x": {0: "rows"}})  # fmt: skip
    else:
        torch.onnx.export(net, given, str(path), dynamo=True, input_names=["x"],
                          dynamic_shapes=({0: torch.export.Dim("rows")},))  # fmt: skip
    return path


def fine(net: Net) -> None:
    """Change nothing."""


def of_epsilon(net: Net) -> None:
    net.norm.eps = 1e-3


def of_shift(net: Net) -> None:
    net.norm.bias.add_(0.1)


def of_scale(net: Net) -> None:
    net.norm.weight[2] *= 1.5


def of_kernel(net: Net) -> None:
    net.conv.weight[0, 0, 0, 0] += 0.5


def of_the_last_scale(net: Net) -> None:
    net.last.weight[2] *= 1.5


def of_the_last_kernel(net: Net) -> None:
    net.turned.weight[0, 0, 0, 0] += 0.5


CASES: list[tuple[str, Callable[[Net], object], str]] = [
    ("legacy", fine, ""),
    ("dynamo", fine, ""),
    ("legacy", of_epsilon, "norm is folded as with epsilon 0.001, and not 1e-05."),
    ("legacy", of_shift, "norm is folded with another shift, off by up to 0.1."),
    ("dynamo", of_shift, "norm is folded with another shift, off by up to 0.1."),
    ("legacy", of_scale, "norm is folded with another scale."),
    ("dynamo", of_the_last_scale, "last is folded with another scale."),
    ("legacy", of_kernel, "conv.weight is not onnx::"),
    ("dynamo", of_the_last_kernel, "turned.weight is not "),
]


@pytest.mark.parametrize(("exporter", "change", "told"), CASES)
def test_what_a_normalisation_was_folded_with_is_compared(
    exporter: str, change: Callable[[Net], object], told: str, tmp_path: Path
) -> None:
    paths = program(tmp_path / "net.pt2"), exported(tmp_path / "net.onnx", change, exporter)
    report = nnspec.compare(*paths)
    assert isinstance(report, Comparison)
    assert any("the weights that they hold" in each.pair[1] for each in report.checks)
    words = ("has no place for", "though", "cannot tell")
    assert not any(word in note for note in report.notes for word in words)
    assert not report.faults
    failed = [each for each in report.failures() if each.kind == "weights"]
    assert report.verdict == ("not the same" if told else "the same"), report.to_json()
    assert len(failed) == bool(told)
    for each in failed:
        assert each.detail.startswith(told), each.detail
