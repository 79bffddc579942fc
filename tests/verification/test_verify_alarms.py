"""What formulas lose in double precision, and what float32 does not hold, is nobody's fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec import layers
from nnspec.backend import get_backend
from nnspec.network.loader import Spec
from nnspec.verification.engines import SourceEngine
from nnspec.verification.recorder import Recorder
from nnspec.verification.report import Report
from nnspec.verification.slopes import SLOPES
from tests.verification.test_verify_conditioning import network, verified

LOST = {
    "gelu far below 0": network("type: rescaling, scale: 0.1, offset: -8", "type: gelu"),
    "elu of what is then taken away": network(
        "type: rescaling, scale: 0.1, offset: -30", "type: elu", "type: rescaling, offset: 1.0"
    ),
}  # fmt: skip
BEYOND = {
    "exponential": network("type: rescaling, offset: 120", "type: exponential", "type: reciprocal"),
    "squares": network("type: rescaling, scale: 1.0e+25", "type: layer_normalization"),
}
TINY = {
    "between layers": network(
        "type: rescaling, offset: -120", "type: exponential", "type: rescaling, scale: 1.0e+30",
        "type: rescaling, scale: 1.0e+22",
    ),
    "at the end": network("type: rescaling, scale: 1.0e-60", "type: tanh"),
}  # fmt: skip


def reasons(report: Report, kind: str) -> list[str]:
    return [each.reason for each in report.not_checked if each.kind == kind]


@pytest.mark.parametrize("spec", LOST.values(), ids=LOST)
def test_what_a_formula_loses_in_double_precision_is_no_fault(spec: Spec) -> None:
    report = verified(spec, "torch", "keras", "onnx")
    assert report.passed, report.to_json()


def test_a_wrong_constant_is_seen_beside_what_a_formula_loses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import nnspec_torch.lowerings as torch

    original = torch.LOWERINGS[layers.Rescaling]

    def wrong(layer: Any, context: Any) -> Any:
        return original(layer.model_copy(update={"offset": layer.offset + 0.01}), context)

    monkeypatch.setitem(torch.LOWERINGS, layers.Rescaling, wrong)
    report = verified(LOST["gelu far below 0"], "torch", "onnx")
    exact = [check for check in report.failures() if check.dtype == "float64"]
    assert exact
    assert all(check.layer == "rescaling_1" or check.kind == "range" for check in exact)


@pytest.mark.parametrize("spec", BEYOND.values(), ids=BEYOND)
def test_rows_with_numbers_inside_that_float32_does_not_hold_are_not_checked(spec: Spec) -> None:
    report = verified(spec, "torch", "keras", "onnx")
    assert report.passed, report.to_json()
    for kind in ("forward", "export", "dynamic_shape"):
        assert any("float32 does not hold" in reason for reason in reasons(report, kind))
    assert {check.kind for check in report.checks if check.dtype == "float32"} == {
        "interface",
        *(("first_weights",) if spec is BEYOND["squares"] else ()),
    }


def test_the_other_rows_are_checked_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = network("type: rescaling, scale: 2.0e+19", "type: square", "type: sqrt", shape="[1]")
    report = verified(spec, "torch", "onnx")
    assert report.passed, report.to_json()
    assert any("of the 8 rows" in reason for reason in reasons(report, "forward"))
    assert {"forward", "export"} <= {c.kind for c in report.checks if c.dtype == "float32"}
    slightly_wrong_in_float32(monkeypatch)
    report = verified(spec, "torch", "onnx")
    assert {(check.pair[0], check.dtype) for check in report.failures()} == {("torch", "float32")}


def slightly_wrong_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnspec_torch.runtime import TorchProgram

    original = TorchProgram.forward

    def forward(self: Any, inputs: Any) -> Any:
        outputs = original(self, inputs)
        is_single = str(self.dtype) == "torch.float32"
        return {name: a * (1 + 1e-3) if is_single else a for name, a in outputs.items()}

    monkeypatch.setattr(TorchProgram, "forward", forward)


@pytest.mark.parametrize("spec", TINY.values(), ids=TINY)
def test_what_float32_holds_as_nothing_is_not_checked_in_it(spec: Spec) -> None:
    report = verified(spec, "torch", "keras", "onnx")
    assert report.passed, report.to_json()
    assert any("rounding alone may move" in reason for reason in reasons(report, "forward"))


@pytest.mark.parametrize("tolerance", [1.0, 1e5, np.inf, np.nan])
def test_a_tolerance_that_allows_anything_is_not_checked_and_never_the_same(
    tolerance: float,
) -> None:
    recorder = Recorder(Report("Net", "", {}, 1))
    recorder.add("forward", ("torch", "keras"), "float32", 0.5, tolerance)
    recorder.add_errors(
        "range", "float64", "torch", {"keras": (0.5, tolerance), "onnx": (1e-12, 1e-9)}
    )
    assert [check.pair for check in recorder.report.checks] == [("onnx", "torch")]
    assert [each.pair for each in recorder.report.not_checked] == [
        ("torch", "keras"), ("keras", "torch"),
    ]  # fmt: skip


def test_what_exceeds_a_wide_tolerance_differs() -> None:
    recorder = Recorder(Report("Net", "", {}, 1))
    recorder.add("forward", ("torch", "keras"), "float32", 3.0, 2.0)
    assert not recorder.report.passed


DENSE = "type: dense, units: 8"
BENT = {
    "tanh": network(DENSE, "type: rescaling, scale: 0.1, offset: 9", "type: tanh"),
    "tanh fused, then normalised": network(
        "type: rescaling, scale: 0.1, offset: 9", "type: dense, units: 8, activation: tanh",
        "type: layer_normalization",
    ),
    "sigmoid, then normalised": network(
        DENSE, "type: rescaling, scale: 0.1, offset: 18", "type: sigmoid",
        "type: layer_normalization",
    ),
    "elu, then normalised": network(
        DENSE, "type: rescaling, scale: 0.1, offset: -18", "type: elu", "type: layer_normalization"
    ),
    "gelu": network(DENSE, "type: rescaling, scale: 0.1, offset: -7", "type: gelu"),
    "softmax whose length does not depend on its bias": network(
        "name: d, type: dense, units: 3", "name: s, type: softmax",
        "name: a, type: abs, inputs: [x]", shape="[4]", rest="outputs: [s, a]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("spec", BENT.values(), ids=BENT)
def test_what_a_derivative_loses_is_no_fault(spec: Spec) -> None:
    report = verified(spec, "torch", "keras")
    assert report.passed, report.to_json()


def test_a_wrong_derivative_is_seen_beside_what_others_lose(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from nnspec_torch.runtime import TorchProgram

    original = TorchProgram.gradients

    def gradients(self: Any, inputs: Any, target: Any) -> Any:
        loss, found = original(self, inputs, target)
        return loss, {name: a * (1 + 1e-5) if a.ndim == 2 else a for name, a in found.items()}

    monkeypatch.setattr(TorchProgram, "gradients", gradients)
    report = verified(BENT["tanh"], "torch", "keras")
    assert "gradient" in {check.kind for check in report.failures()}


def test_slopes_are_as_large_as_they_are() -> None:
    x = np.array([[-2.0, 0.5, 3.0]])
    cases: list[tuple[Any, Any, list[float]]] = [
        (layers.Tanh(), np.tanh(x), [3.0, 3.0, 3.0]),
        (layers.Elu(alpha=0.5), x, [0.5, 0.0, 0.0]),
        (layers.Softmax(), np.array([[0.5, 0.5, 0.0]]), [1.0, 1.0, 0.0]),
        (layers.UnitNormalization(), np.zeros((1, 3)), [1 / 13.25**0.5] * 3),
    ]
    for layer, y, expected in cases:
        size = SLOPES[type(layer)](layer, x, y, {}, "channels_last")
        np.testing.assert_allclose(size, [expected], err_msg=layer.type)


def test_a_row_of_which_nothing_but_rounding_is_left_is_not_checked() -> None:
    # Lengths of 1 in each place: of their normalisation nothing is left but rounding.
    spec = network(
        "type: reshape, shape: [6, 1]", "type: unit_normalization", "type: abs",
        "type: reshape, shape: [6]", "name: n, type: layer_normalization, center: false",
        shape="[6]",
    )  # fmt: skip
    report = verified(spec, "torch", "keras", "onnx")
    assert report.passed, report.to_json()


@pytest.mark.slow
def test_an_exporters_epsilon_in_float32_is_allowed_for_on_unusual_rows_too() -> None:
    spec = network("type: layer_normalization", shape="[3]")
    report = nnspec.verify(spec, backends=("torch", "onnx"), steps=1)
    assert report.passed, report.to_json()


@pytest.mark.slow
@pytest.mark.parametrize(
    "layer", ["reduce_norm, axes: [0]", "rescaling, offset: 9.0e-9", "rescaling, scale: 1.000009"]
)
def test_torchs_exporter_keeps_numbers_that_are_nearly_0_or_1(layer: str) -> None:
    report = nnspec.verify(
        network(f"type: {layer}", shape="[3]"), backends=("torch", "onnx"), steps=1
    )
    assert report.passed, report.to_json()


def test_what_must_not_matter_and_is_not_probed_is_said() -> None:
    spec = nnspec.loads(
        """
