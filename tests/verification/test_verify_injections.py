"""A verification that cannot fail proves nothing: each known bug, put into one side, is found."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import nnspec
import nnspec_keras.lowerings as keras
import nnspec_torch.lowerings as torch
from nnspec import layers
from nnspec.cli import main
from nnspec.emit.code import Call
from nnspec.emit.lowering import Context, Lowered, lower
from nnspec.errors import UsageError
from nnspec.layers import Layer
from tests.source_trees import tree_of

pytestmark = pytest.mark.usefixtures("network_alone")

SPEC = """
nnspec: 1
name: Suspect
inputs:
  image: {shape: [2, 6, 6]}
layers:
  - {name: conv, type: conv2d, filters: 4, kernel_size: 3, padding: same, use_bias: false}
  - {name: norm, type: batch_normalization}
  - {name: bend, type: gelu}
  - {name: strided, type: conv2d, filters: 3, kernel_size: 3, strides: 2, padding: same}
  - {name: flat, type: flatten}
  - {name: square, type: dense, units: 27}
  - {name: drop, type: dropout, rate: 0.5}
  - {name: scores, type: dense, units: 4}
  - {name: probabilities, type: softmax}
training: {task: multiclass, optimizer: {type: adam, learning_rate: 0.01}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "suspect.yaml"
    path.write_text(SPEC)
    return path


def run_verify(path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, ["verify", str(path), "--json", "--no-processes", *arguments])
    return result.exit_code, json.loads(result.stdout)


def failed_layers(report: dict[str, Any], kind: str = "forward") -> set[str | None]:
    return {c["layer"] for c in report["checks"] if not c["passed"] and c["kind"] == kind}


def replace(
    monkeypatch: pytest.MonkeyPatch,
    table: Any,
    layer: type[Layer],
    change: Callable[[Any, Context, Callable[..., Lowered]], Lowered],
) -> None:
    original = partial(lower, table[layer])
    monkeypatch.setitem(table, layer, lambda given, context: change(given, context, original))


def test_nothing_injected_passes(spec: Path) -> None:
    code, report = run_verify(spec)
    assert report["passed"], report
    assert code == 0


def test_batch_normalization_epsilon(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(layer: Layer, context: Context, lower: Callable[..., Lowered]) -> Lowered:
        return lower(layer.model_copy(update={"epsilon": 1e-3}), context)

    replace(monkeypatch, keras.LOWERINGS, layers.BatchNormalization, wrong)
    code, report = run_verify(spec, "--backends", "torch,keras")
    assert code == 1
    assert failed_layers(report) == {"norm"}


def test_same_padding_shifted_by_one(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(layer: layers.Conv2D, context: Context, lower: Callable[..., Lowered]) -> Lowered:
        shape = context.inputs[0].shape
        pads = tuple((end, begin) for begin, end in layer.pads(shape, context.data_format))
        return lower(layer.model_copy(update={"padding": pads}), context)

    replace(monkeypatch, torch.LOWERINGS, layers.Conv2D, wrong)
    code, report = run_verify(spec, "--backends", "torch,keras")
    assert code == 1
    assert failed_layers(report) == {"strided"}


def test_flatten_in_channels_last_order(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(layer: Layer, context: Context, lower: Callable[..., Lowered]) -> Lowered:
        return Lowered(tree_of("torch.flatten({0}.permute(0, 2, 3, 1), 1)"))

    replace(monkeypatch, torch.LOWERINGS, layers.Flatten, wrong)
    code, report = run_verify(spec, "--backends", "torch,keras")
    assert code == 1
    assert failed_layers(report) == {"flat"}


def test_gelu_tanh_for_erf(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(layer: Layer, context: Context, lower: Callable[..., Lowered]) -> Lowered:
        return lower(layer.model_copy(update={"approximate": True}), context)

    replace(monkeypatch, torch.LOWERINGS, layers.Gelu, wrong)
    code, report = run_verify(spec, "--backends", "torch,onnx")
    assert code == 1
    assert failed_layers(report) == {"bend"}


def test_transposed_square_dense_kernel(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(layer: layers.Dense, context: Context, lower: Callable[..., Lowered]) -> Lowered:
        lowered = lower(layer, context)
        if context.inputs[0].shape[-1] != layer.units:
            return lowered
        natives = tuple(
            dataclasses.replace(native, permutation=None) for native in lowered.parameters
        )
        return lowered._replace(parameters=natives)

    replace(monkeypatch, keras.LOWERINGS, layers.Dense, wrong)
    code, report = run_verify(spec, "--backends", "torch,keras")
    assert code == 1
    assert failed_layers(report) == {"square"}


def test_dropout_active_at_inference(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(layer: layers.Dropout, context: Context, lower: Callable[..., Lowered]) -> Lowered:
        return Lowered(tree_of(f"F.dropout({{0}}, {layer.rate}, training=True)"))

    replace(monkeypatch, torch.LOWERINGS, layers.Dropout, wrong)
    code, report = run_verify(spec, "--backends", "torch,keras")
    assert code == 1
    assert failed_layers(report) == {"drop"}


def test_adam_epsilon(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnspec.language.optimizers.adam import Adam
    from nnspec_torch.optimizers import OPTIMIZERS, Made

    def wrong(row: Made, optimizer: Adam) -> Call:
        return original(row, optimizer.model_copy(update={"epsilon": 1e-4}))

    original = type(OPTIMIZERS[Adam]).__call__
    monkeypatch.setattr(type(OPTIMIZERS[Adam]), "__call__", wrong)
    code, report = run_verify(spec, "--backends", "torch,keras")
    assert code == 1
    assert all(check["passed"] for check in report["checks"] if check["kind"] == "gradient")
    (training,) = [check for check in report["checks"] if check["kind"] == "training"]
    assert not training["passed"]
    assert training["layer"] is None
    assert "optimizer differs" in training["detail"]


def test_the_batch_is_as_large_as_asked(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnspec_torch.runtime import TorchProgram

    seen: set[int] = set()

    def forward(self: TorchProgram, inputs: dict[str, Any]) -> dict[str, Any]:
        seen.update(map(len, inputs.values()))
        return original(self, inputs)

    def step(self: TorchProgram, inputs: dict[str, Any], target: Any) -> float:
        assert len(target) == 3
        seen.update(map(len, inputs.values()))
        return original_step(self, inputs, target)

    original, original_step = TorchProgram.forward, TorchProgram.train_step
    monkeypatch.setattr(TorchProgram, "forward", forward)
    monkeypatch.setattr(TorchProgram, "train_step", step)
    code, report = run_verify(spec, "--backends", "torch,onnx", "--batch", "3")
    assert (code, seen) == (0, {1, 3})
    assert report["seconds"] > 0


def test_a_batch_of_one_row_is_refused(spec: Path) -> None:
    result = CliRunner().invoke(main, ["verify", str(spec), "--batch", "1"])
    assert result.exit_code == 2
    assert "1 is not in the range x>=2" in result.stderr
    with pytest.raises(UsageError, match="at least 2 rows, not 1"):
        nnspec.verify(nnspec.load(spec), batch=1)


def test_stock_keras_adam_is_shown_to_differ(spec: Path) -> None:
    code, report = run_verify(spec, "--backends", "torch,keras", "--stock")
    assert code == 1
    assert failed_layers(report, "training") == {None}


def test_gradient_lost_behind_one_of_several_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(
        "{nnspec: 1, name: Two, inputs: {x: {shape: [3]}}, outputs: [first, second], layers: ["
        "{name: first, type: dense, units: 4}, {name: scores, type: dense, units: 2, inputs: [x]}, "
        "{name: second, type: tanh}]}"
    )
    assert run_verify(path, "--backends", "torch,keras")[0] == 0

    def wrong(layer: Layer, context: Context, lower: Callable[..., Lowered]) -> Lowered:
        return Lowered(tree_of("torch.tanh({0}.detach())"))

    replace(monkeypatch, torch.LOWERINGS, layers.Tanh, wrong)
    code, report = run_verify(path, "--backends", "torch,keras")
    assert code == 1
    assert failed_layers(report) == set()
    assert failed_layers(report, "gradient") == {"second"}
