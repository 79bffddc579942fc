"""Attention: its formula, or from opset 23 on the operator."""

from __future__ import annotations

import numpy as np

from nnspec.layers import GroupedQueryAttention, MultiHeadAttention
from nnspec.layers.attention import Sizes
from nnspec_onnx.context import Context, Values
from nnspec_onnx.embedding import rotated

_MASKED = -1e30
"""A score that softmax makes 0; -inf would make NaN of a row that may attend to nothing."""


def attention(layer: MultiHeadAttention | GroupedQueryAttention, at: Context) -> Values:
    """MatMul and Softmax; keys and values are shared among query heads by broadcasting."""
    plain = at.inputs[: len(at.inputs) - layer.masks]
    sizes = layer.sizes(tuple(kind.shape for kind in at.input_types))
    query = plain[0]
    value = plain[1] if len(plain) > 1 else query
    key = plain[2] if len(plain) > 2 else value
    group = sizes.heads // sizes.kv_heads
    inner = (sizes.kv_heads, group) if group > 1 else (sizes.heads,)
    shared = (sizes.kv_heads, 1) if group > 1 else (sizes.heads,)
    # (batch, time, heads, size) -> (batch, heads, time, size), the heads in one or two axes
    order = (0, *range(2, 2 + len(inner)), 1, 2 + len(inner))
    turned = (*order[:-2], order[-1], order[-2])
    q = _heads(at, "q", query, (*inner, sizes.key_dim), order)
    base = layer.rotary_base
    if base is None:
        k = _heads(at, "k", key, (*shared, sizes.key_dim), turned)
    else:
        k = _heads(at, "k", key, (*shared, sizes.key_dim), order)
        q, k = (_rotated(at, name, x, layer, sizes) for name, x in (("q", q), ("k", k)))
        swapped = (*range(len(order) - 2), len(order) - 1, len(order) - 2)
        k = at.node("Transpose", k, perm=swapped, part="k.transposed")
    v = _heads(at, "v", value, (*shared, sizes.value_dim), order)
    scores = at.node("MatMul", q, k, part="products")
    scale = at.constant("scale", sizes.key_dim**-0.5)
    scores = at.node("Mul", scores, scale, part="scores")
    mask = _mask(at, layer, sizes, (query, key), len(inner))
    if mask is not None:
        masked = at.constant("masked", _MASKED)
        scores = at.node("Where", mask, scores, masked, part="masked_scores")
    weights = at.node("Softmax", scores, axis=-1, part="weights")
    if mask is not None and layer.masks:
        nothing = at.constant("nothing", 0.0)
        weights = at.node("Where", mask, weights, nothing, part="masked_weights")
    y = at.node("MatMul", weights, v, part="attended")
    back = (0, len(order) - 2, *range(1, len(order) - 2), len(order) - 1)
    y = at.node("Transpose", y, perm=back, part="by_position")
    shape = at.constant("joined_shape", [0, 0, sizes.heads * sizes.value_dim])
    y = at.node("Reshape", y, shape, part="joined")
    return (_projected(at, "out", y),)


def _projected(at: Context, name: str, x: str) -> str:
    rows, columns = at.parameters[f"{name}.weight"].shape
    weight = at.parameter(
        f"{name}.weight",
        part=f"{name}.weight_transposed",
        shape=(columns, rows),
        transform=np.transpose,
    )
    is_last = name == "out"
    if f"{name}.bias" not in at.parameters:
        return at.node("MatMul", x, weight, part=None if is_last else f"{name}.projected")
    product = at.node("MatMul", x, weight, part=f"{name}.product")
    bias = at.parameter(f"{name}.bias")
    return at.node("Add", product, bias, part=None if is_last else f"{name}.projected")


def _heads(at: Context, name: str, x: str, sizes: tuple[int, ...], order: tuple[int, ...]) -> str:
    shape = at.constant(f"{name}.shape", [0, 0, *sizes])
    parted = at.node("Reshape", _projected(at, name, x), shape, part=f"{name}.parted")
    return at.node("Transpose", parted, perm=order, part=f"{name}.heads")


def _rotated(
    at: Context,
    name: str,
    x: str,
    layer: MultiHeadAttention | GroupedQueryAttention,
    sizes: Sizes,
) -> str:
    time = sizes.times[0 if name == "q" else 1]
    length = getattr(layer, "max_length", None) if isinstance(time, str) else time
    base = layer.rotary_base
    assert isinstance(length, int)
    assert base is not None
    rank = 5 if sizes.heads > sizes.kv_heads else 4
    return rotated(
        at,
        x,
        (length, sizes.key_dim // 2),
        base,
        is_dynamic=isinstance(time, str),
        part=name,
        rank=rank,
    )


def _mask(
    at: Context,
    layer: MultiHeadAttention | GroupedQueryAttention,
    sizes: Sizes,
    sources: tuple[str, str],
    head_axes: int,
) -> str | None:
    """Return where a query attends to a key, of a shape that the scores broadcast with."""
    given = list(at.inputs[len(at.inputs) - layer.masks :])
    types = list(at.input_types[len(at.inputs) - layer.masks :])
    parts = []
    if layer.mask is not None:
        mask, kind = given.pop(0), types.pop(0)
        if kind.rank == 2:
            axes = at.constant("mask_axes", list(range(1, 1 + head_axes)))
            mask = at.node("Unsqueeze", mask, axes, part="mask")
        parts.append(mask)
    if layer.key_padding is not None:
        axes = at.constant("padding_axes", list(range(1, 2 + head_axes)))
        parts.append(at.node("Unsqueeze", given[0], axes, part="padding"))
    if layer.causal:
        parts.append(_past(at, sizes, sources))
    if not parts:
        return None
    mask, *rest = parts
    for i, other in enumerate(rest):
        mask = at.node("And", mask, other, part=f"allowed_{i}")
    return mask


def _past(at: Context, sizes: Sizes, sources: tuple[str, str]) -> str:
    time, length = sizes.times
    if isinstance(time, int) and isinstance(length, int):
        return at.constant("past", np.tril(np.ones((time, length), np.bool_)))
    zero, one = at.constant("zero", np.array(0)), at.constant("one", np.array(1))
    positions: list[str] = []
    for name, source in zip(("query", "key"), sources, strict=True):
        if name == "key" and source == sources[0]:
            positions.append(positions[0])
            continue
        size = at.node("Shape", source, start=1, end=2, part=f"{name}_length")
        size = at.node("Squeeze", size, part=f"{name}_count")
        positions.append(at.node("Range", zero, size, one, part=f"{name}_positions"))
    rows = at.node("Unsqueeze", positions[0], at.constant("last", [1]), part="rows")
    return at.node("GreaterOrEqual", rows, positions[1], part="past")
