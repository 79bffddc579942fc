"""ONNX by torch.onnx, its exporter that is made of torch.export."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nnspec.errors import UnsupportedError, UsageError
from nnspec.layers.shapes import Dim
from nnspec.network.graph import Graph
from nnspec.support.causes import cause_of
from nnspec_torch.dropped import would_be_dropped
from nnspec_torch.exporter import give_way, operators_unread

MIN_OPSET, MAX_OPSET = 18, 23


def export_onnx(
    model: nn.Module, graph: Graph, precision: torch.dtype, path: Path, opset: int
) -> None:
    """Write a network as at inference; raises UnsupportedError where torch.onnx cannot."""
    if not MIN_OPSET <= opset <= MAX_OPSET:
        raise UsageError(f"torch.onnx writes opsets {MIN_OPSET} to {MAX_OPSET}, not {opset}")
    from nnspec.verification.sizes import find_sizes  # few programs are exported

    # The example must fit every layer, as a kernel that is longer than it would not.
    sizes = {"batch": 3, **find_sizes(graph, {}).base}
    axes: list[dict[int, Any]] = []
    examples: list[Tensor] = []
    for type_ in graph.inputs.values():
        shape: tuple[Dim, ...] = ("batch", *type_.shape)
        axes.append({i: size for i, size in enumerate(shape) if isinstance(size, str)})
        known = [sizes[size] if isinstance(size, str) else size for size in shape]
        is_float = type_.dtype == "float32"
        dtype = precision if is_float else getattr(torch, type_.dtype)
        examples.append(torch.zeros(known, dtype=dtype))
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    _forget_recurrent_kernels()
    try:
        with warnings.catch_warnings(), operators_unread():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                model,
                tuple(examples),
                str(path),
                dynamo=True,
                opset_version=opset,
                verbose=False,
                external_data=False,
                input_names=list(graph.inputs),
                output_names=list(graph.outputs),
                dynamic_shapes=tuple(axes),
                optimize=not would_be_dropped(graph, model.parameters()),
            )
    except Exception as error:
        reason = cause_of(error)
        raise UnsupportedError(f"torch.onnx cannot export this network: {reason}") from None
    finally:
        logger.setLevel(level)
    assert program is not None
    if give_way(program.model.graph):
        program.save(str(path), external_data=False)
    _require_dynamic(graph, program.model.graph.outputs)


def _require_dynamic(graph: Graph, outputs: Sequence[Any]) -> None:
    """Raise UnsupportedError where the exporter fixed an axis that the spec leaves open."""
    for name, given in zip(graph.outputs, outputs, strict=True):
        shape: tuple[Dim, ...] = ("batch", *graph.types[name].shape)
        for size, exported in zip(shape, given.shape, strict=True):
            if isinstance(size, str) and isinstance(exported, int):
                raise UnsupportedError(
                    f'torch.onnx fixed the axis "{size}" of the output "{name}" at {exported}, '
                    "so that other sizes would fail; nnspec's own export keeps it open"
                )


def _forget_recurrent_kernels() -> None:
    """Let torch.onnx put its own LSTM and GRU in place again.

    It does so for the time of an export, and the operators remember what they dispatched to: in a
    second export they would be unrolled at the size of the example (torch 2.13).
    """
    for operator in (torch.ops.aten.lstm.input, torch.ops.aten.gru.input):
        operator._dispatch_cache.clear()
