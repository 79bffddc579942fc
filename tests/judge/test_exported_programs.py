"""Programs of torch.export: the same as their source, with a fault planted, and unsafe ones."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.judge.process import reference_of
from nnspec.judge.verify import verify_against
from nnspec_torch.exported import open_exported
from tests.judge.test_against import PICTURES, TORCH, judged, proven, spec_of
from tests.judge.test_compare import (
    LSTM,
    compared,
    lstm_in_keras,
    only_fault,
    saved,
    written,
)
from tests.judge.test_compare import exported as as_onnx

pytestmark = pytest.mark.filterwarnings("ignore")  # of Keras when it saves, and of the exporter

NET = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(8, 16)
        self.b = nn.Linear(16, 3)

    def forward(self, x):
        h = torch.tanh(self.a(x))
        return self.b(h)
"""
SPEC: dict[str, Any] = {
    "nnspec": 1,
    "name": "Net",
    "inputs": {"x": {"shape": [8]}},
    "layers": [
        {"name": "a", "type": "dense", "units": 16, "activation": "tanh"},
        {"name": "b", "type": "dense", "units": 3},
    ],
}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def made(folder: Path, text: str, name: str = "Net") -> nn.Module:
    source = written(folder, text, "theirs.py")
    namespace: dict[str, Any] = {"__name__": "theirs"}
    exec(compile(text, str(source), "exec"), namespace)  # noqa: S102 - this file's own text
    module = namespace[name]().eval()
    assert isinstance(module, nn.Module)
    return module


def exported(
    folder: Path, module: nn.Module, *given: Any, dynamic: bool = True, name: str = "net.pt2"
) -> Path:
    given = given or (torch.randn(2, 8),)
    axes = ({0: torch.export.Dim("batch")},) if dynamic else None
    torch.export.save(torch.export.export(module, given, dynamic_shapes=axes), folder / name)
    return folder / name


def test_a_program_is_the_same_as_its_source(tmp_path: Path) -> None:
    report = compared(written(tmp_path, NET), exported(tmp_path, made(tmp_path, NET)))
    assert report.verdict == "the same", report.to_json()
    assert {check.dtype for check in report.checks if check.kind == "forward"} == {"float64"}
    assert any(check.kind == "gradient" for check in report.checks)


def test_a_fault_in_a_program_is_blamed_at_the_line_of_its_source(tmp_path: Path) -> None:
    wrong = NET.replace("torch.tanh(self.a(x))", "torch.sigmoid(self.a(x))")
    fault = only_fault(compared(written(tmp_path, NET), exported(tmp_path, made(tmp_path, wrong))))
    assert fault["b"].startswith("theirs.py:12"), fault
    assert "sigmoid, and not tanh" in str(fault), fault
    wrong = NET.replace("self.b(h)", "self.b(2 * h)")
    report = judged(SPEC, exported(tmp_path, made(tmp_path, wrong)))
    assert report.verdict == "not the same"
    assert report.faults[0].places[0].startswith("theirs.py:13"), report.faults


def test_convolutions_of_a_program_are_judged_by_module_and_line(tmp_path: Path) -> None:
    module = made(tmp_path, TORCH.replace("nn.BatchNorm2d(width)", "nn.BatchNorm2d(width, 1e-3)"))
    report = judged(PICTURES, exported(tmp_path, module, torch.randn(2, 2, 6, 6)))
    assert [each.layer for each in report.faults] == ["first.norm", "second.norm"]
    assert "epsilon 0.001" in report.faults[0].cause
    place = report.faults[0].places[0]
    assert place.startswith("theirs.py:13, in features.2.n (BatchNorm2d)"), place


def test_recurrent_layers_of_a_program_are_those_of_a_keras_file(tmp_path: Path) -> None:
    module = made(tmp_path, LSTM, "Classifier")
    path = exported(tmp_path, module, torch.randint(0, 11, (2, 5)))
    report = compared(path, saved(tmp_path, lstm_in_keras()))
    assert report.passed, report.to_json()
    assert {check.kind for check in report.checks} >= {"forward", "gradient"}
    told = only_fault(compared(path, saved(tmp_path, lstm_in_keras(turns=True))))
    assert "backwards" in told["cause"]


def test_a_program_of_one_size_is_compared_at_that_size(tmp_path: Path) -> None:
    """Without dynamic_shapes the exporter keeps the sizes of its inputs, the batch's too."""
    module = made(tmp_path, NET)
    report = judged(SPEC, exported(tmp_path, module, torch.randn(3, 8), dynamic=False))
    assert report.passed, report.to_json()
    assert any("the batch is fixed at 3" in each.reason for each in report.not_checked)
    assert not any(check.kind == "dynamic_shape" for check in report.checks)


