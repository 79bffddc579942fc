"""Inputs with a default: fed where they are asked for, and else told as left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnspec.errors import UsageError
from tests.judge.test_compare import compared, written

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


def test_an_input_that_no_file_has_is_refused(tmp_path: Path) -> None:
    file = f"{written(tmp_path, MASKED, 'a.py')}:Net"
    with pytest.raises(UsageError, match=r'"maks": the inputs of a\.py:Net are x, flag, mask'):
        compared(file, file, "x=20,8", "maks=20:bool")
