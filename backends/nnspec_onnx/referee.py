"""Decides between an ONNX model and onnx's reference evaluator, where the model seems wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from nnspec.backend import Array

DOUBLE, SINGLE = 1e-6, 1e-3
"""Relative: ONNX holds attributes in float32, and what has no double kernel runs in it."""
_LOST = 4.0
"""Places of float32, of what an operator takes."""
_SHORT = 12
"""Bits of a number that was meant as it stands in float32: 0.5, 3, 1.625."""


def disagreements(reference: Any, feeds: Mapping[str, Array]) -> list[str]:
    """Return the types of operators that ONNX Runtime, given the same, computes otherwise.

    reference: an onnx.reference.ReferenceEvaluator. An operator that ONNX Runtime cannot run alone
    is none.
    """
    seen = reference.run(None, dict(feeds), intermediate=True)
    wrong: dict[str, None] = {}
    for node, operator in zip(reference.proto_.graph.node, reference.rt_nodes_, strict=True):
        if operator.op_type in wrong:
            continue
        expected = {name: seen[name] for name in node.output if name}
        given = {name: seen[name] for name in _taken(node) if name in seen}
        for dtype, tolerance in ((np.float64, DOUBLE), (np.float32, SINGLE)):
            try:
                results = _run_alone(reference.proto_, node, given, expected, dtype)
            except Exception:  # of many kinds: no kernel, no valid model in this type
                continue
            least = _lost_in_single(given) if dtype is np.float32 else 0.0
            for result, wanted in zip(results, expected.values(), strict=True):
                if not _is_close(result, wanted, tolerance, least):
                    wrong[node.op_type] = None
            break
    return list(wrong)


def _lost_in_single(given: Mapping[str, Any]) -> float:
    """Return what an operator may be off by in float32 where its formula subtracts."""
    arrays = [np.asarray(value) for value in given.values()]
    largest = (
        float(np.max(np.abs(array), initial=0.0, where=np.isfinite(array)))
        for array in arrays
        if array.dtype.kind == "f"
    )
    return _LOST * 2.0**-24 * max(largest, default=0.0)


def in_double(reference: Any) -> bytes:
    """Return the evaluator's model as a file's bytes, every tensor within it."""
    model = onnx.ModelProto()
    model.CopyFrom(reference.proto_)
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            array = reference.rt_inits_[tensor.name]
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(array), tensor.name))
    message: bytes = model.SerializeToString()
    return message


def moved_by_float32(
    reference: Any,
    run: Callable[[], Mapping[str, Array]],
    draw: np.random.Generator,
) -> Mapping[str, Array]:
    """Return the outputs with all that the model holds or computes in float32 off by one place.

    The last place of float32; what is short in it, such as a size, stays. The evaluator is as
    before when this returns.
    """
    restore: list[Callable[[], None]] = []
    try:
        for evaluator in _evaluators(reference):
            for name, value in list(evaluator.rt_inits_.items()):
                evaluator.rt_inits_[name] = _moved_constant(value, draw)
                restore.append(lambda e=evaluator, n=name, v=value: e.rt_inits_.update({n: v}))  # type: ignore[misc]
            for operator in evaluator.rt_nodes_:
                _move_operator(operator, draw, restore)
        return run()
    finally:
        for undo in reversed(restore):
            undo()


def operators(reference: Any) -> set[str]:
    """Return the types of the model's operators, those within others too."""
    return {each.op_type for inner in _evaluators(reference) for each in inner.rt_nodes_}