def test_a_program_in_float64_is_compared_in_float64(tmp_path: Path) -> None:
    path = exported(tmp_path, made(tmp_path, NET).double(), torch.randn(2, 8).double())
    report = judged(SPEC, path)
    assert report.passed, report.to_json()
    assert {check.dtype for check in report.checks if check.kind == "forward"} == {"float64"}
    assert proven(report).startswith("4 of 4 parameters")


TABLE = NET.replace(
    "        self.b =", "        self.register_buffer('turn', torch.randn(16))\n        self.b ="
).replace("return self.b(h)", "return self.b(h + self.turn.cos())")


def test_constants_that_were_rounded_to_float32_are_compared_in_it(tmp_path: Path) -> None:
    source = f"{written(tmp_path, TABLE)}:Net"
    report = compared(source, exported(tmp_path, made(tmp_path, TABLE)))
    assert report.passed, report.to_json()
    assert any("float32" in each.reason for each in report.not_checked if each.kind == "gradient")


def test_a_part_without_gradient_is_followed(tmp_path: Path) -> None:
    text = NET.replace(
        "        return", "        with torch.no_grad():\n            h = h * 0.5\n        return"
    )
    path = exported(tmp_path, made(tmp_path, text))
    assert "set_grad_enabled" in str(torch.export.load(path).graph)
    report = compared(written(tmp_path, text), path)
    assert report.passed, report.to_json()


def test_outputs_and_inputs_of_a_program_have_names(tmp_path: Path) -> None:
    text = NET.replace("forward(self, x)", "forward(self, x, *, shift=None, scale=2.0)").replace(
        "return self.b(h)", "return {'first': self.b(h) * scale, 'last': self.b(h + shift)}"
    )
    module = made(tmp_path, text)
    given = {"shift": torch.randn(2, 16)}
    batch = torch.export.Dim("batch")
    program = torch.export.export(
        module, (torch.randn(2, 8),), {**given, "scale": 3.0},
        dynamic_shapes={"x": {0: batch}, "shift": {0: batch}, "scale": None},
    )  # fmt: skip
    torch.export.save(program, tmp_path / "net.pt2")
    opened = open_exported(reference_of(str(tmp_path / "net.pt2")))
    assert [each.name for each in opened.describe().inputs] == ["x", "shift"]
    x = torch.randn(4, 8)
    shift = torch.randn(4, 16)
    found = opened.run({"x": x.numpy(), "shift": shift.numpy()})
    expected = module(x, shift=shift, scale=3.0)
    assert {name: torch.allclose(torch.from_numpy(found[name]), expected[name], atol=1e-6)
            for name in expected} == {"first": True, "last": True}  # fmt: skip


