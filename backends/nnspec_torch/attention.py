"""Attention in PyTorch: the calls of a module that the emitted source defines."""

from __future__ import annotations

from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Rows
from nnspec.emit.tree import MODULE, Apply, Expression, Input, X, apply
from nnspec.layers import GroupedQueryAttention, MultiHeadAttention
from nnspec_torch.embedding import positions


def attention(layer: MultiHeadAttention | GroupedQueryAttention, context: Context) -> Lowered:
    """A module around F.scaled_dot_product_attention."""
    sizes = layer.sizes(tuple(type_.shape for type_ in context.inputs))
    query, value, key = sizes.features
    keywords: dict[str, object] = {"heads": sizes.heads}
    if isinstance(layer, GroupedQueryAttention):
        keywords["kv_heads"] = sizes.kv_heads
    if layer.key_dim is not None:
        keywords["key_dim"] = layer.key_dim
    optional = {
        "value_dim": (sizes.value_dim, sizes.key_dim),
        "value_size": (value, query),
        "key_size": (key, value),
        "output_size": (sizes.output_dim, query),
        "bias": (layer.use_bias, isinstance(layer, MultiHeadAttention)),
        "causal": (layer.causal, False),
        "dropout": (float(layer.dropout), 0.0),
        "scale": (layer.scale if layer.scale is None else float(layer.scale), None),
    }
    keywords |= {name: given for name, (given, usual) in optional.items() if given != usual}
    if layer.rotary_base is not None:
        assert isinstance(layer, GroupedQueryAttention)
        known = [time for time in sizes.times if isinstance(time, int)]
        length = max([*known, layer.max_length or 0] if len(known) < 2 else known)
        keywords["rotary"] = positions("RotaryPosition", sizes.key_dim, length, layer.rotary_base)
    name = type(layer).__name__
    return Lowered(called(layer, context), call(name, ("size", query), **keywords))


def called(layer: MultiHeadAttention | GroupedQueryAttention, context: Context) -> Apply:
    """Return the call of the module with the inputs in order, masks by keyword.

    Sequences along leading axes, such as windows, attend as rows of the batch.
    """
    plain = len(context.inputs) - layer.masks
    leading = context.rank - 2
    taken: list[Expression] = [Input(i) for i in range(len(context.inputs))]
    shapes = tuple(type_.shape for type_ in context.inputs)
    for i, name in enumerate(layer.given_masks, plain):
        place = layer.place(name, shapes[i], layer.sizes(shapes))
        if place.is_whole:
            continue
        # The same along leading axes.
        size = X.attribute("shape")
        along = [size[1 + axis] for axis in range(leading)]
        own = len(shapes[i]) - leading + place.missing
        spread = taken[i][(slice(None), *[None] * place.missing)] if place.missing else taken[i]
        taken[i] = spread.method("expand", -1, *along, *[-1] * own)
    if leading:
        taken = [each.method("flatten", 0, leading) for each in taken]
    masks = dict(zip(layer.given_masks, taken[plain:], strict=True))
    call = apply(MODULE, *taken[:plain], **masks)
    if not leading:
        return call
    return call.method("unflatten", 0, X.attribute("shape")[: leading + 1])


ROWS: Rows = {MultiHeadAttention: attention, GroupedQueryAttention: attention}
