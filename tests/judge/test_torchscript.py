"""Programs of TorchScript, scripted and traced: the same as their source, and with a fault."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.judge.process import reference_of
from nnspec_torch.scripted import open_scripted
from tests.judge.test_against import PICTURES, TORCH, judged
from tests.judge.test_compare import LSTM, compared, lstm_in_keras, only_fault, saved, written
from tests.judge.test_exported_programs import NET, SPEC

pytestmark = pytest.mark.filterwarnings("ignore")  # torch.jit says that it is deprecated
WAYS = ["script", "trace"]


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def kept(folder: Path, text: str, way: str, given: Any = None, name: str = "Net") -> Path:
    """Write the program of a module; the source is a file, from which TorchScript reads it."""
    source = written(folder, text, "theirs.py")
    found = importlib.util.spec_from_file_location("theirs", source)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    net = getattr(module, name)().eval()
    assert isinstance(net, nn.Module)
    given = torch.randn(2, 8) if given is None else given
    made = torch.jit.script(net) if way == "script" else torch.jit.trace(net, given)
    made.save(folder / "net.pt")
    return folder / "net.pt"


@pytest.mark.parametrize("way", WAYS)
def test_a_program_is_the_same_as_its_source(way: str, tmp_path: Path) -> None:
    report = compared(written(tmp_path, NET), kept(tmp_path, NET, way), "x=8")
    assert report.passed, report.to_json()
    assert {check.dtype for check in report.checks if check.kind == "forward"} == {"float64"}
    assert any(check.kind == "gradient" for check in report.checks)


@pytest.mark.parametrize("way", WAYS)
def test_a_fault_is_blamed_at_the_line_of_the_source(way: str, tmp_path: Path) -> None:
    wrong = NET.replace("torch.tanh(self.a(x))", "torch.sigmoid(self.a(x))")
    fault = only_fault(compared(written(tmp_path, NET), kept(tmp_path, wrong, way), "x=8"))
    assert fault["b"].startswith("theirs.py:12"), fault
    text = TORCH.replace("nn.BatchNorm2d(width)", "nn.BatchNorm2d(width, 1e-3)")
    report = judged(PICTURES, kept(tmp_path, text, way, torch.randn(2, 2, 6, 6)))
    assert [each.layer for each in report.faults] == ["first.norm", "second.norm"]
    assert "epsilon 0.001" in report.faults[0].cause
    place = report.faults[0].places[0]
    assert place.startswith("theirs.py:13, in features.2.n (BatchNorm2d)"), place


@pytest.mark.parametrize("way", WAYS)
def test_recurrent_layers_are_those_of_a_keras_file(way: str, tmp_path: Path) -> None:
    path = kept(tmp_path, LSTM, way, torch.randint(0, 11, (2, 4)), "Classifier")
    other = saved(tmp_path, lstm_in_keras())
    report = compared(path, other, "ids=4:int64:11")
    assert report.passed, report.to_json()


BRANCHES = NET.replace(
    "        return self.b(h)\n",
    """\
        parts = []
        for i in range(3):
            if i != 1:
                parts.append(h * float(i + 1))
        named = {"sum": parts[0] + parts[-1], "first": parts[0]}
        if h.shape[0] > 100 or h.dim() != 2:
            raise ValueError(f"not {h.dim()}")
        return self.b(named["sum"] / 4.0)
""",
)


def test_loops_branches_lists_and_mappings_are_followed(tmp_path: Path) -> None:
    path = kept(tmp_path, BRANCHES, "script")
    report = compared(written(tmp_path, NET), path, "x=8")
    assert report.passed, report.to_json()
    wrong = BRANCHES.replace("torch.tanh", "torch.relu")
    report = judged(SPEC, kept(tmp_path, wrong, "script"))
    assert report.faults[0].places[0].startswith("theirs.py:12")
    wrong = BRANCHES.replace("/ 4.0", "/ 5.0")
    assert judged(SPEC, kept(tmp_path, wrong, "script")).verdict == "not the same"


def test_the_commands_read_programs_by_either_ending(tmp_path: Path) -> None:
    spec = written(tmp_path, json.dumps(SPEC), "net.json")
    path = kept(tmp_path, NET, "trace")
    other = path.rename(tmp_path / "net.torchscript")
    done = CliRunner().invoke(main, ["verify", str(spec), "--against", str(other), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["verdict"] == "verified"
    wrong = kept(tmp_path, NET.replace("torch.tanh", "torch.relu"), "script")
    done = CliRunner().invoke(main, ["verify", str(spec), "--against", str(wrong), "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["faults"][0]["places"][0].startswith("theirs.py:12")


def test_what_cannot_be_followed_is_told_with_what_to_export(tmp_path: Path) -> None:
    path = tmp_path / "net.torchscript"
    path.write_bytes(b"no program")
    with pytest.raises(UsageError, match=r"no program of TorchScript.*torch\.export\.save"):
        open_scripted(reference_of(str(path)))
    text = NET.replace("forward(self, x)", "forward(self, x, n: int)").replace("(h)\n", "(h * n)\n")
    with pytest.raises(UsageError, match=r"takes n of the type int.*torch\.export\.save"):
        open_scripted(reference_of(str(kept(tmp_path, text, "script"))))
    text = NET.replace(
        "return self.b(h)", "return torch.jit.wait(torch.jit.fork(torch.relu, self.b(h)))"
    )
    with pytest.raises(UsageError, match=r"prim::\w+ is not followed: export it with"):
        judged(SPEC, kept(tmp_path, text, "script"))
    with pytest.raises(UsageError, match="holds one program, without a name"):
        open_scripted(reference_of(f"{tmp_path / 'net.pt'}:Net"))
    with zipfile.ZipFile(tmp_path / "net.pt") as archive:
        assert any("/code/" in name for name in archive.namelist())