def test_the_commands_read_programs_in_processes_of_their_own(tmp_path: Path) -> None:
    spec = written(tmp_path, json.dumps(SPEC), "net.json")
    path = exported(tmp_path, made(tmp_path, NET))
    done = CliRunner().invoke(main, ["verify", str(spec), "--against", str(path), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["against"] == "net.pt2"
    wrong = NET.replace("torch.tanh", "torch.relu")
    other = as_onnx(tmp_path / "other.onnx", wrong, "Net", torch.randn(2, 8), dynamo=True)
    done = CliRunner().invoke(main, ["compare", str(path), str(other), "--json"])
    assert done.exit_code == 1, done.output
    fault = json.loads(done.stdout)["faults"][0]
    assert fault["a"].startswith("theirs.py:12")
    assert "Relu" in fault["b"]


def test_a_program_that_takes_too_much_memory_is_refused_it(tmp_path: Path) -> None:
    text = NET.replace("(h)\n", "(h + torch.zeros(2**30).sum())\n")
    path = exported(tmp_path, made(tmp_path, text))
    with pytest.raises(UsageError, match=r"does not run.*memory"):
        verify_against(spec_of(SPEC), path, memory=2**30)


# What is no program, or holds more than one

Edit = Callable[[str, bytes], bytes]


def edited(path: Path, edit: Edit, more: dict[str, bytes] | None = None) -> Path:
    """Return a copy of a program with its parts changed, and others added."""
    other = path.with_name("edited.pt2")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            new.writestr(name, edit(name, old.read(name)))
        for name, data in (more or {}).items():
            new.writestr(name, data)
    return other


class _Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


def _opaque(name: str, data: bytes) -> bytes:
    if not name.endswith("model_constants_config.json"):
        return data
    part = {"path_name": "opaque_obj_0", "is_param": False, "use_pickle": True}
    return json.dumps({"config": {"x": {**part, "tensor_meta": None}}}).encode()


def touching(path: Path) -> str:
    """Return Python that makes a file."""
    return f"__import__('pathlib').Path({str(path)!r}).touch()"


def _unsafe(old: str, new: str) -> Edit:
    def edit(name: str, data: bytes) -> bytes:
        if not name.endswith("models/model.json"):
            return data
        text = json.dumps(json.loads(data), separators=(",", ":"))
        assert old in text
        return text.replace(old, new).encode()

    return edit


UNSAFE: dict[str, tuple[str, str, str]] = {
    "size": ("Symbol('s", "eval({code})+Symbol('s", "no plain formula"),
    "operator": ("torch.ops.aten.tanh.default", "torch.os.system", "torch.os.system"),
    "name": ('{"name":"x"}', '{"name":"x=({code})"}', "is no name"),
}


@pytest.mark.parametrize("case", UNSAFE)
def test_a_program_that_would_run_code_is_refused(case: str, tmp_path: Path) -> None:
    path = exported(tmp_path, made(tmp_path, NET))
    old, new, said = UNSAFE[case]
    code = touching(tmp_path / "ran")
    bad = edited(path, _unsafe(old, new.replace("{code}", code)))
    with pytest.raises(UsageError, match=said):
        open_exported(reference_of(str(bad)))
    assert not (tmp_path / "ran").exists()


def test_guards_of_a_program_are_not_run(tmp_path: Path) -> None:
    code = touching(tmp_path / "ran")
    path = exported(tmp_path, made(tmp_path, NET))

    def edit(name: str, data: bytes) -> bytes:
        if not name.endswith("models/model.json"):
            return data
        return json.dumps({**json.loads(data), "guards_code": [code]}).encode()

    opened = open_exported(reference_of(str(edited(path, edit))))
    opened.run({"x": torch.randn(2, 8).numpy()})
    assert not (tmp_path / "ran").exists()


def test_no_pickle_in_a_program_is_run(tmp_path: Path) -> None:
    path = exported(tmp_path, made(tmp_path, NET))
    bad = io.BytesIO()
    torch.save(_Touch(tmp_path / "ran"), bad)

    def sample(name: str, data: bytes) -> bytes:
        return bad.getvalue() if "sample_inputs" in name else data

    with pytest.raises(UsageError, match="is no program"):
        open_exported(reference_of(str(edited(path, sample))))
    touch = pickle.dumps(_Touch(tmp_path / "ran"))
    bad_path = edited(path, _opaque, {"net/data/constants/opaque_obj_0": touch})
    with pytest.raises(UsageError, match="holds a pickled object"):
        open_exported(reference_of(str(bad_path)))
    bad_path = edited(path, lambda _, data: data, {"net/data/aotinductor/model/run.so": b""})
    with pytest.raises(UsageError, match="holds compiled code"):
        open_exported(reference_of(str(bad_path)))
    assert not (tmp_path / "ran").exists()


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt2"
    path.write_bytes(b"no program")
    with pytest.raises(UsageError, match=r"net\.pt2 is no program.*torch\.export\.save"):
        open_exported(reference_of(str(path)))
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), path)
    with pytest.raises(UsageError, match=r"it is a file of TorchScript.*torch\.export\.save"):
        open_exported(reference_of(str(path)))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("version", "8.2")
    with pytest.raises(UsageError, match=r"of an older PyTorch.*torch\.export\.save"):
        open_exported(reference_of(str(path)))
    half = exported(tmp_path, made(tmp_path, NET).half(), torch.randn(2, 8).half())
    with pytest.raises(UsageError, match=r"float16, and float32 or float64 is .*model\.float"):
        open_exported(reference_of(str(half)))
    text = NET.replace("forward(self, x)", "forward(self, x, n)").replace("(h)\n", "(h * n)\n")
    program = torch.export.export(
        made(tmp_path, text), (torch.randn(2, 8), 3),
        dynamic_shapes=({0: torch.export.Dim("batch")}, torch.export.Dim.DYNAMIC),
    )  # fmt: skip
    torch.export.save(program, path)
    with pytest.raises(UsageError, match="takes the number n, and tensors are expected"):
        open_exported(reference_of(str(path)))
    with pytest.raises(UsageError, match="holds one program, without a name"):
        open_exported(reference_of(f"{path}:Net"))