nnspec: 1
name: Masked
inputs: {x: {shape: [4, 6]}, kept: {shape: [4], dtype: bool}}
layers:
  - {name: a, type: multi_head_attention, num_heads: 2, key_padding: kept, inputs: [x]}
  - {name: r, type: gru, units: 2, return_sequences: true}
  - {name: t, type: permute, axes: [1, 0]}
"""
    )
    report = nnspec.verify(spec, backends=("torch", "onnx"), steps=1, batch=4, exporters=False)
    assert report.passed, report.to_json()
    said = " ".join(reasons(report, "meaning") + reasons(report, "dynamic_shape"))
    assert "causality: r may look back alone" in said
    assert "padding: what key_padding of a hides" in said
    assert "batches of 5 and 13: at most 4 are asked" in said


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("size", ["[1, 4]", "[1, 16]"])
def test_an_image_made_smaller_loads_in_onnx_runtime_as_it_is_by_default(
    data_format: str, size: str
) -> None:
    shape = "[2, 8, 2]" if data_format == "channels_last" else "[2, 2, 8]"
    resize = f"type: resize, size: {size}, interpolation: bicubic"
    report = verified(
        network(resize, shape=shape, rest=f"data_format: {data_format}"), "torch", "onnx"
    )
    assert report.passed, report.to_json()


FLAT = "type: rescaling, scale: 9", "type: gelu"
UNDECIDED = {
    "what is true": network(*FLAT, "type: cast, dtype: bool"),
    "what is largest": network(
        "type: softmin", "type: softmin", "type: argmax, axis: 0", shape="[6, 3, 2]"
    ),
}


@pytest.mark.parametrize("spec", UNDECIDED.values(), ids=UNDECIDED)
def test_what_rounding_decides_is_not_checked(spec: Spec) -> None:
    report = verified(spec, "torch", "onnx")
    assert report.passed, report.to_json()
    assert any("rounding alone" in reason for reason in reasons(report, "range"))


def test_a_wrong_choice_is_seen_beside_what_rounding_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import nnspec_torch.lowerings as torch

    original = torch.LOWERINGS[layers.Argmax]

    def wrong(layer: Any, context: Any) -> Any:
        return original(layer.model_copy(update={"axis": 1}), context)

    spec = network("type: softmin", "type: softmin", "type: argmax, axis: 0", shape="[3, 3, 2]")
    monkeypatch.setitem(torch.LOWERINGS, layers.Argmax, wrong)
    assert not verified(spec, "torch", "onnx").passed


def test_torchs_exporter_gives_floats_of_the_networks_precision(tmp_path: Path) -> None:
    import onnx

    spec = network("type: cast, dtype: float32", "type: sigmoid", dtype="int64")
    program = SourceEngine(get_backend("torch")).build(spec, {}, "float64")
    program.export_onnx(tmp_path / "model.onnx", 18)  # type: ignore[attr-defined]
    (output,) = onnx.load(tmp_path / "model.onnx").graph.output
    assert output.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE


@pytest.mark.slow
def test_an_exporter_is_not_accused_of_what_graph_optimisations_break() -> None:
    resize = "type: resize, size: [2, 2], interpolation: bicubic"
    spec = network(resize, shape="[4, 4, 2]", rest="data_format: channels_last")
    report = nnspec.verify(spec, backends=("torch", "onnx"), steps=1)
    assert report.passed, report.to_json()
    (reason,) = (why for why in reasons(report, "export") if "Cubic" in why)
    assert "runs the model without graph optimisations, and fails with them" in reason