def _move_operator(
    operator: Any, draw: np.random.Generator, restore: list[Callable[[], None]]
) -> None:
    # What a node does not say has the operator's default, which is float32 too.
    for name in operator.attributes_names_:
        value = getattr(operator, name, None)
        if isinstance(value, float | np.floating) and np.float32(value) == value:
            # nnspec's own models are run with their attributes in double.
            moved = float(_moved(np.asarray(value, np.float32), draw))
            setattr(operator, name, moved)
            restore.append(lambda n=name, v=value: setattr(operator, n, v))  # type: ignore[misc]
    run = operator.run
    move = _moved_constant if operator.op_type == "Constant" else _moved

    def moved_run(*inputs: Any, **options: Any) -> Any:
        return tuple(move(value, draw) for value in run(*inputs, **options))

    operator.run = moved_run
    restore.append(lambda: delattr(operator, "run"))


def _moved(value: Any, draw: np.random.Generator) -> Any:
    """Return float32 numbers moved by one place, up or down; anything else as it is."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float32:
        return value
    upwards = draw.integers(0, 2, value.shape) * 2.0 - 1.0
    moved = np.nextafter(value, (upwards * np.inf).astype(np.float32))
    mantissa = np.ldexp(np.frexp(value)[0], _SHORT)
    is_short = (mantissa == np.floor(mantissa)) | ~np.isfinite(value)
    return np.where(is_short, value, moved).astype(np.float32)


def _moved_constant(value: Any, draw: np.random.Generator) -> Any:
    """Do as `_moved`, and take a single double that a float32 can hold for one that was rounded."""
    if isinstance(value, np.ndarray) and value.dtype == np.float64 and value.size == 1:
        rounded = value.astype(np.float32)
        if rounded == value:
            return _moved(rounded, draw).astype(np.float64)
    return _moved(value, draw)


def _evaluators(reference: Any) -> Iterator[Any]:
    """Yield the evaluator, and those of the graphs and functions within its operators, once."""
    seen: set[int] = set()
    waiting = [reference]
    while waiting:
        evaluator = waiting.pop()
        if id(evaluator) in seen:
            continue
        seen.add(id(evaluator))
        yield evaluator
        for operator in evaluator.rt_nodes_:
            held = [getattr(operator, each.name, None) for each in operator.onnx_node.attribute]
            inner = [*held, getattr(operator, "impl_", None)]
            waiting += [each for each in inner if hasattr(each, "rt_nodes_")]


def _taken(node: onnx.NodeProto) -> list[str]:
    """Return what a node takes, and what the graphs within it take from outside."""
    names = dict.fromkeys(name for name in node.input if name)
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            for inner in attribute.g.node:
                names.update(dict.fromkeys(_taken(inner)))
    return list(names)


def _run_alone(
    model: onnx.ModelProto,
    node: onnx.NodeProto,
    given: Mapping[str, Any],
    expected: Mapping[str, Any],
    dtype: type[np.floating[Any]],
) -> list[Any]:
    """Return what ONNX Runtime makes of one node, doubles in this type."""
    import onnxruntime

    def cast(value: Any) -> Array:
        array = np.asarray(value)
        return array.astype(dtype) if array.dtype == np.float64 else array

    feeds = {name: cast(value) for name, value in given.items()}
    graph = helper.make_graph(
        [node],
        "alone",
        [helper.make_tensor_value_info(name, _kind(a), a.shape) for name, a in feeds.items()],
        [helper.make_tensor_value_info(n, _kind(cast(v)), None) for n, v in expected.items()],
    )
    alone = helper.make_model(
        graph,
        opset_imports=list(model.opset_import),
        ir_version=model.ir_version,
        functions=list(model.functions),
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        alone.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return list(session.run(list(expected), feeds))


def _kind(array: Array) -> int:
    return helper.np_dtype_to_tensor_dtype(array.dtype)


def _is_close(given: Any, expected: Any, tolerance: float, least: float = 0.0) -> bool:
    first, second = np.asarray(given, np.float64), np.asarray(expected, np.float64)
    if first.shape != second.shape:
        return False
    scale = float(np.max(np.abs(second), initial=0.0, where=np.isfinite(second)))
    return bool(
        np.allclose(first, second, rtol=0.0, atol=tolerance * scale + least, equal_nan=True)
    )
