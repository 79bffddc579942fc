"""No one is accused where onnx's reference evaluator is wrong, or a number is float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import nnspec
import nnspec_onnx.lowerings as onnx_table
import nnspec_onnx.runtime as onnx_runtime
from nnspec import layers
from nnspec.network.loader import Spec, loads
from nnspec.verification.report import Report
from nnspec_onnx.referee import moved_by_float32


def network(*given: str, shape: str = "[2, 5]") -> Spec:
    listed = "\n".join(f"  - {{{layer}}}" for layer in given)
    return loads(f"nnspec: 1\nname: Net\ninputs: {{x: {{shape: {shape}}}}}\nlayers:\n{listed}\n")


def verified(spec: Spec, *, exporters: bool = False) -> Report:
    return nnspec.verify(spec, backends=("torch", "onnx"), steps=1, batch=2, exporters=exporters)


def evaluate_by(monkeypatch: pytest.MonkeyPatch, name: str, run: Callable[..., Any]) -> None:
    """Let the reference evaluator compute an operator in this way."""
    real = onnx_runtime.double_ops  # type: ignore[attr-defined]

    def ops(operator: Any, *others: Any) -> list[Any]:
        wrong = type(name, (operator,), {"op_domain": "", "_run": lambda self, *x, **_: (run(*x),)})
        return [*(each for each in real(operator, *others) if each.__name__ != name), wrong]

    monkeypatch.setattr(onnx_runtime, "double_ops", ops)


def fail(*given: Any) -> Any:
    raise ValueError("not written yet")


def test_an_evaluator_that_is_wrong_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate_by(monkeypatch, "Tanh", lambda x: np.tanh(x) + 1e-4)
    report = verified(network("type: tanh"))
    assert report.passed, report.to_json()
    (note,) = [note for note in report.notes if "reference evaluator" in note]
    assert "computes Tanh otherwise than ONNX Runtime" in note
    assert "compared in ONNX Runtime, in double precision" in note


def test_an_evaluator_that_fails_is_not_the_models_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate_by(monkeypatch, "Tanh", fail)
    report = verified(network("type: tanh"))
    assert report.passed, report.to_json()
    assert any("fails on it (ValueError: not written yet)" in note for note in report.notes)


@pytest.mark.parametrize(
    "run", [fail, lambda *given: np.zeros((2, 3, 3))], ids=["fails", "differs"]
)
def test_where_no_double_kernel_is_either_float32_alone_is_compared(
    monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]
) -> None:
    evaluate_by(monkeypatch, "Conv", run)
    report = verified(network("type: conv1d, filters: 3, kernel_size: 3"))
    assert report.passed, report.to_json()
    left_out = {(each.kind, each.pair) for each in report.not_checked}
    assert {("forward", ("onnx",)), ("dynamic_shape", ("onnx",))} <= left_out
    assert any("compared in float32 alone" in each.reason for each in report.not_checked)
    assert {check.pair[0] for check in report.checks if check.kind == "export"} == {
        "onnx",
        "onnx, optimized",
    }


def sine(layer: Any, at: Any) -> Any:
    return (at.node("Sin", *at.inputs),)


def test_a_wrong_model_is_accused_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(onnx_table.LOWERINGS, layers.Tanh, sine)
    report = verified(network("name: bent, type: tanh"))
    assert {check.layer for check in report.failures()} == {"bent"}
    assert not any("reference evaluator" in note for note in report.notes)


def test_a_wrong_model_is_accused_where_the_evaluator_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evaluate_by(monkeypatch, "Conv", fail)
    monkeypatch.setitem(onnx_table.LOWERINGS, layers.Tanh, sine)
    report = verified(network("type: conv1d, filters: 3, kernel_size: 3", "type: tanh"))
    assert any("gives something else than expected" in each.detail for each in report.failures())


def test_float32_within_an_exporters_model_is_measured() -> None:
    spec = network("type: square", "type: rescaling, offset: 0.1", "type: log")
    report = verified(spec, exporters=True)
    assert report.passed, report.to_json()
    (note,) = [note for note in report.notes if note.startswith("onnx-via-torch: the model holds")]
    assert "moves the outputs by" in note
    widened = [check.tolerance for check in report.checks if "onnx-via-torch" in check.pair]
    assert max(widened[:2]) < 1e-6


def moved(*nodes: onnx.NodeProto, functions: list[onnx.FunctionProto] | None = None) -> float:
    """Return how far what a model of x has in float32 moves its y, which is of about 1."""
    shown = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [4]) for name in ("x", "y")]
    graph = helper.make_graph([*nodes], "net", shown[:1], shown[1:])
    domains = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, opset_imports=domains, ir_version=10, functions=functions)
    reference = onnx_runtime.evaluator(model)
    feeds = {"x": np.linspace(-2.0, -1.0, 4)}
    (before,) = reference.run(None, feeds)
    given = moved_by_float32(
        reference, lambda: {"y": reference.run(None, feeds)[0]}, np.random.default_rng(0)
    )
    np.testing.assert_array_equal(reference.run(None, feeds)[0], before)
    return float(np.max(np.abs(given["y"] - before)))


def test_the_default_of_an_attribute_is_held_in_float32_too() -> None:
    assert 1e-8 < moved(helper.make_node("Selu", ["x"], ["y"])) < 1e-6
    assert moved(helper.make_node("Celu", ["x"], ["y"])) == 0.0  # its default is 1


def test_what_a_function_of_a_model_holds_in_float32_is_measured() -> None:
    body = [
        helper.make_node("Constant", [], ["c"], value_float=0.1),
        helper.make_node("CastLike", ["c", "x"], ["d"]),
        helper.make_node("Add", ["x", "d"], ["y"]),
    ]
    function = helper.make_function(
        "own", "Shift", ["x"], ["y"], body, [helper.make_opsetid("", 21)]
    )
    node = helper.make_node("Shift", ["x"], ["y"], domain="own")
    assert 1e-9 < moved(node, functions=[function]) < 1e-7


def test_what_the_turns_of_a_loop_give_is_stacked() -> None:
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still"]),
            helper.make_node("Add", ["state", "step"], ["next"]),
            helper.make_node("Identity", ["next"], ["seen"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
            helper.make_tensor_value_info("state", TensorProto.DOUBLE, [2, 3]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.DOUBLE, [2, 3]),
            helper.make_tensor_value_info("seen", TensorProto.DOUBLE, [2, 3]),
        ],
    )
    node = helper.make_node("Loop", ["turns", "", "x"], ["last", "all"], body=body)
    graph = helper.make_graph(
        [node],
        "looped",
        [
            helper.make_tensor_value_info("turns", TensorProto.INT64, []),
            helper.make_tensor_value_info("x", TensorProto.DOUBLE, [2, 3]),
            helper.make_tensor_value_info("step", TensorProto.DOUBLE, [2, 3]),
        ],
        [
            helper.make_tensor_value_info("last", TensorProto.DOUBLE, [2, 3]),
            helper.make_tensor_value_info("all", TensorProto.DOUBLE, ["turns", 2, 3]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    x, step = np.zeros((2, 3)), np.arange(6.0).reshape(2, 3)
    feeds = {"turns": np.array(4), "x": x, "step": step}
    last, seen = onnx_runtime.evaluator(model).run(None, feeds)
    np.testing.assert_array_equal(last, 4 * step)
    np.testing.assert_array_equal(seen, np.stack([k * step for k in range(1, 5)]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["simple_rnn", "gru", "lstm"])
@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "bidirectional"])
@pytest.mark.parametrize("sequences", ["true", "false"])
def test_recurrent_layers_that_keras_exports_are_right(
    kind: str, sequences: str, *, wrapped: bool
) -> None:
    layer = f"type: {kind}, units: 3, return_sequences: {sequences}"
    spec = network(f"type: bidirectional, layer: {{{layer}}}" if wrapped else layer)
    report = nnspec.verify(spec, backends=("torch", "keras", "onnx"), steps=1, batch=2)
    assert report.passed, report.to_json()
    assert any("onnx-via-keras" in check.pair for check in report.checks)


def test_one_output_of_floats_beside_one_of_whole_numbers_is_trained() -> None:
    text = """
