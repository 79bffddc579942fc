"""Files of weights: tensors that are no floats, and those that a program may have as constants."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import torch

from nnspec.backend import get_backend
from nnspec.backend.foreign import Held
from nnspec.errors import UsageError
from nnspec.judge.checkpoint import OfWeights, Side, compare_weights
from nnspec.judge.facing import Facing
from nnspec.judge.meeting import asked_of
from nnspec.judge.ported import equal_ones, says_something
from nnspec.judge.process import reader_of, reference_of
from nnspec.judge.tensors import ENDINGS, read_tensors
from nnspec.judge.wholes import _pairs
from tests.judge.test_compare import exported, saved, written

pytestmark = pytest.mark.filterwarnings("ignore")

ROUNDED = np.arange(-8, 8, dtype="int8").reshape(4, 4)
SCALE = np.arange(4, dtype="float32")
COUNT = "fc.num_batches_tracked"


def weighed(first: Path | str, second: Path, *asked: str) -> OfWeights:
    """Compare weights in this process: one of its own takes seconds to begin."""
    sides = []
    for each in (first, second):
        reference = reference_of(str(each))
        if Path(reference.path).suffix in ENDINGS:
            tensors = read_tensors(reference, None)
            sides.append(Side(reference.label, tensors.described, tensors))
        else:
            program = get_backend(reader_of(reference).name).open_file(reference)
            sides.append(Side(reference.label, program.describe(), program))
    return compare_weights((sides[0], sides[1]), asked=asked_of(asked), batch=4, seed=0)


def held(folder: Path, name: str = "b.npz", **tensors: np.ndarray) -> Path:
    np.savez(folder / name, **tensors)
    return folder / name


def test_tensors_that_are_no_floats_are_compared(tmp_path: Path) -> None:
    whole = {"fc.weight": ROUNDED, "fc.scale": SCALE, "ids": np.arange(9), COUNT: np.array(3)}
    file = held(tmp_path, "a.npz", **whole)
    wrapped = {f"module.{name}": each for name, each in whole.items()}
    for right in (
        whole | {COUNT: np.array(7)},
        {name: each for name, each in whole.items() if name not in (COUNT, "ids")},
        wrapped,
        whole | {"ids": np.arange(9, dtype="int32")[None]},
        {"layer/kernel": ROUNDED, "layer/scale": SCALE},
    ):
        report = weighed(file, held(tmp_path, **right))
        assert report.verdict == "the same", report.to_json()
    other = ROUNDED.copy()
    other[0, 0] = 1
    for wrong in (
        whole | {"fc.weight": other},
        whole | {"fc.weight": ROUNDED.astype("float32")},
        {name: each for name, each in whole.items() if name != "fc.weight"},
        wrapped | {"module.fc.weight": other},
    ):
        report = weighed(file, held(tmp_path, **wrong))
        assert report.verdict == "not the same", report.to_json()
    told = weighed(file, held(tmp_path, **whole | {"fc.weight": other})).failures()[0].detail
    assert told == "fc.weight is not fc.weight: 1 of 16 numbers."


def test_tables_and_complex_numbers_accuse_nobody(tmp_path: Path) -> None:
    weight = {"fc.weight": np.arange(12.0).reshape(3, 4)}
    mask, turns = np.tri(5, dtype=bool), np.exp(1j * np.arange(6.0)).astype("complex64")
    places = np.arange(4)[:, None] - np.arange(4) + 3
    file = held(tmp_path, "a.npz", **weight, mask=mask, turns=turns, places=places)
    near = turns.copy()
    near[1] = np.nextafter(near[1].real, np.float32(2)) + 1j * near[1].imag
    assert near[1] != turns[1]
    for right in (
        {"other": mask, "turns": near, "places": places.astype("int32")},
        {"mask": mask, "turns": turns},  # a table that a program may make
        {"turns": turns},
        {"mask": mask, "places": places},
    ):
        for pair in ((file, held(tmp_path, **weight | right)), (tmp_path / "b.npz", file)):
            report = weighed(*pair)
            assert report.verdict == "the same", report.to_json()
    moved = turns.copy()
    moved[1] += 1e-3
    report = weighed(file, held(tmp_path, **weight, mask=mask, turns=moved))
    assert "turns is not turns, but off by up to 0.001" in report.failures()[0].detail
    for lone in (np.array([[2**30, 7], [-(2**28), 5]], "int32"), np.array([3 + 4j, 1.0])):
        report = weighed(held(tmp_path, "a.npz", **weight, lone=lone), held(tmp_path, **weight))
        assert report.verdict == "not compared", report.to_json()
        assert "may be a weight" in next(e.reason for e in report.not_checked)


def test_many_tensors_of_one_shape_are_paired_by_their_numbers(tmp_path: Path) -> None:
    several = {f"a.{i}": np.roll(ROUNDED, i, axis=0) + i * (ROUNDED > 6) for i in range(40)}
    several |= {"twin": ROUNDED, "again": ROUNDED, "flat": np.zeros((4, 4), "int8")}
    renamed = {f"t{i}": each.astype("int64") for i, each in enumerate(reversed(several.values()))}
    found = dict(_pairs(several, renamed))
    assert all(np.array_equal(several[name], renamed[other]) for name, other in found.items())
    assert several.keys() - found.keys() == {"a.0", "twin", "again", "flat"}


def test_files_without_a_tensor_in_both_are_not_the_same(tmp_path: Path) -> None:
    empty = held(tmp_path, "a.npz")
    assert weighed(empty, held(tmp_path)).verdict == "not compared"
    ids = held(tmp_path, "ids.npz", ids=np.arange(4))
    assert weighed(empty, ids).verdict == "not compared"
    assert weighed(ids, ids).verdict == "the same"


NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(8, 6), nn.Linear(6, 4)
        self.register_buffer("table", torch.arange(4.0) / 7, persistent=False)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x))) + self.table
"""


