"""Dense and shape layers in PyTorch."""

from __future__ import annotations

from nnspec import layers
from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import CALLED, Apply, Expression, Field, Input, X, apply
from nnspec.layers.core import computed_axis
from nnspec.layers.rows import MergeRows, PartRows
from nnspec_torch.parametrized import normalized


def merge_rows(layer: MergeRows, context: Context) -> Lowered:
    """Tensor.flatten of the first two axes."""
    return Lowered(X.method("flatten", 0, 1))


def part_rows(layer: PartRows, context: Context) -> Lowered:
    """Tensor.unflatten of the first axis."""
    size = context.outputs[0].shape[0]
    sizes = (-1, size) if isinstance(size, int) else Input(1).attribute("shape")[:2]
    return Lowered(X.method("unflatten", 0, sizes))


Pads = tuple[tuple[int, int], ...]
"""Of each axis, what is added before and after it."""


def dense(layer: layers.Dense, context: Context) -> Lowered:
    """nn.Linear."""
    keywords = {} if layer.use_bias else {"bias": False}
    size = context.inputs[0].shape[-1]
    module = call("nn.Linear", ("in_features", size), ("out_features", layer.units), **keywords)
    return Lowered(CALLED, module)


def flatten(layer: layers.Flatten, context: Context) -> Lowered:
    """torch.flatten, which takes no scalars."""
    return Lowered(apply("torch.flatten", X, 1) if context.rank else X.method("unsqueeze", 1))


def reshape(layer: layers.Reshape, context: Context) -> Lowered:
    """Tensor.reshape; sizes of dynamic axes are those of the input, and one is computed."""
    given, shape = context.inputs[0].shape, context.outputs[0].shape
    computed = computed_axis(given, shape)
    rows: object = -1 if computed is None else X.attribute("shape")[0]
    sizes = [
        -1
        if i == computed
        else size
        if isinstance(size, int)
        else X.attribute("shape")[given.index(size) + 1]
        for i, size in enumerate(shape)
    ]
    return Lowered(X.method("reshape", rows, *sizes))


def pad(padded: Expression, pads: Pads, **keywords: object) -> Apply:
    """Return F.pad; PyTorch counts the last axis first."""
    return apply(
        "F.pad", padded, tuple(size for pair in reversed(pads) for size in pair), **keywords
    )


def pad_by_size(window: tuple[int, ...], strides: tuple[int, ...], **keywords: object) -> Apply:
    """Return the helper's call that pads the first input as "same" does, by the size it has."""
    return apply("pad_same", X, window, strides, **keywords)


def pad_by_fields(pads: Pads) -> tuple[Apply, tuple[tuple[str, str, object], ...]]:
    """Return F.pad of the first input with fields for the sizes, and these."""
    flat = [size for pair in reversed(pads) for size in pair]
    fields = [f"pad_{i}" for i in range(len(flat))]
    forward = apply("F.pad", X, tuple(map(Field, fields)))
    return forward, tuple((name, "padding", size) for name, size in zip(fields, flat, strict=True))


ROWS: Rows = {
    layers.Dense: normalized(dense),
    layers.Flatten: flatten,
    layers.Reshape: reshape,
    MergeRows: merge_rows,
    PartRows: part_rows,
}
