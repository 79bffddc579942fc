"""Networks whose outputs are the same for every row: that two agree there says little."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import nnspec
from nnspec.judge.blank import ALIKE, NOTHING
from nnspec.judge.verify import verify_against
from nnspec.verification.samples import is_alike
from nnspec.verification.settings import Settings
from nnspec.verification.verifier import prepared, verify_spec
from tests.judge.test_compare import compared, exported

SPEC = """
nnspec: 1
name: Dead
inputs: {x: {shape: [3]}}
layers:
  - {name: a, type: dense, units: 4, activation: relu}
  - {name: b, type: dense, units: 2, activation: relu}
  - {name: c, type: dense, units: 2}
"""
FILE = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(2, 2)
        nn.init.constant_(self.b.bias, -100.0)
        self.function = function

    def forward(self, x):
        return self.c(F.relu(self.b(self.function(self.a(x)))))


def right():
    return Net(F.relu)


def wrong():
    return Net(F.gelu)
"""


@pytest.mark.parametrize(
    ("network", "levels", "verdict"),
    [
        ("right", None, "verified"),
        ("wrong", None, "not the same"),
        ("right", "outputs", "every row has the same outputs"),
        ("wrong", "outputs", "every row has the same outputs"),
    ],
)
def test_a_file_with_dead_units_is_compared_with_other_weights(
    tmp_path: Path, network: str, levels: str | None, verdict: str
) -> None:
    (tmp_path / "dead.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "net.py").write_text(FILE, encoding="utf-8")
    spec = nnspec.load(tmp_path / "dead.yaml")
    report = verify_against(spec, f"{tmp_path / 'net.py'}:{network}", levels=levels)
    assert report.verdict.startswith(verdict), report.verdict
    if verdict == "not the same":
        assert report.faults[0].layer == "a"


NO_NUMBERS = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.a = nn.Linear(3, 2)
        self.function = function

    def forward(self, x):
        return self.a(self.function(x - 1e9))


def right():
    return Net(torch.sqrt)


def wrong():
    return Net(torch.log)
"""
ROOTS = """
nnspec: 1
name: Roots
inputs: {x: {shape: [3]}}
layers:
  - {name: far, type: rescaling, offset: -1.0e9}
  - {name: root, type: sqrt}
  - {name: a, type: dense, units: 2}
"""


@pytest.mark.parametrize("is_seeded", [True, False])
def test_two_files_with_dead_units_are_compared_with_other_weights(
    tmp_path: Path, is_seeded: bool
) -> None:
    text = FILE.replace("super().__init__()", "super().__init__(); torch.manual_seed(0)")
    (tmp_path / "net.py").write_text(text if is_seeded else FILE, encoding="utf-8")
    first, second = (f"{tmp_path / 'net.py'}:{name}" for name in ("right", "wrong"))
    same = compared(first, first, "x=3")
    assert same.verdict == "the same", same.to_json()
    assert any(check.pair[1].endswith("other weights") for check in same.checks)
    for pair in ((first, second), (second, first)):
        report = compared(*pair, "x=3")
        assert report.verdict == "not the same", report.to_json()
        assert "gelu" in report.faults[0]["told"]


def test_outputs_that_are_no_numbers_say_nothing(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NO_NUMBERS, encoding="utf-8")
    first, second = (f"{tmp_path / 'net.py'}:{name}" for name in ("right", "wrong"))
    report = compared(first, second, "x=3")
    assert report.verdict == NOTHING, report.to_json()
    assert not any(check.kind == "gradient" for check in report.checks)
    judged = verify_against(nnspec.loads(ROOTS), second)
    assert judged.verdict == NOTHING, judged.to_json()


def test_an_output_that_is_always_the_same_is_told(tmp_path: Path) -> None:
    """As a temperature that a network gives beside its scores."""
    text = FILE.replace("return self.c(", "return self.c.bias, self.c(").replace("-100.0", "0.1")
    (tmp_path / "net.py").write_text(text, encoding="utf-8")
    report = compared(*(f"{tmp_path / 'net.py'}:right",) * 2, "x=3")
    assert report.verdict == "the same", report.to_json()


TIED = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table, self.b, self.c = nn.Embedding(11, 8), nn.Linear(8, 8), nn.Linear(8, 11)
        nn.init.constant_(self.b.bias, -100.0)
        self.c.weight = self.table.weight

    def forward(self, ids):
        return self.c(torch.relu(self.b(self.table(ids))))
"""


@pytest.mark.filterwarnings("ignore")
def test_a_weight_that_a_graph_holds_twice_is_not_drawn_once(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(TIED, encoding="utf-8")
    ids = torch.randint(0, 11, (4, 5))
    graph = exported(tmp_path / "net.onnx", TIED, "Net", ids, dynamo=False)
    file = f"{tmp_path / 'net.py'}:Net"
    for pair in ((file, graph), (graph, file)):
        report = compared(*pair, "ids=5:int64:11")
        assert report.verdict == ALIKE, report.to_json()


HIDDEN = """
nnspec: 1
name: Hidden
inputs: {x: {shape: [3]}}
layers:
  - {name: a, type: dense, units: 4, activation: sigmoid}
  - {name: b, type: dense, units: 4, activation: relu}
  - {name: n, type: batch_normalization, epsilon: 1.0e-5}
  - {name: c, type: dense, units: 2}
"""
BESIDE = """
import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, affine):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.n = nn.BatchNorm1d(4, affine=affine)
        with torch.no_grad():
            self.b.weight.copy_(-self.b.weight.abs())
            self.b.bias.zero_()

    def forward(self, x):
        return self.c(self.n(F.relu(self.b(torch.sigmoid(self.a(x))))))


def right():
    return Net(True)


def wrong():
    return Net(False)
"""


@pytest.mark.parametrize(("network", "verdict"), [("right", "verified"), ("wrong", "not the same")])
def test_a_file_is_given_matrices_with_which_it_tells_rows(
    tmp_path: Path, network: str, verdict: str
) -> None:
    (tmp_path / "hidden.yaml").write_text(HIDDEN, encoding="utf-8")
    (tmp_path / "net.py").write_text(BESIDE, encoding="utf-8")
    spec = nnspec.load(tmp_path / "hidden.yaml")
    report = verify_against(spec, f"{tmp_path / 'net.py'}:{network}")
    assert report.verdict == verdict, [str(each) for each in report.not_checked]
    assert not report.blank
    if verdict == "not the same":
        assert report.faults[0].layer == "n"


def test_weights_that_tell_no_rows_apart_are_drawn_anew() -> None:
    deep = SPEC.replace("units: 4", "units: 1").replace("  - {name: c", 3 * NARROW + "  - {name: c")
    spec = nnspec.loads(deep)
    seed = next(seed for seed in range(100) if _is_dead(spec, seed))
    report = verify_spec(spec, Settings(seed=seed, exporters=False))
    assert report.verdict == "verified"
    assert "the weights of the seed give every row the same outputs, and were drawn anew" in (
        report.notes
    )


NARROW = "  - {type: dense, units: 1, activation: relu}\n"


def _is_dead(spec: nnspec.Spec, seed: int) -> bool:
    state = prepared(spec, Settings(seed=seed, exporters=False), None)
    source = state.sources[0]
    return is_alike(state.build(source, "float64").forward(state.inputs))


def test_a_network_that_has_one_answer_is_said_to() -> None:
    spec = nnspec.loads(SPEC.replace("type: dense, units: 2}", "type: parameter, shape: [2]}"))
    report = verify_spec(spec, Settings(exporters=False))
    assert report.passed
    assert any(note.startswith("every row has the same outputs") for note in report.notes)
