"""Attention: its formula, or from opset 23 on the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nnspec import layers
from nnspec.layers import GroupedQueryAttention, MultiHeadAttention
from nnspec.layers.attention import AttentionSizes
from nnspec.layers.shapes import Shape
from nnspec_onnx.context import Context, Values
from nnspec_onnx.positions import positions, sizes_of
from nnspec_onnx.rotary import Rotation, embedded, rotated
from nnspec_onnx.rows import Rows

if TYPE_CHECKING:
    from nnspec.backend import Array

_MASKED = -1e30
"""A score that softmax makes 0; -inf would make NaN of a row that may attend to nothing."""


def attention(layer: MultiHeadAttention | GroupedQueryAttention, context: Context) -> Values:
    """Attention from opset 23 on; before that MatMul and Softmax."""
    plain = context.inputs[: len(context.inputs) - layer.masks]
    sizes = layer.sizes(tuple(type_.shape for type_ in context.input_types))
    names = ("query", "value", "key")
    plain = tuple(
        _merged(context, x, name, sizes.leading, type_.shape)
        for x, name, type_ in zip(plain, names, context.input_types, strict=False)
    )
    query = plain[0]
    value = plain[1] if len(plain) > 1 else query
    key = plain[2] if len(plain) > 2 else value
    if context.opset >= 23 and layer.score_bias is None:
        y = _operator(layer, context, sizes, (query, key, value))
        if sizes.leading:
            y = _joined(context, y, sizes)
    else:
        y = _joined(context, _formula(layer, context, sizes, (query, key, value)), sizes)
    return (_projected(context, "out", y),)


def _merged(
    context: Context,
    x: str,
    name: str,
    leading: Shape,
    shape: Shape,
    groups: tuple[int, ...] = (),
) -> str:
    """Return x with its leading axes among the rows of the batch.

    groups: what the axis after them, that of the heads, is parted into.
    """
    if not leading and not groups:
        return x
    first = -1 if leading else 0
    start = len(leading) + bool(groups)
    kept = (*groups, *shape[start:])
    if all(isinstance(size, int) for size in kept):
        target = context.constant(f"{name}.merged_shape", np.array([first, *kept]))
    else:
        sizes = context.node("Shape", x, start=start + 1, part=f"{name}.kept")
        every = context.constant(f"{name}.every", [first, *groups])
        target = context.node("Concat", every, sizes, axis=0, part=f"{name}.merged_shape")
    return context.node("Reshape", x, target, part=f"{name}.merged")


def _joined(context: Context, y: str, sizes: AttentionSizes) -> str:
    """Return y, what the heads give, side by side, and with the leading axes of the query."""
    features = sizes.heads * sizes.value_dim
    if not sizes.leading:
        shape = context.constant("joined_shape", [0, 0, features])
        return context.node("Reshape", y, shape, part="joined")
    known = (*sizes.leading, sizes.times[0])
    if all(isinstance(size, int) for size in known):
        target = context.constant("parted_shape", np.array([-1, *known, features]))
    else:
        given = context.node("Shape", context.inputs[0], start=0, end=-1, part="query_shape")
        last = context.constant("features", [features])
        target = context.node("Concat", given, last, axis=0, part="parted_shape")
    return context.node("Reshape", y, target, part="parted")


def _operator(
    layer: MultiHeadAttention | GroupedQueryAttention,
    context: Context,
    sizes: AttentionSizes,
    sources: tuple[str, str, str],
) -> str:
    """Return what the heads give, side by side, of the operator; its scale is 1/√d too."""
    q, k, v = (_projected(context, name, x) for name, x in zip("qkv", sources, strict=True))
    if layer.rotary_base is not None:
        q, k = (
            embedded(
                context,
                x,
                _rotation(layer, sizes, i),
                heads=heads,
                part=name,
                has_own_rows=bool(sizes.leading),
            )
            for i, (name, x, heads) in enumerate((("q", q, sizes.heads), ("k", k, sizes.kv_heads)))
        )
    mask = _given_mask(context, layer, sizes, 1)
    if mask is not None and _has_one_row(context, layer):
        # ONNX Runtime takes no mask of one row for all queries.
        mask = context.node(
            "Expand", mask, _rows(context, sizes, sources[0]), part="padding_of_rows"
        )
    settings: dict[str, Any] = {}
    if layer.causal:
        settings["is_causal"] = 1
    if layer.scale is not None:
        settings["scale"] = float(layer.scale)
    return context.node(
        "Attention",
        *(q, k, v, *([] if mask is None else [mask])),
        part="attended",
        q_num_heads=sizes.heads,
        kv_num_heads=sizes.kv_heads,
        **settings,
    )


def _has_one_row(context: Context, layer: MultiHeadAttention | GroupedQueryAttention) -> bool:
    """Whether what masks there are let every query attend to the same keys."""
    if layer.mask is None:
        return True
    return context.input_types[len(context.inputs) - layer.masks].shape[-2] == 1


def _rows(context: Context, sizes: AttentionSizes, query: str) -> str:
    """Return (1, 1, time, 1), the shape that gives a mask a row for each query."""
    time = sizes.times[0]
    if isinstance(time, int):
        return context.constant("rows_shape", [1, 1, time, 1])
    one, many = context.constant("one", [1]), context.size(time, query, 1, part="query_length")
    return context.node("Concat", one, one, many, one, part="rows_shape", axis=0)


def _formula(
    layer: MultiHeadAttention | GroupedQueryAttention,
    context: Context,
    sizes: AttentionSizes,
    sources: tuple[str, str, str],
) -> str:
    """Return what the heads give, (batch, time, heads, size); the heads in one or two axes.

    Keys and values are shared among query heads by broadcasting.
    """
    query, key, value = sources
    group = sizes.heads // sizes.kv_heads
    inner = (sizes.kv_heads, group) if group > 1 else (sizes.heads,)
    shared = (sizes.kv_heads, 1) if group > 1 else (sizes.heads,)
    # (batch, time, heads, size) -> (batch, heads, time, size), the heads in one or two axes
    order = (0, *range(2, 2 + len(inner)), 1, 2 + len(inner))
    turned = (*order[:-2], order[-1], order[-2])
    q = _heads(context, "q", query, (*inner, sizes.key_dim), order)
    if layer.rotary_base is None:
        k = _heads(context, "k", key, (*shared, sizes.key_dim), turned)
    else:
        k = _heads(context, "k", key, (*shared, sizes.key_dim), order)
        q, k = (
            rotated(context, x, _rotation(layer, sizes, i), rank=len(order), part=name)
            for i, (name, x) in enumerate((("q", q), ("k", k)))
        )
        swapped = (*range(len(order) - 2), len(order) - 1, len(order) - 2)
        k = context.node("Transpose", k, perm=swapped, part="k.transposed")
    v = _heads(context, "v", value, (*shared, sizes.value_dim), order)
    scores = context.node("MatMul", q, k, part="products")
    scale = sizes.key_dim**-0.5 if layer.scale is None else float(layer.scale)
    if layer.scale is None or scale != 1:
        scores = context.node("Mul", scores, context.constant("scale", scale), part="scores")
    if layer.score_bias is not None:
        added = _of_heads(context, layer, sizes, "score_bias", len(inner))
        scores = context.node("Add", scores, added, part="biased_scores")
    bias, mask = _masking(context, layer, sizes, (query, key), len(inner))
    if bias is not None:
        scores = context.node("Add", scores, bias, part="masked_scores")
    weights = context.node("Softmax", scores, axis=-1, part="weights")
    if mask is not None:
        no_weight = context.constant("no_weight", 0.0)
        weights = context.node("Where", mask, weights, no_weight, part="masked_weights")
    y = context.node("MatMul", weights, v, part="attended")
    back = (0, len(order) - 2, *range(1, len(order) - 2), len(order) - 1)
    return context.node("Transpose", y, perm=back, part="by_position")


def _projected(context: Context, name: str, x: str) -> str:
    weight = context.transposed(f"{name}.weight")
    is_last = name == "out"
    if f"{name}.bias" not in context.parameters:
        return context.node("MatMul", x, weight, part=None if is_last else f"{name}.projected")
    product = context.node("MatMul", x, weight, part=f"{name}.product")
    bias = context.parameter(f"{name}.bias")
    return context.node("Add", product, bias, part=None if is_last else f"{name}.projected")


def _heads(
    context: Context, name: str, x: str, sizes: tuple[int, ...], order: tuple[int, ...]
) -> str:
    shape = context.constant(f"{name}.shape", [0, 0, *sizes])
    parted = context.node("Reshape", _projected(context, name, x), shape, part=f"{name}.parted")
    return context.node("Transpose", parted, perm=order, part=f"{name}.heads")


def _rotation(
    layer: MultiHeadAttention | GroupedQueryAttention, sizes: AttentionSizes, side: int
) -> Rotation:
    """Return by what the queries (side 0) or the keys (side 1) are turned."""
    time = sizes.times[side]
    length = getattr(layer, "max_length", None) if isinstance(time, str) else time
    base = layer.rotary_base
    assert isinstance(length, int)
    assert base is not None
    return Rotation(time, length, sizes.key_dim // 2, base)


def _masking(
    context: Context,
    layer: MultiHeadAttention | GroupedQueryAttention,
    sizes: AttentionSizes,
    sources: tuple[str, str],
    head_axes: int,
) -> tuple[str | None, str | None]:
    """Return what is added to the scores, and the mask where a query may attend to nothing.

    Where would choose in one step, and for each layer anew: runtimes add faster, and layers of the
    same mask have the same bias.
    """
    mask = _given_mask(context, layer, sizes, head_axes)
    time, length = sizes.times
    if mask is None and not layer.causal:
        return None, None
    if mask is None and isinstance(time, int) and isinstance(length, int):
        return context.constant("bias", np.where(_past_of(time, length), 0.0, _MASKED)), None
    if layer.causal:
        past = _past(context, sizes, sources)
        mask = past if mask is None else context.node("And", mask, past, part="allowed_and_past")
    assert mask is not None
    nothing, masked = context.constant("nothing", 0.0), context.constant("masked", _MASKED)
    bias = context.node("Where", mask, nothing, masked, part="bias")
    # Position 0 is in the past of every query.
    return bias, mask if layer.mask is not None or layer.key_padding is not None else None


def _given_mask(
    context: Context,
    layer: MultiHeadAttention | GroupedQueryAttention,
    sizes: AttentionSizes,
    head_axes: int,
) -> str | None:
    """Return where the masks let a query attend to a key, with an axis for each of the heads'."""
    parts = []
    if layer.mask is not None:
        parts.append(_of_heads(context, layer, sizes, "mask", head_axes))
    if layer.key_padding is not None:
        axes = context.constant("padding_axes", list(range(1, 2 + head_axes)))
        padding, _ = _of_rows(context, layer, sizes, "key_padding")
        parts.append(context.node("Unsqueeze", padding, axes, part="padding"))
    if len(parts) == 2:
        return context.node("And", *parts, part="allowed")
    return parts[0] if parts else None


