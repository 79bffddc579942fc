"""Attention in Keras: the calls of a layer that the emitted source defines."""

from __future__ import annotations

from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, NativeParameter, Rows
from nnspec.emit.tree import MODULE, Expression, Input, apply
from nnspec.layers import GroupedQueryAttention, MultiHeadAttention
from nnspec.layers.initializers import GlorotUniform
from nnspec_keras.initial import keras_initializer

_NAMES = {"mask": "attention_mask", "key_padding": "key_padding", "score_bias": "score_bias"}
"""Keras gives an argument called mask a meaning of its own."""


def attention(layer: MultiHeadAttention | GroupedQueryAttention, context: Context) -> Lowered:
    """A layer of its own: Keras's gives the mean of all values where nothing is attended to."""
    sizes = layer.sizes(tuple(type_.shape for type_ in context.inputs))
    keywords: dict[str, object] = {"heads": sizes.heads}
    if isinstance(layer, GroupedQueryAttention):
        keywords["kv_heads"] = sizes.kv_heads
    if layer.key_dim is not None:
        keywords["key_dim"] = layer.key_dim
    optional = {
        "value_dim": (sizes.value_dim, sizes.key_dim),
        "output_size": (sizes.output_dim, sizes.features[0]),
        "use_bias": (layer.use_bias, isinstance(layer, MultiHeadAttention)),
        "causal": (layer.causal, False),
        "dropout": (float(layer.dropout), 0.0),
        "scale": (layer.scale if layer.scale is None else float(layer.scale), None),
    }
    keywords |= {name: given for name, (given, usual) in optional.items() if given != usual}
    if layer.rotary_base is not None:
        base = {} if layer.rotary_base == 10000.0 else {"base": layer.rotary_base}
        keywords["rotary"] = call("RotaryPosition", **base)
    parameters = context.parameters(layer)
    own = {
        parameter.name.partition(".")[0]: keras_initializer(parameter)
        for parameter in parameters
        if parameter.name.endswith(".weight")
    }
    if len(set(map(str, own.values()))) > 1:
        keywords["initializers"] = own
    elif not isinstance(parameters[0].initializer, GlorotUniform):
        keywords["kernel_initializer"] = keras_initializer(parameters[0])
    natives = []
    for parameter in parameters:
        part, _, kind = parameter.name.partition(".")
        place = ("q", "k", "v", "out").index(part)
        if kind == "weight":
            natives.append(NativeParameter(parameter.name, "kernel", (1, 0), occurrence=place))
        else:
            natives.append(NativeParameter(parameter.name, "bias", occurrence=place))
    plain = len(context.inputs) - layer.masks
    shapes = tuple(type_.shape for type_ in context.inputs)
    masks: dict[str, Expression] = {}
    for i, name in enumerate(layer.given_masks, plain):
        missing = layer.place(name, shapes[i], sizes).missing
        masks[_NAMES[name]] = Input(i)
        if missing:
            # The same along the leading axes.
            axes = tuple(range(1, 1 + missing)) if missing > 1 else 1
            masks[_NAMES[name]] = apply("ops.expand_dims", Input(i), axes)
    forward = apply(MODULE, *map(Input, range(plain)), **masks)
    module = call(type(layer).__name__, **keywords)
    return Lowered(forward, module, parameters=tuple(natives))


ROWS: Rows = {MultiHeadAttention: attention, GroupedQueryAttention: attention}
