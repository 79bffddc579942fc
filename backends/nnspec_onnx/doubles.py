"""Operators in double precision for onnx's reference evaluator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from nnspec_onnx.recurrence import recurrent_ops

if TYPE_CHECKING:
    from nnspec.backend import Array


def double_ops(operator: Any, max_pool: Any, conv_transpose: Any, loop: Any) -> list[Any]:
    """Return operators in place of the evaluator's own, given its OpRun and some of those.

    Its Erf, Gelu and GroupNormalization round to float32 on the way; its LogSoftmax takes the
    logarithm of a softmax that may be 0; its MaxPool of stride 1 has another path, which loses pads
    that differ between two sides; its ConvTranspose fails on groups of several outputs; its Conv
    looks up every number by an index of its own, which a depthwise convolution feels; its Loop
    joins what the turns give along their first axis, not a new one.
    """
    erf = np.vectorize(math.erf, otypes=[np.float64])
    erfc = np.vectorize(math.erfc, otypes=[np.float64])

    class Erf(operator):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(self, x: Array) -> tuple[Array]:
            return (erf(x).astype(x.dtype),)

    class Gelu(operator):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(self, x: Array, approximate: str = "none") -> tuple[Array]:
            z = x.astype(np.float64)
            if approximate == "tanh":
                slope = math.sqrt(2 / math.pi)
                y = 0.5 * z * (1 + np.tanh(slope * (z + 0.044715 * z**3)))
            else:
                y = 0.5 * z * erfc(-z * math.sqrt(0.5))
            return (y.astype(x.dtype),)

    class LogSoftmax(operator):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(self, x: Array, axis: int = -1) -> tuple[Array]:
            z = x - x.max(axis=axis, keepdims=True)
            return (z - np.log(np.exp(z).sum(axis=axis, keepdims=True)),)

    class GroupNormalization(operator):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(
            self,
            x: Array,
            scale: Array,
            bias: Array,
            epsilon: float = 1e-5,
            num_groups: int = 1,
            stash_type: int = 1,
        ) -> tuple[Array]:
            z = x.reshape(len(x), num_groups, -1)
            z = z - z.mean(axis=-1, keepdims=True)
            z = z / np.sqrt(np.square(z).mean(axis=-1, keepdims=True) + epsilon)
            axes = (-1, *(1 for _ in x.shape[2:]))
            return (z.reshape(x.shape) * scale.reshape(axes) + bias.reshape(axes),)

    class MaxPool(max_pool):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(self, x: Array, **attributes: Any) -> Any:
            return self._max_pool(x, **attributes)

    class Conv(operator):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(
            self,
            x: Array,
            w: Array,
            b: Array | None = None,
            auto_pad: str | None = None,
            dilations: Sequence[int] | None = None,
            group: int | None = None,
            kernel_shape: Sequence[int] | None = None,
            pads: Sequence[int] | None = None,
            strides: Sequence[int] | None = None,
        ) -> tuple[Array]:
            rank = x.ndim - 2
            steps, gaps = strides or (1,) * rank, dilations or (1,) * rank
            spans = [gap * (size - 1) + 1 for gap, size in zip(gaps, w.shape[2:], strict=True)]
            padding = _padding(x.shape[2:], spans, steps, auto_pad, pads)
            y = _convolved(np.pad(x, [(0, 0), (0, 0), *padding]), w, group or 1, steps, gaps)
            return (y if b is None else y + b.reshape(-1, *(1,) * rank),)

    class ConvTranspose(conv_transpose):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(self, x: Array, w: Array, b: Array | None = None, **attributes: Any) -> Any:
            groups = attributes.pop("group", None) or 1
            biases = np.split(b, groups) if b is not None else [None] * groups
            parts = zip(np.split(x, groups, axis=1), np.split(w, groups), biases, strict=True)
            results = [
                super(ConvTranspose, self)._run(*tensors, group=1, **attributes)[0]
                for tensors in parts
            ]
            return (np.concatenate(results, axis=1),)

    class Loop(loop):  # type: ignore[misc]  # onnx.reference is not typed
        op_domain = ""

        def _run(
            self, trips: Any, condition: Any, *initial: Any, context: Any = None, body: Any = None,
            attributes: Any = None, bindings: Any = None,
        ) -> tuple[Array, ...]:  # fmt: skip
            turn, going, *names = self.body.input_names
            carried: list[Any] = list(initial)
            collected: list[list[Array]] = [[] for _ in range(self.K)]
            goes_on, step = condition is None or bool(condition), 0
            while goes_on and (trips is None or step < int(trips)):
                given = {turn: np.array(step, np.int64), going: np.array(True)}
                given |= dict(zip(names, carried, strict=True))
                outputs = self._run_body(
                    {**(context or {}), **given}, attributes=attributes, bindings=bindings
                )
                goes_on, step = bool(outputs[0]), step + 1
                carried = list(outputs[1 : 1 + self.N])
                for values, value in zip(collected, outputs[1 + self.N :], strict=True):
                    values.append(value)
            stacked = [np.stack(values) if values else np.empty(0) for values in collected]
            return (*carried, *stacked)

    return [
        Erf,
        Gelu,
        LogSoftmax,
        GroupNormalization,
        MaxPool,
        Conv,
        ConvTranspose,
        Loop,
        *recurrent_ops(operator),
    ]


def _padding(
    sizes: Sequence[int],
    spans: Sequence[int],
    steps: Sequence[int],
    auto_pad: str | None,
    pads: Sequence[int] | None,
) -> list[tuple[int, int]]:
    """Return the zeros before and after each spatial axis; `spans`: of the dilated kernel."""
    if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        padding = []
        for size, span, step in zip(sizes, spans, steps, strict=True):
            whole = max((-(-size // step) - 1) * step + span - size, 0)
            before = whole // 2 if auto_pad == "SAME_UPPER" else -(-whole // 2)
            padding.append((before, whole - before))
        return padding
    if auto_pad == "VALID" or pads is None:
        return [(0, 0)] * len(sizes)
    return list(zip(pads[: len(sizes)], pads[len(sizes) :], strict=True))


def _convolved(x: Array, w: Array, groups: int, steps: Sequence[int], gaps: Sequence[int]) -> Array:
    """Return the convolution of a padded batch: a product of matrices for each row of it.

    x: [batch, in, *spatial]. w: [out, in/groups, *kernel].
    """
    axes = tuple(range(1, x.ndim - 1))
    spans = [gap * (size - 1) + 1 for gap, size in zip(gaps, w.shape[2:], strict=True)]
    chosen = (slice(None), *(slice(None, None, each) for each in (*steps, *gaps)))
    kernels = w.reshape(groups, len(w) // groups, -1)
    rows = []
    for row in x:
        windows = sliding_window_view(row, spans, axes)[chosen]
        sizes = windows.shape[1 : 1 + len(axes)]
        # [in, *out, *kernel] -> [groups, in/groups x kernel, out]
        columns = np.moveaxis(windows, axes, range(-len(axes), 0))
        y = kernels @ columns.reshape(groups, kernels.shape[2], -1)
        rows.append(y.reshape(len(w), *sizes))
    return np.stack(rows)
