"""ONNX by Keras's own exporter, which is tf2onnx."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from nnspec.errors import MissingDependencyError, UnsupportedError, UsageError
from nnspec.network.graph import Graph
from nnspec.support.files import replacing

MIN_OPSET, MAX_OPSET = 13, 18


def export_onnx(model: Any, graph: Graph, path: Path, opset: int) -> None:
    """Write a model as at inference; raises UsageError for an opset that Keras does not write."""
    if opset < MIN_OPSET:
        raise UsageError(f"Keras writes opsets {MIN_OPSET} to {MAX_OPSET}, not {opset}")
    outputs = dict(zip(graph.outputs, model.outputs, strict=True))
    with replacing(path) as temporary:
        named = keras.Model(model.inputs, outputs)
        signature = [
            keras.InputSpec(shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
            for tensor in model.inputs
        ]
        with _quiet():
            named.export(
                str(temporary),
                format="onnx",
                verbose=False,
                opset_version=min(opset, MAX_OPSET),
                input_signature=[signature] if len(signature) > 1 else signature,
            )
        _check_onnx(graph, temporary)


def _check_onnx(graph: Graph, path: Path) -> None:
    """Name the dynamic axes as the spec does, and refuse a file that ONNX itself refuses."""
    try:
        import onnx
    except ImportError as error:
        raise MissingDependencyError("onnx", "onnx") from error
    model = onnx.load(path)
    types = {**graph.inputs, **graph.types}
    for value in (*model.graph.input, *model.graph.output):
        shape = ("batch", *types[value.name].shape)
        for axis, size in zip(value.type.tensor_type.shape.dim, shape, strict=False):
            if isinstance(size, str) and not axis.HasField("dim_value"):
                axis.dim_param = size
    # TensorFlow sorts outputs by name, and so the exporter writes them.
    for values, names in (
        (model.graph.input, graph.inputs),
        (model.graph.output, graph.outputs),
    ):
        places = list(names)
        values.sort(key=lambda value: places.index(value.name))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UnsupportedError(
            f"Keras's exporter (tf2onnx) wrote a model that ONNX refuses: {reason}; export it "
            "directly or with torch instead"
        ) from None
    onnx.save(model, path)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what tf2onnx and TensorFlow say of every export."""
    # tf2onnx's Gemm rewriter speaks through the root logger.
    loggers = [logging.getLogger(name) for name in ("tensorflow", "tf2onnx", None)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            # tf2onnx asks NumPy for an alias that is gone; Keras mends it.
            warnings.filterwarnings("ignore", message=".*np.object", category=FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
