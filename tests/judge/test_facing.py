"""Which output, input and axis of a file is which of the spec, where several could be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nnspec.errors import UsageError
from nnspec.judge.called import may_be, paired
from tests.judge.test_against import judged
from tests.judge.test_compare import compared, written

ENCODER: dict[str, Any] = {
    "nnspec": 1,
    "name": "Encoder",
    "inputs": {"left": {"shape": [6]}, "right": {"shape": [6]}},
    "layers": [
        {"name": "encoded", "type": "dense", "units": 5, "inputs": ["left"]},
        {"name": "other", "type": "dense", "units": 5, "inputs": ["right"]},
        {"name": "gone", "type": "subtract", "inputs": ["encoded", "other"]},
        {"name": "pooled", "type": "dense", "units": 4},
    ],
    "outputs": ["encoded", "pooled"],
}
FILE = """\
from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Found:
    pooled: torch.Tensor
    last: torch.Tensor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Linear(6, 5)
        self.b = nn.Linear(6, 5)
        self.c = nn.Linear(5, 4)

    def forward(self, RIGHT, other):
        one, two = self.a(other), self.b(RIGHT)
        return RESULT(pooled=self.c(one - two), last=one)
"""


@pytest.mark.parametrize("result", ["dict", "Found"])
def test_what_is_named_alike_is_the_same(result: str, tmp_path: Path) -> None:
    """Also within a mapping or a dataclass of another order, and the rest is what is left."""
    text = FILE.replace("RESULT", result).replace("RIGHT", "right")
    report = judged(ENCODER, f"{written(tmp_path, text)}:Net")
    assert report.verdict == "verified", report.to_json()
    wrong = text.replace("one - two", "two - one")
    report = judged(ENCODER, f"{written(tmp_path, wrong, 'wrong.py')}:Net")
    assert report.verdict == "not the same"


def test_what_goes_by_order_is_told(tmp_path: Path) -> None:
    text = FILE.replace("RESULT", "dict").replace("RIGHT", "first")
    swapped = text.replace("self.a(other), self.b(first)", "self.a(first), self.b(other)")
    report = judged(ENCODER, f"{written(tmp_path, swapped)}:Net")
    assert report.verdict == "verified", report.to_json()
    assert any("inputs of model.py:Net: left is first, right is other; " in n for n in report.notes)


def test_a_tuple_is_in_order(tmp_path: Path) -> None:
    """Its order is its meaning, whatever the shapes."""
    text = FILE.replace("return RESULT(pooled=self.c(one - two), last=one)",
                        "return self.c(one - two), one").replace("RIGHT", "right")  # fmt: skip
    report = judged(ENCODER, f"{written(tmp_path, text)}:Net")
    assert report.verdict == "not the same"
    right = text.replace("return self.c(one - two), one", "return one, self.c(one - two)")
    report = judged(ENCODER, f"{written(tmp_path, right, 'right.py')}:Net")
    assert report.verdict == "verified", report.to_json()


def test_names_come_first_and_then_what_alone_fits() -> None:
    kinds = {"ids": "i", "mask": "i", "image": "f", "a": "i", "b": "f", "c": "i"}

    def fits(mine: str, theirs: str) -> bool:
        return kinds[mine] == kinds[theirs]

    found = paired(["ids", "image", "mask"], ["a", "b", "mask"], fits)
    assert found == {"ids": "a", "image": "b", "mask": "mask"}
    found = paired(["ids", "mask", "image"], ["a", "b", "c"], fits)
    assert found == {"ids": "a", "mask": "c", "image": "b"}
    assert may_be("bfloat16", "f")
    assert not may_be("bfloat16", "i")
    assert may_be("", "i")


def test_names_that_are_counted_say_nothing_where_they_differ() -> None:
    """Keras counts on from the layers of before: its dense_1 is this time the first output."""
    found = paired(["dense_1", "dense_2"], ["dense", "dense_1"], lambda *_: True)
    assert found == {"dense_1": "dense", "dense_2": "dense_1"}
    found = paired(["dense_1", "dense"], ["dense", "dense_1"], lambda *_: True)
    assert found == {"dense_1": "dense_1", "dense": "dense"}


def test_a_name_of_another_shape_is_another(tmp_path: Path) -> None:
    assert paired(["a", "b"], ["b", "c"], lambda mine, theirs: (mine, theirs) != ("b", "b")) == {
        "a": "b", "b": "c",
    }  # fmt: skip


IN_KERAS = """\
import keras