def test_a_program_that_says_of_no_tensor_that_it_is_learned(tmp_path: Path) -> None:
    graph = exported(tmp_path / "net.onnx", NET, "Net", torch.randn(4, 8), dynamo=False)
    program = get_backend("onnx").open_file(reference_of(str(graph)))
    own = {name: each for name, each in program.weights().items() if name.startswith("fc")}
    report = weighed(graph, held(tmp_path, **own))
    assert report.verdict == "the same", report.to_json()
    first = {name: each for name, each in own.items() if name.startswith("fc1")}
    assert len(first) == 2
    report = weighed(graph, held(tmp_path, **first))
    assert "b.npz has no fc2.weight (4, 6)" in report.failures()[0].detail
    with pytest.raises(UsageError, match=r'"y": the inputs of net\.onnx are given'):
        weighed(graph, held(tmp_path, **own), "y=8")

    flat = NET.replace("nn.Linear(6, 4)", "nn.Linear(6, 4, bias=False)")
    flat = flat.replace("self.fc2(torch.relu(self.fc1(x)))", "self.fc2(self.fc1(x[:, None]))[:, 0]")
    graph = exported(tmp_path / "flat.onnx", flat, "Net", torch.randn(4, 8), dynamo=False)
    report = weighed(graph, held(tmp_path, **{"fc1.bias": np.zeros(6)}))
    assert report.verdict != "the same", report.to_json()
    program = get_backend("onnx").open_file(reference_of(str(graph)))
    own = {n: e for n, e in program.weights().items() if e.dtype.kind == "f" and e.ndim < 2}
    report = weighed(graph, held(tmp_path, **own))
    assert report.verdict == "not compared", report.to_json()


def test_a_program_that_fails_while_it_runs_is_compared_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = exported(tmp_path / "net.onnx", NET, "Net", torch.randn(4, 8), dynamo=False)
    own = get_backend("onnx").open_file(reference_of(str(graph))).weights()
    own = {name: each for name, each in own.items() if name.startswith("fc")}

    def failing(*_: object) -> None:
        raise TypeError("no such kernel")

    for name in ("run", "trace"):
        monkeypatch.setattr(Facing, name, failing)
    report = weighed(graph, held(tmp_path, **own))
    assert report.verdict == "the same", report.to_json()
    (left,) = (each.reason for each in report.not_checked if each.kind == "forward")
    assert "no such kernel" in left
    del own["fc2.weight"]
    report = weighed(graph, held(tmp_path, **own | {"other": np.ones(3, "float32")}))
    assert report.verdict == "not the same", report.to_json()


def test_a_mask_of_infinities_is_no_other_tensor() -> None:
    mask = np.triu(np.full((3, 3), -np.inf), 1)
    tensors = {"weight": np.arange(9.0).reshape(3, 3)}
    assert not [*equal_ones(mask, [Held("weight", (3, 3), "float64")], tensors)]
    assert says_something(np.array([True, False]))


FOLDED = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv1d(1, 5, 3), nn.BatchNorm1d(5)
        self.lstm, self.fc = nn.LSTM(6, 4, batch_first=True), nn.Linear(4, 3)
        nn.init.uniform_(self.norm.running_var, 0.5, 2.0)

    def forward(self, x):
        return self.fc(self.lstm(self.norm(self.conv(x[:, None])))[0][:, -1])
"""


@pytest.mark.parametrize("dynamo", [False, True])
def test_an_exporter_may_fold_and_join_what_it_was_given(dynamo: bool, tmp_path: Path) -> None:
    """The weights of a network are not called others than those of its own export."""
    given = torch.randn(4, 8)
    graph = exported(tmp_path / "net.onnx", FOLDED, "Net", given, dynamo=dynamo)
    namespace: dict[str, type[torch.nn.Module]] = {}
    exec(FOLDED, namespace)  # noqa: S102 - this file's own text
    torch.manual_seed(1)
    own = {name: each.numpy() for name, each in namespace["Net"]().state_dict().items()}
    report = weighed(graph, held(tmp_path, **own))
    assert report.verdict == "not compared", report.to_json()
    report = weighed(graph, held(tmp_path, **own | {"fc.weight": 1.1 * own["fc.weight"]}))
    assert report.verdict == "not the same", report.to_json()


def test_a_table_of_a_program_is_no_weight_that_is_missing(tmp_path: Path) -> None:
    text = NET.replace("super().__init__()", "super().__init__(); torch.manual_seed(0)")
    file = f"{written(tmp_path, text)}:Net"
    own = get_backend("torch").open_file(reference_of(file)).weights()
    del own["table"]
    assert weighed(file, held(tmp_path, **own), "x=8").verdict == "the same"


def test_what_a_frozen_layer_holds_is_a_weight(tmp_path: Path) -> None:
    layers = [keras.layers.Dense(6, name="first"), keras.layers.Dense(4, name="last")]
    model = keras.Sequential([keras.Input((8,)), *layers])
    model.trainable = False
    own = {each.path: np.array(each) for each in model.weights}
    file = saved(tmp_path, model)
    assert weighed(file, held(tmp_path, **own)).verdict == "the same"
    last = [*own][2]
    report = weighed(file, held(tmp_path, **{n: each for n, each in own.items() if n != last}))
    assert "b.npz has no last/kernel (6, 4)" in report.failures()[0].detail
