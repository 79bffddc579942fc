"""The source of the attention layers, with the arguments that a network gives and no others."""

from __future__ import annotations

from collections.abc import Iterator

from nnspec.emit.attention import (
    ALWAYS_ROTARY,
    attention_helpers,
    docstring,
    left_out,
    operands,
    query,
)
from nnspec.emit.code import wrap

MASKS = ("attention_mask", "key_padding")

_SPLIT = '''\
    def split(self, x, heads):
        """(batch, time, heads * size) -> (batch, heads, time, size)."""
        x = ops.reshape(x, (-1, ops.shape(x)[1], heads, x.shape[2] // heads))
        return ops.transpose(x, (0, 2, 1, 3))'''


def _layer(name: str, given: frozenset[str]) -> Iterator[str]:
    is_grouped = "kv_heads" in given
    yield "@keras.saving.register_keras_serializable()"
    yield f"class {name}(layers.Layer):"
    what = "k and v in fewer heads than q" if is_grouped else "in several heads"
    nothing = "; a query that may attend to nothing gets 0" if not given.isdisjoint(MASKS) else ""
    yield from docstring(f"Attention, {what}{nothing}", given, MASKS)
    settings = {
        "heads": "",
        "kv_heads": "",
        "key_dim": "=None",
        "value_dim": "=None",
        "output_size": "=None",
        "use_bias": f"={not is_grouped}",
        "causal": "=False",
        "dropout": "=0.0",
        "rotary": "=None",
        "kernel_initializer": '="glorot_uniform"',
    }
    kept = {name: usual for name, usual in settings.items() if name in given}
    for part in (_constructor(kept), _build(given), _helpers(given), _call(given)):
        yield ""
        yield from part
    yield ""
    yield from _config(kept)


def _constructor(settings: dict[str, str]) -> Iterator[str]:
    arguments = ["self", *(f"{name}{usual}" for name, usual in settings.items()), "**kwargs"]
    yield from wrap(f"def __init__({', '.join(arguments)}):", 4)
    yield "        super().__init__(**kwargs)"
    for name in settings:
        if name == "rotary":
            yield "        is_config = isinstance(rotary, dict)"
            yield "        self.rotary = keras.layers.deserialize(rotary) if is_config else rotary"
        elif name == "kernel_initializer":
            yield "        self.kernel_initializer = keras.initializers.get(kernel_initializer)"
        else:
            yield f"        self.{name} = {name}"
    if "dropout" in settings:
        yield "        self.seed_generator = keras.random.SeedGenerator()"


def _build(given: frozenset[str]) -> Iterator[str]:
    _, key, value = (f"{x}_shape" for _, x, _ in operands(given))
    shape = f"{query(given)}_shape"
    arguments = [shape]
    arguments += [f"{name}_shape=None" for name in ("value", "key") if name in given]
    yield f"    def build(self, {', '.join(arguments)}):"
    if "value" in given:
        yield "        value_shape = value_shape or query_shape"
    if "key" in given:
        yield "        key_shape = key_shape or value_shape"
    yield f"        size = {shape}[-1]"
    queries = keys = "size"
    if "key_dim" in given:
        yield "        key_dim = self.key_dim or size // self.heads"
        queries = keys = "self.heads * key_dim"
    elif "kv_heads" in given or "value_dim" in given:
        yield "        key_dim = size // self.heads"
    if "kv_heads" in given:
        keys = "self.kv_heads * key_dim"
    values, attended = keys, queries
    if "value_dim" in given:
        yield "        values = self.heads * (self.value_dim or key_dim)"
        values = attended = "values"
    output = "self.output_size or size" if "output_size" in given else "size"
    joined = shape if attended == "size" else f"(*{shape}[:-1], {attended})"
    for name, units, taken in (
        ("q", queries, shape),
        ("k", keys, key),
        ("v", values, value),
        ("out", output, joined),
    ):
        yield from wrap(f'self.{name} = self.projection("{name}", {units}, {taken})', 8)