nnspec: 1
name: Net
inputs: {x: {shape: [3]}}
layers:
  - {name: scores, type: dense, units: 3}
  - {name: best, type: argmax}
outputs: [scores, best]
"""
    report = nnspec.verify(
        loads(text), backends=("torch", "keras"), steps=1, batch=2, exporters=False
    )
    assert report.passed, report.to_json()
    assert any("scores, which alone holds floats" in note for note in report.notes)
    assert {"gradient", "training"} <= {check.kind for check in report.checks}


DENSE = "type: dense, units: 4"
NOT_FINITE = {
    "a logarithm of negative numbers": (DENSE, "type: log"),
    "a sum of infinities": (DENSE, "type: rescaling, scale: 1.0e+25", *["type: square"] * 4, DENSE),
    "a reciprocal of both zeros": ("type: relu", "type: reciprocal"),
}


@pytest.mark.parametrize("given", NOT_FINITE.values(), ids=NOT_FINITE)
def test_what_is_not_finite_anywhere_is_not_checked(given: tuple[str, ...]) -> None:
    report = verified(network(*given, shape="[8]"))
    assert report.passed, report.to_json()
    assert any("are not finite: only that they" in each.reason for each in report.not_checked)


def test_outputs_that_are_finite_nowhere_are_not_called_verified() -> None:
    report = verified(network("type: relu", "type: negative", "type: log", shape="[8]"))
    blank = "no output is finite, so that no value was compared"
    assert report.passed
    assert (report.blank, report.verdict, report.as_json()["verdict"]) == (blank, blank, blank)
    assert blank in repr(report)
    assert blank in report.to_html()


def test_what_is_not_finite_on_one_side_alone_is_accused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(onnx_table.LOWERINGS, layers.Log, sine)
    report = verified(network(DENSE, "name: bent, type: log", shape="[8]"))
    assert {check.layer for check in report.failures()} >= {"bent"}


def test_what_float32_does_not_hold_is_not_checked_in_it() -> None:
    report = verified(network("type: rescaling, scale: 1.0e+25", "type: square", shape="[8]"))
    assert report.passed, report.to_json()
    assert any("not finite in float32" in each.reason for each in report.not_checked)


def test_a_training_that_overflows_is_not_checked() -> None:
    text = """
nnspec: 1
name: Net
inputs: {x: {shape: [8]}}
layers: [{type: dense, units: 4}, {type: dense, units: 4}]
training: {task: regression, optimizer: {type: sgd, learning_rate: 1.0e+38}}
"""
    report = nnspec.verify(
        loads(text), backends=("torch", "keras"), steps=5, batch=2, exporters=False
    )
    assert report.passed, report.to_json()
    (left,) = [each for each in report.not_checked if each.kind == "training"]
    assert "what is not finite with either is not compared" in left.reason
    assert "gradient" in {check.kind for check in report.checks}