class Net(keras.Model):
    def __init__(self):
        super().__init__()
        keras.utils.set_random_seed(0)
        self.a = keras.layers.Dense(5)
        self.b = keras.layers.Dense(5)
        self.c = keras.layers.Dense(4)

    def call(self, right, other):
        one, two = self.a(other), self.b(right)
        return {"pooled": self.c(one - two), "last": one}
"""


def test_inputs_reach_a_keras_file_in_its_own_order(tmp_path: Path) -> None:
    report = judged(ENCODER, f"{written(tmp_path, IN_KERAS)}:Net")
    assert report.verdict == "verified", report.to_json()


def test_a_file_that_gives_no_tensor_is_told(tmp_path: Path) -> None:
    text = FILE.replace("RESULT(pooled=self.c(one - two), last=one)", "None")
    with pytest.raises(UsageError, match="gives no tensor"):
        judged(ENCODER, f"{written(tmp_path, text.replace('RIGHT', 'right'))}:Net")


SQUARE: dict[str, Any] = {
    "nnspec": 1,
    "name": "Square",
    "data_format": "channels_last",
    "inputs": {"x": {"shape": [7, 7]}},
    "layers": [
        {"name": "conv", "type": "conv1d", "filters": 7, "kernel_size": 3, "padding": "same"},
        {"type": "relu"},
        {"name": "again", "type": "conv1d", "filters": 7, "kernel_size": 3, "padding": "same"},
    ],
}
CONV = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Conv1d(7, 7, 3, padding=1)
        self.b = nn.Conv1d(7, 7, 3, padding=1)

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))
"""


def test_a_square_does_not_accuse_the_other_layout(tmp_path: Path) -> None:
    """Seven steps of seven channels: both orders run, and one of them is the spec."""
    report = judged(SQUARE, f"{written(tmp_path, CONV)}:Net")
    assert report.verdict == "verified", report.to_json()
    assert any("which axis holds the channels" in note for note in report.notes)
    wrong = CONV.replace("torch.relu", "torch.tanh")
    report = judged(SQUARE, f"{written(tmp_path, wrong, 'wrong.py')}:Net")
    assert report.verdict == "not the same"
    first = {**SQUARE, "data_format": "channels_first"}
    report = judged(first, f"{written(tmp_path, CONV)}:Net")
    assert report.verdict == "verified"
    assert not any("which axis" in note for note in report.notes)


ROWS: dict[str, Any] = {
    "nnspec": 1,
    "name": "Rows",
    "inputs": {"x": {"shape": [6, 6]}},
    "layers": [{"name": "steps", "type": "gru", "units": 3}],
    "data_format": "channels_last",
}
COLUMNS = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.steps = nn.GRU(6, 3, batch_first=True)

    def forward(self, x):
        return self.steps(TAKEN)[0][:, -1]
"""


def test_a_series_that_is_read_across_is_another(tmp_path: Path) -> None:
    """Rows of a series have no layout of their framework: time comes first."""
    wrong = written(tmp_path, COLUMNS.replace("TAKEN", "x.mT"))
    assert judged(ROWS, f"{wrong}:Net").verdict == "not the same"
    right = written(tmp_path, COLUMNS.replace("TAKEN", "x"))
    assert judged(ROWS, f"{right}:Net").verdict == "verified"


WAVE = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first = nn.Linear(8, 16)

    def forward(self, x):
        z = torch.fft.rfft(self.first(x))
        return torch.complex(z.real, SIGN * z.imag)
"""


def test_imaginary_parts_are_compared(tmp_path: Path) -> None:
    one, two, three = (
        f"{written(tmp_path, WAVE.replace('SIGN', sign), name)}:Net"
        for sign, name in (("1", "a.py"), ("1", "b.py"), ("-1", "c.py"))
    )
    assert compared(one, two, "x=8").verdict == "the same"
    assert compared(one, three, "x=8").verdict == "not the same"