def _helpers(given: frozenset[str]) -> Iterator[str]:
    dense = "units"
    if "use_bias" in given:
        dense += ", use_bias=self.use_bias"
    elif "kv_heads" in given:
        dense += ", use_bias=False"
    if "kernel_initializer" in given:
        yield "    def projection(self, name, units, shape):"
        yield "        law = self.kernel_initializer.clone()  # of one alone all would begin equal"
        dense += ", kernel_initializer=law"
    else:
        yield "    def projection(self, name, units, shape):"
    yield f"        dense = layers.Dense({dense}, name=name)"
    yield "        dense.build(shape)"
    yield "        return dense"
    yield ""
    yield _SPLIT


def _call(given: frozenset[str]) -> Iterator[str]:
    masks = [name for name in MASKS if name in given]
    optional = [name for name in ("value", "key") if name in given] + masks
    arguments = ["self", query(given), *(f"{name}=None" for name in optional)]
    if "dropout" in given:
        arguments.append("training=False")
    yield from wrap(f"def call({', '.join(arguments)}):", 4)
    yield from left_out(given)
    for name, x, heads in operands(given):
        yield f"        {name} = self.split(self.{name}({x}), self.{heads})"
    if ALWAYS_ROTARY in given:
        yield "        q, k = self.rotary(q), self.rotary(k)"
    elif "rotary" in given:
        yield "        if self.rotary is not None:"
        yield "            q, k = self.rotary(q), self.rotary(k)"
    if "kv_heads" in given:
        yield "        k = ops.repeat(k, self.heads // self.kv_heads, axis=1)"
        yield "        v = ops.repeat(v, self.heads // self.kv_heads, axis=1)"
    yield "        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) * q.shape[-1] ** -0.5"
    yield from _weights(given)
    if "dropout" in given:
        yield "        if self.dropout and training:"
        yield "            seed = self.seed_generator"
        yield "            weights = keras.random.dropout(weights, self.dropout, seed=seed)"
    yield "        y = ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3))"
    yield "        y = ops.reshape(y, (-1, ops.shape(y)[1], y.shape[2] * y.shape[3]))"
    yield "        return self.out(y)"


def _weights(given: frozenset[str]) -> Iterator[str]:
    if given.isdisjoint((*MASKS, "causal")):
        yield "        weights = ops.softmax(scores)"
        return
    if given.isdisjoint(MASKS):
        yield "        if self.causal:"
        yield "            rows = ops.arange(ops.shape(q)[2])[:, None]"
        yield "            past = rows >= ops.arange(ops.shape(k)[2])"
        yield "            scores = ops.where(past, scores, -1e30)"
        yield "        weights = ops.softmax(scores)"
        return
    if "attention_mask" in given:
        yield "        mask = attention_mask"
        if "kv_heads" in given:
            yield "        if mask is not None:"
        else:
            yield "        if mask is not None and len(mask.shape) == 3:  # the same for every head"
        yield "            mask = mask[:, None]"
    if given.issuperset(MASKS):
        yield "        if key_padding is not None:"
        yield "            padding = key_padding[:, None, None]"
        yield "            mask = padding if mask is None else ops.logical_and(mask, padding)"
    elif "key_padding" in given:
        yield "        mask = None if key_padding is None else key_padding[:, None, None]"
    if "causal" in given:
        yield "        if self.causal:"
        yield "            rows = ops.arange(ops.shape(q)[2])[:, None]"
        yield "            past = rows >= ops.arange(ops.shape(k)[2])"
        yield "            mask = past if mask is None else ops.logical_and(mask, past)"
    yield "        if mask is None:"
    yield "            weights = ops.softmax(scores)"
    yield "        else:"
    yield "            weights = ops.softmax(ops.where(mask, scores, -1e30))"
    yield "            weights = weights * ops.cast(mask, weights.dtype)"


def _config(settings: dict[str, str]) -> Iterator[str]:
    yield "    def get_config(self):"
    values = {name: f"self.{name}" for name in settings}
    if "kernel_initializer" in settings:
        yield "        law = keras.initializers.serialize(self.kernel_initializer)"
        values["kernel_initializer"] = "law"
    if "rotary" in settings:
        yield "        rotary = self.rotary and keras.layers.serialize(self.rotary)"
        values["rotary"] = "rotary"
    yield "        return {"
    yield "            **super().get_config(),"
    for name, value in values.items():
        yield f'            "{name}": {value},'
    yield "        }"


SPECIALISED = attention_helpers(_layer, MASKS)
