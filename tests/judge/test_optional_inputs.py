"""Inputs with a default: fed where they are asked for, and else told as left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from nnspec.backend.foreign import Described, Given
from nnspec.errors import UsageError
from nnspec.judge.meeting import Asked, _drawn
from tests.judge.test_compare import compared, written

pytestmark = pytest.mark.filterwarnings("ignore")

MASKED = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(8, 4)

    def forward(self, x, flag=False, mask=None):
        x = self.fc(x)
        if mask is not None:
            x = x * mask[..., None]
        return x.sum(1)
"""
OTHER = MASKED.replace("flag=False, mask", "other=None, extra=None, mask")
IGNORING = OTHER.replace("x * mask", "x + 0 * mask")


def test_inputs_with_a_default_are_fed_where_they_are_asked_for(tmp_path: Path) -> None:
    texts = {"a.py": MASKED, "b.py": OTHER, "c.py": IGNORING, "d.py": MASKED.replace("mask", "m")}
    first, right, wrong, renamed = (f"{written(tmp_path, t, n)}:Net" for n, t in texts.items())
    asked = ("x=20,8", "mask=20:bool")
    assert compared(first, right, *asked).verdict == "the same"
    for pair in ((first, wrong), (wrong, first)):
        assert compared(*pair, *asked).verdict == "not the same"
    assert compared(first, renamed, *asked, "m=20:bool").verdict == "the same"
    with pytest.raises(UsageError, match=r'"mask": a.py:Net has it, and d.py:Net takes x'):
        compared(first, renamed, *asked)

    report = compared(first, wrong, "x=20,8")
    assert report.verdict == "the same"
    told = [each.reason for each in report.not_checked if each.kind == "range"]
    assert "flag, mask: left at the default in a.py:Net; --input feeds it" in told


NEEDING = MASKED.replace(", flag=False, mask=None", ", mask")


@pytest.mark.parametrize("name", ["mask", "given"])
def test_a_default_that_the_other_file_needs_is_fed(name: str, tmp_path: Path) -> None:
    text = NEEDING.replace("mask", name)
    namespace: dict[str, Any] = {}
    exec(text, namespace)  # noqa: S102 - this file's own text
    graph = tmp_path / "net.onnx"
    torch.onnx.export(
        namespace["Net"]().eval(), (torch.randn(4, 20, 8), torch.ones(4, 20)), graph,
        dynamo=False, input_names=["x", name],
    )  # fmt: skip
    texts = {
        "a.py": MASKED.replace("flag=False, ", ""),
        "b.py": MASKED.replace("flag=False, ", "").replace("x * mask", "x + 0 * mask"),
        "c.py": MASKED,
    }
    right, wrong, unclear = (f"{written(tmp_path, t, n)}:Net" for n, t in texts.items())
    for pair in ((right, graph), (graph, right)):
        report = compared(*pair)
        assert report.verdict == "the same", report.to_json()
        assert not any("default" in each.reason for each in report.not_checked)
    assert compared(right, graph, "x=20,8").verdict == "the same"
    assert compared(wrong, graph).verdict == "not the same"
    if name == "mask":
        report = compared(unclear, graph)
        assert any("flag: left at the default" in each.reason for each in report.not_checked)
    else:  # either of the two defaults may be it
        with pytest.raises(UsageError, match=r"c.py:Net takes x, and the inputs of net.onnx are"):
            compared(unclear, graph)
        report = compared(unclear, graph, "mask=20")
    assert report.verdict == "the same", report.to_json()


def test_inputs_are_drawn_in_the_shapes_of_those_of_their_names() -> None:
    """An input of the other file that is named alike lends its shape to no other."""
    mine = Described("onnx", "", (Given("a", (None, None), ""), Given("x", (None, 3), "")), ())
    theirs = Described("torch", "", (Given("x", None, ""), Given("b", None, "")), ())
    drawn = next(_drawn(mine, theirs, {"b": Asked((5,), "bool"), "x": Asked((3,))}, 2, 0))
    assert {name: array.shape for name, array in drawn.items()} == {"a": (2, 5), "x": (2, 3)}
    assert str(drawn["a"].dtype) == "bool"


def test_an_input_that_no_file_has_is_refused(tmp_path: Path) -> None:
    file = f"{written(tmp_path, MASKED, 'a.py')}:Net"
    with pytest.raises(UsageError, match=r'"maks": the inputs of a\.py:Net are x, flag, mask'):
        compared(file, file, "x=20,8", "maks=20:bool")