def _of_rows(
    context: Context,
    layer: MultiHeadAttention | GroupedQueryAttention,
    sizes: AttentionSizes,
    name: str,
    head_axes: int = 1,
) -> tuple[str, bool]:
    """Return a mask or a bias with the leading axes among its rows, and whether it has heads.

    head_axes: how many axes the heads have.
    """
    index = len(context.inputs) - layer.masks + layer.given_masks.index(name)
    x, shape = context.inputs[index], context.input_types[index].shape
    place = layer.place(name, shape, sizes)
    own = shape[len(sizes.leading) - place.missing :]
    if not place.is_whole:
        if place.missing:
            new = context.constant(f"{name}_leading", list(range(1, 1 + place.missing)))
            x = context.node("Unsqueeze", x, new, part=f"{name}_of_all")
        whole = [1, *sizes.leading, *[1] * len(own)]
        target, *others = sizes_of(context, whole, range(len(whole)), part=f"{name}_sizes")
        if others:
            target = context.node("Concat", target, *others, axis=0, part=f"{name}_shape")
        x = context.node("Expand", x, target, part=f"{name}_expanded")
    groups: tuple[int, ...] = ()
    if place.has_heads and head_axes > 1:
        groups = (1, 1) if own[0] == 1 else (sizes.kv_heads, sizes.heads // sizes.kv_heads)
    return _merged(context, x, name, sizes.leading, (*sizes.leading, *own), groups), place.has_heads


def _of_heads(
    context: Context,
    layer: MultiHeadAttention | GroupedQueryAttention,
    sizes: AttentionSizes,
    name: str,
    head_axes: int,
) -> str:
    """Return what a mask or a bias gives each score, with an axis for each of the heads'."""
    given, has_heads = _of_rows(context, layer, sizes, name, head_axes)
    if has_heads:
        return given
    axes = context.constant(f"{name}_axes", list(range(1, 1 + head_axes)))
    return context.node("Unsqueeze", given, axes, part=name)


def _past(context: Context, sizes: AttentionSizes, sources: tuple[str, str]) -> str:
    time, length = sizes.times
    if isinstance(time, int) and isinstance(length, int):
        return context.constant("past", _past_of(time, length))
    rows, columns = (
        positions(context, size, x=source, prefix=f"{name}_")
        if isinstance(size, str)
        else context.constant(f"{name}_positions", range(size))
        for name, size, source in zip(("query", "key"), sizes.times, sources, strict=True)
    )
    rows = context.node("Unsqueeze", rows, context.constant("last", [1]), part="rows")
    return context.node("GreaterOrEqual", rows, columns, part="past")


def _past_of(time: int, length: int) -> Array:
    return np.tril(np.ones((time, length), np.bool_))


ROWS: Rows = {
    layers.MultiHeadAttention: attention,
    layers.GroupedQueryAttention: attention,
}
