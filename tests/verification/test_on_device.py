"""Programs of a device beside those of the processor; here the processor stands for the device."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch.overrides import TorchFunctionMode

import nnspec
import nnspec_keras.runtime
import nnspec_torch.runtime
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.network.loader import Spec, loads
from nnspec.verification import engine_list, placing
from nnspec.verification.placing import TF32_ROUNDOFF, Placing
from nnspec.verification.report import Report
from nnspec.verification.settings import Settings
from nnspec.verification.verifier import verify_spec
from tests.golden_files import ROOT

DEEP = [
    {"type": "dense", "units": 32, "activation": "tanh"},
    {"type": "layer_normalization"},
    {"type": "dense", "units": 32, "activation": "gelu"},
    {"type": "dense", "units": 3},
]
IMAGES = [
    {"type": "conv2d", "filters": 8, "kernel_size": 3, "activation": "relu"},
    {"type": "max_pooling2d", "pool_size": 2},
    {"type": "flatten"},
    {"type": "dense", "units": 5},
]
TEXTS = [
    {"name": "rows", "type": "reshape", "shape": [4, 16]},
    {"name": "mixed", "type": "multi_head_attention", "num_heads": 2},
    {"type": "add", "inputs": ["rows", "mixed"]},
    {"type": "dense", "units": 6, "activation": "relu"},
]
NETWORKS: dict[str, tuple[list[int], list[dict[str, Any]]]] = {
    "deep": ([20], DEEP),
    "images": ([2, 10, 10], IMAGES),
    "texts": ([64], TEXTS),
}
PRODUCTS = {
    torch.nn.functional.linear,
    torch.nn.functional.conv2d,
    torch.nn.functional.scaled_dot_product_attention,
    torch.matmul,
    torch.Tensor.matmul,
    torch.Tensor.__matmul__,
}


def network(name: str = "deep") -> Spec:
    shape, layers = NETWORKS[name]
    document = {"nnspec": 1, "name": "Net", "inputs": {"x": {"shape": shape}}, "layers": layers}
    return loads(json.dumps(document), is_json=True)


class Rounding(TorchFunctionMode):
    """Rounds the factors of products of float32 to the ten bits of TF32, as such a GPU does."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in PRODUCTS:
            args = (*map(rounded, args[:3]), *args[3:])
        return func(*args, **(kwargs or {}))


def rounded(value: Any) -> Any:
    if not isinstance(value, torch.Tensor) or value.dtype != torch.float32:
        return value
    bits = value.detach().contiguous().view(torch.int32)
    return ((bits + (1 << 12)) & ~((1 << 13) - 1)).view(torch.float32)


@contextmanager
def emulated(asked: str) -> Iterator[None]:
    if asked != "on":
        yield
        return
    with Rounding():
        yield


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is the processor, and rounds factors where it is told to."""

    def device_of(asked: str, dtype: torch.dtype, *, is_shared: bool = False) -> torch.device:
        return torch.device("cpu")

    monkeypatch.setattr(nnspec_torch.runtime, "device_of", device_of)
    monkeypatch.setattr(nnspec_torch.runtime, "rounding_factors", emulated)
    monkeypatch.setattr(nnspec_keras.runtime, "place_on", lambda asked: "cuda")


def verified(spec: Spec, **settings: Any) -> Report:
    return verify_spec(spec, Settings(device="cuda", steps=2, exporters=False, **settings))


def error_of(report: Report, label: str, dtype: str) -> tuple[float, float]:
    (found,) = [
        each
        for each in report.checks
        if each.pair[0] == label and each.dtype == dtype and each.kind == "forward"
    ]
    return found.error, found.tolerance


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("name", NETWORKS)
def test_a_device_is_compared_in_each_arithmetic(name: str) -> None:
    report = verified(network(name), backends=("torch", "keras", "onnx"))
    assert report.passed, report.to_json()
    pairs = {each.pair for each in report.checks if each.kind in ("forward", "training")}
    assert {("torch", "torch-cuda"), ("torch", "keras-cuda"), ("keras", "torch-cuda")} <= pairs
    assert any("torch-cuda computes on cpu" in note for note in report.notes)
    plain, narrow = error_of(report, "torch", "float32")
    error, tolerance = error_of(report, "torch-cuda-tf32", "float32")
    assert plain < narrow < error < tolerance < 0.2
    left_out = {(each.kind, each.pair) for each in report.not_checked}
    assert ("gradient", ("torch-cuda-tf32",)) in left_out
    assert (None, ("onnx",)) in left_out


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize(
    ("dtype", "factor", "label"),
    [(torch.float64, 1 + 1e-7, "torch-cuda"), (torch.float32, 1.05, "torch-cuda-tf32")],
)
def test_a_device_that_computes_something_else_differs(
    dtype: torch.dtype, factor: float, label: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = nnspec_torch.runtime.TorchProgram.forward

    def wrong(program: Any, inputs: Any) -> Any:
        outputs = forward(program, inputs)
        is_there = program.tf32 == ("on" if dtype == torch.float32 else "off")
        if not is_there or program.dtype != dtype:
            return outputs
        return {name: value * factor for name, value in outputs.items()}

    monkeypatch.setattr(nnspec_torch.runtime.TorchProgram, "forward", wrong)
    report = verified(network(), backends=("torch", "keras"), levels=("outputs",))
    assert not report.passed
    assert {label in "".join(each.pair) for each in report.checks if not each.passed} == {True}


def test_it_computes_in_processes_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def here(backend: Any, device: str) -> Iterator[Placing]:
        if backend.name != "onnx":
            yield Placing("cuda", {"device": "cpu", "tf32": "off"})
            yield Placing("cuda-tf32", {"device": "cpu", "tf32": "on"}, "float32 alone", 1e-3)

    monkeypatch.setattr(engine_list, "on_device", here)
    report = nnspec.verify(network(), device="cuda", steps=1, exporters=False)
    assert report.passed, report.to_json()
    labels = {label for each in report.checks for label in each.pair}
    assert {"torch-cuda", "keras-cuda", "torch-cuda-tf32", "keras-cuda-tf32"} <= labels


def test_a_device_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(network().to_yaml())
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    result = CliRunner().invoke(main, ["verify", str(path), "--device", "cuda"])
    assert result.exit_code == 2
    assert "there is no device cuda for PyTorch" in result.output
    assert "there is no device cuda for TensorFlow" in result.output
    result = CliRunner().invoke(main, ["verify", str(path), "--device", "cuda", "--no-processes"])
    assert (result.exit_code, "leave one out" in result.output) == (2, True)
    with pytest.raises(UsageError, match='"tpu" is no device to compare with the processor'):
        nnspec.verify(network(), device="tpu")
    with pytest.raises(UsageError, match="mps for TensorFlow, in which a GPU of Apple"):
        verify_spec(network(), Settings(device="mps", backends=("keras", "onnx")))


def test_the_roundoff_is_that_of_ten_bits() -> None:
    values = torch.linspace(1, 2, 100_001)
    error = float(((rounded(values) - values) / values).abs().max())
    assert TF32_ROUNDOFF / 1.01 < error <= TF32_ROUNDOFF
    assert placing.FACTORS == 2


def test_an_example_is_verified_on_a_device(device: None) -> None:
    spec = nnspec.load(ROOT / "specs" / "digits_cnn.yaml")
    assert verified(spec, backends=("torch", "onnx")).passed
