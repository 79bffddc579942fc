"""Where a formula subtracts, float32 loses more: measured, and no hiding place for a fault."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec import layers
from nnspec.network.loader import Spec, loads
from nnspec.verification.inner import INNER
from nnspec.verification.networks import untrained_parameters
from nnspec.verification.report import Report


def network(*given: str, shape: str = "[8]", dtype: str = "float32", rest: str = "") -> Spec:
    listed = "\n".join(f"  - {{{layer}}}" for layer in given)
    return loads(
        f"nnspec: 1\nname: Net\ninputs: {{x: {{shape: {shape}, dtype: {dtype}}}}}\n"
        f"layers:\n{listed}\n{rest}\n"
    )


def verified(spec: Spec, *backends: str) -> Report:
    return nnspec.verify(spec, backends=backends, steps=2, exporters=False)


SMALL = "type: rescaling, scale: 0.1"
EMBEDDING = "type: embedding, input_dim: 20, output_dim: 8"
CASES = {
    "tanh_shrink": network(SMALL, "type: tanh_shrink"),
    "elu of an embedding": network(EMBEDDING, "type: elu", dtype="int64"),
    "glu": network(
        "type: tanh", "type: rescaling, scale: 0.1, offset: -12", "type: glu"
    ),
    "normalisation of infinities": network(
        "type: rescaling, scale: 0.1, offset: 9", "type: exponential", "type: layer_normalization"
    ),
    "sigmoid": network("type: rescaling, scale: 0.1, offset: -12", "type: sigmoid"),
    "silu": network("type: rescaling, scale: 0.1, offset: -12", "type: silu"),
    "swiglu of what is then of length 1": network(
        "type: rescaling, scale: 0.1, offset: -9", "type: swiglu", "type: unit_normalization"
    ),
    "selu": network("type: rescaling, scale: 0.01", "type: selu"),
    "celu": network("type: clip, min_value: -0.01, max_value: 0.01", "type: celu, alpha: 3"),
    "elu fused into a layer": network("type: dense, units: 4, activation: elu"),
    "groups of nearly equal numbers": network(
        "type: log_softmax", "type: group_normalization, groups: 3", shape="[6]"
    ),
    "a mean far from 0": network(
        "type: rescaling, offset: 1000", "type: layer_normalization"
    ),
    "one number": network("name: n, type: layer_normalization", shape="[4, 1]"),
    "a long sum of which little is left": network(
        "type: global_average_pooling3d", shape="[7, 4, 4, 4]", rest="data_format: channels_first"
    ),
    "the length of many numbers": network(
        "type: reduce_norm, axes: [0, 1, 2, 3, 4]", shape="[5, 3, 3, 5, 6]"
    ),
    "many numbers by their length": network("type: l2_normalize", shape="[2000]"),
    "many numbers by their mean square": network("type: rms_normalization", shape="[2000]"),
    "a variance far from 0": network(
        "type: rescaling, offset: 300", "type: reduce_variance, axes: [0]"
    ),
}  # fmt: skip


@pytest.mark.parametrize("spec", CASES.values(), ids=CASES)
def test_no_false_alarm(spec: Spec) -> None:
    report = verified(spec, "torch", "keras", "onnx")
    assert report.passed, report.to_json()


def test_what_is_measured_is_said_and_stands_in_float32_alone() -> None:
    report = verified(CASES["groups of nearly equal numbers"], "torch", "onnx")
    (note,) = {note for note in report.notes if note.startswith("ill-conditioned here: ")}
    assert "group_normalization_1 gives what is left of numbers up to" in note
    widened = [check for check in report.checks if check.tolerance > 1e-5]
    assert widened
    assert {check.dtype for check in widened} == {"float32"}


def test_a_wrong_network_does_not_pass_as_ill_conditioned(monkeypatch: pytest.MonkeyPatch) -> None:
    import nnspec_torch.lowerings as torch

    original = torch.LOWERINGS[layers.GroupNormalization]

    def wrong(layer: Any, context: Any) -> Any:
        return original(layer.model_copy(update={"epsilon": 1.1e-5}), context)

    monkeypatch.setitem(torch.LOWERINGS, layers.GroupNormalization, wrong)
    report = verified(CASES["groups of nearly equal numbers"], "torch", "onnx")
    exact = [check for check in report.checks if check.dtype == "float64" and not check.passed]
    assert {check.layer for check in exact} == {"group_normalization_1"}


@pytest.mark.parametrize("offset", [1e-2, 1.0])
def test_what_is_wrong_in_float32_alone_is_found(
    monkeypatch: pytest.MonkeyPatch, offset: float
) -> None:
    from nnspec_torch.runtime import TorchProgram

    original = TorchProgram.forward

    def forward(self: Any, inputs: Any) -> Any:
        outputs = original(self, inputs)
        is_single = str(self.dtype) == "torch.float32"
        return {name: a * (1 + 1e-4) if is_single else a for name, a in outputs.items()}

    monkeypatch.setattr(TorchProgram, "forward", forward)
    spec = network(f"type: rescaling, scale: {offset}", "type: tanh_shrink")
    report = verified(spec, "torch", "onnx")
    assert {check.pair[0] for check in report.failures()} == {"torch"}


def test_the_numbers_within_a_formula_are_as_large_as_they_are() -> None:
    x = np.array([[-2.0, 0.5, 3.0]])
    cases: list[tuple[Any, list[float]]] = [
        (layers.TanhShrink(), [2.0, 0.5, 3.0]),
        (layers.Elu(alpha=0.5), [1.0, 0.0, 0.0]),
        (layers.Celu(alpha=2.0), [2.0, 0.0, 0.0]),
        (layers.LogSoftmax(), [5.0, 3.5, 6.0]),
        (layers.Rescaling(scale=2.0, offset=-1.0), [5.0, 2.0, 7.0]),
    ]
    for layer, expected in cases:
        inner = INNER[type(layer)](layer, x, {}, "channels_last")
        np.testing.assert_allclose(inner, [expected], err_msg=layer.type)


def test_a_length_is_off_by_half_of_what_its_square_is() -> None:
    x = np.random.default_rng(0).normal(size=(2, 50))
    squares = np.square(x)
    off = np.sqrt(np.sum(np.cumsum(squares, axis=-1) ** 2, axis=-1, keepdims=True)) * 1e-9
    length = np.sqrt(np.sum(squares, axis=-1, keepdims=True))
    longer = np.sqrt(length**2 + off)
    root = np.sqrt(50)
    cases: list[tuple[Any, Any]] = [
        (layers.ReduceNorm(axes=(0,), keepdims=True), longer - length),
        (layers.L2Normalize(), np.abs(x / length - x / longer)),
        (layers.UnitNormalization(axis=0), np.abs(x / length - x / longer)),
        (layers.RmsNormalization(), 2 * root * np.abs(x / length - x / longer)),
    ]
    for layer, size in cases:
        inner = INNER[type(layer)](layer, x, {"weight": np.array([-2.0, 1.0])}, "channels_last")
        np.testing.assert_allclose(inner * 1e-9, size, rtol=1e-5, err_msg=layer.type)


def test_the_sums_so_far_are_as_large_as_they_are() -> None:
    x = np.arange(24.0).reshape(1, 2, 3, 4) - 11
    so_far = np.cumsum(x.reshape(2, 12), axis=-1)
    expected = np.sqrt(np.sum(so_far**2, axis=-1))
    whole = {"axes": (1, 2)}
    cases: list[tuple[Any, Any]] = [
        (layers.ReduceSum(**whole), expected[None]),
        (layers.ReduceSum(**whole, keepdims=True), expected[None, :, None, None]),
        (layers.ReduceMean(**whole), expected[None] / 12),
        (layers.GlobalAveragePooling2D(), expected[None] / 12),
        (layers.GlobalAveragePooling2D(keepdims=True), expected[None, :, None, None] / 12),
    ]
    for layer, size in cases:
        inner = INNER[type(layer)](layer, x, {}, "channels_first")
        assert inner.shape == size.shape
        np.testing.assert_allclose(inner, size, err_msg=layer.type)


def test_parameters_that_reach_no_output_are_a_note() -> None:
    spec = network("name: d, type: dense, units: 2", "name: c, type: constant, value: [1, 2]")
    report = verified(spec, "torch", "keras")
    assert report.passed, report.to_json()
    assert any(
        note.startswith("d.weight, d.bias: no output has a gradient by them")
        for note in report.notes
    )
    reasons = {each.kind: each.reason for each in report.not_checked}
    assert reasons["gradient"] == reasons["training"] == "no output has a gradient by a parameter"


def test_parameters_of_parts_of_a_layer_reach_what_the_layer_reaches() -> None:
    attention = {"type": "multi_head_attention", "num_heads": 2}
    spec = nnspec.loads(
        json.dumps(
            {
                "nnspec": 1,
                "name": "Parts",
                "inputs": {"x": {"shape": ["time", 4]}},
                "layers": [
                    {"name": "a", **attention},
                    {"name": "b", "type": "shared", "layer": "a", "inputs": ["a"]},
                    {
                        "name": "c",
                        "type": "bidirectional",
                        "layer": {"type": "gru", "units": 2, "return_sequences": True},
                    },
                    {"name": "m", "type": "reduce_mean", "axes": "time", "inputs": ["c"]},
                ],
            }
        ),
        is_json=True,
    )
    assert untrained_parameters(spec.graph) == []
    report = verified(spec, "torch", "keras")
    assert report.passed, report.to_json()
    assert {"gradient", "training"} <= {check.kind for check in report.checks}


def test_only_floats_carry_a_gradient_to_a_parameter() -> None:
    spec = network(
        "name: a, type: dense, units: 3",
        "name: i, type: argmax, axis: 0",
        "name: e, type: embedding, input_dim: 3, output_dim: 2",
    )
    assert untrained_parameters(spec.graph) == ["a.weight", "a.bias"]


@pytest.mark.parametrize(("scale", "is_told"), [("3.0e+4", True), ("20.0", False)])
def test_agreement_that_says_little_is_called_so(scale: str, is_told: bool) -> None:
    spec = network("type: dense, units: 8", f"type: rescaling, scale: {scale}", "type: sin")
    report = verified(spec, "torch", "onnx")
    assert report.passed, report.to_json()
    assert [each.dtype for each in report.ill_conditioned] == ["float32"] * is_told
    for each in report.ill_conditioned:
        assert 0.01 < each.moved < 0.25
        assert report.remarks() == [f"ill-conditioned: {each.told()}"]
        assert each.told().endswith("%: agreement says little here")
        assert each.told() in report.to_json()
        assert each.told() in report.to_html()
