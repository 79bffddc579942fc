"""Attention in Keras: a layer that the emitted source defines, and its calls."""

from __future__ import annotations

from nnspec.emit.code import call
from nnspec.emit.lowering import Context, Lowered, Native
from nnspec.initializers import GlorotUniform
from nnspec.layers import GroupedQueryAttention, MultiHeadAttention
from nnspec_keras.core import initializer

_MULTI_HEAD = '''\
@keras.saving.register_keras_serializable()
class MultiHeadAttention(layers.Layer):
    """Attention in several heads; a query that may attend to nothing gets 0.

    query (batch, time, size), value and key (batch, length, size) -> (batch, time, out);
    masks are True where attended.
    """

    def __init__(
        self,
        heads,
        key_dim,
        value_dim=None,
        output_size=None,
        use_bias=True,
        causal=False,
        dropout=0.0,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.heads = heads
        self.key_dim = key_dim
        self.value_dim = value_dim or key_dim
        self.output_size = output_size
        self.use_bias = use_bias
        self.causal = causal
        self.dropout = dropout
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, query_shape, value_shape=None, key_shape=None):
        value_shape = value_shape or query_shape
        key_shape = key_shape or value_shape
        keys, values = self.heads * self.key_dim, self.heads * self.value_dim
        self.q = self.projection("q", query_shape[-1], keys)
        self.k = self.projection("k", key_shape[-1], keys)
        self.v = self.projection("v", value_shape[-1], values)
        self.out = self.projection("out", values, self.output_size or query_shape[-1])

    def projection(self, name, rows, columns):
        kernel = self.add_weight(
            name=f"{name}_kernel",
            shape=(rows, columns),
            initializer=self.kernel_initializer,
        )
        if not self.use_bias:
            return kernel, None
        bias = self.add_weight(
            name=f"{name}_bias", shape=(columns,), initializer="zeros"
        )
        return kernel, bias

    def projected(self, x, projection):
        kernel, bias = projection
        y = ops.matmul(x, kernel)
        return y if bias is None else y + bias

    def split(self, x, heads):
        """(batch, time, heads * size) -> (batch, heads, time, size)."""
        x = ops.reshape(x, (-1, ops.shape(x)[1], heads, x.shape[2] // heads))
        return ops.transpose(x, (0, 2, 1, 3))

    def call(
        self,
        query,
        value=None,
        key=None,
        attention_mask=None,
        key_padding=None,
        training=False,
    ):
        value = query if value is None else value
        key = value if key is None else key
        q = self.split(self.projected(query, self.q), self.heads)
        k = self.split(self.projected(key, self.k), self.heads)
        v = self.split(self.projected(value, self.v), self.heads)
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) * self.key_dim**-0.5
        mask = attention_mask
        if mask is not None and len(mask.shape) == 3:  # the same for every head
            mask = mask[:, None]
        if key_padding is not None:
            padding = key_padding[:, None, None]
            mask = padding if mask is None else ops.logical_and(mask, padding)
        if self.causal:
            rows = ops.arange(ops.shape(q)[2])[:, None]
            past = rows >= ops.arange(ops.shape(k)[2])
            mask = past if mask is None else ops.logical_and(mask, past)
        if mask is None:
            weights = ops.softmax(scores)
        else:
            weights = ops.softmax(ops.where(mask, scores, -1e30))
            weights = weights * ops.cast(mask, weights.dtype)
        if self.dropout and training:
            seed = self.seed_generator
            weights = keras.random.dropout(weights, self.dropout, seed=seed)
        y = ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3))
        y = ops.reshape(y, (-1, ops.shape(y)[1], y.shape[2] * y.shape[3]))
        return self.projected(y, self.out)

    def get_config(self):
        law = keras.initializers.serialize(self.kernel_initializer)
        return {
            **super().get_config(),
            "heads": self.heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_size": self.output_size,
            "use_bias": self.use_bias,
            "causal": self.causal,
            "dropout": self.dropout,
            "kernel_initializer": law,
        }
'''

_GROUPED_QUERY = (
    _MULTI_HEAD.replace("class MultiHead", "class GroupedQuery")
    .replace("Attention in several heads;", "Attention, k and v in fewer heads than q;")
    .replace("        key_dim,\n        value_dim=None,\n", "        kv_heads,\n        key_dim,\n")
    .replace("use_bias=True", "use_bias=False")
    .replace(
        '        kernel_initializer="glorot',
        '        rotary=None,\n        kernel_initializer="glorot',
    )
    .replace(
        "        self.heads = heads\n",
        "        self.heads = heads\n        self.kv_heads = kv_heads\n",
    )
    .replace("        self.value_dim = value_dim or key_dim\n", "")
    .replace(
        "        self.dropout = dropout\n",
        "        self.dropout = dropout\n        is_config = isinstance(rotary, dict)\n"
        "        self.rotary = keras.layers.deserialize(rotary) if is_config else rotary\n",
    )
    .replace(
        "        keys, values = self.heads * self.key_dim, self.heads * self.value_dim\n",
        "        queries = self.heads * self.key_dim\n"
        "        keys = self.kv_heads * self.key_dim\n",
    )
    .replace("query_shape[-1], keys)", "query_shape[-1], queries)")
    .replace("value_shape[-1], values)", "value_shape[-1], keys)")
    .replace('("out", values', '("out", queries')
    .replace("self.k), self.heads)", "self.k), self.kv_heads)")
    .replace("self.v), self.heads)", "self.v), self.kv_heads)")
    .replace(
        "        scores = ops.matmul(q",
        "        if self.rotary is not None:\n"
        "            q, k = self.rotary(q), self.rotary(k)\n"
        "        k = ops.repeat(k, self.heads // self.kv_heads, axis=1)\n"
        "        v = ops.repeat(v, self.heads // self.kv_heads, axis=1)\n"
        "        scores = ops.matmul(q",
    )
    .replace(
        "        if mask is not None and len(mask.shape) == 3:  # the same for every head\n",
        "        if mask is not None:\n",
    )
    .replace('            "value_dim": self.value_dim,\n', "")
    .replace(
        '            "heads": self.heads,\n',
        '            "heads": self.heads,\n            "kv_heads": self.kv_heads,\n',
    )
    .replace(
        '            "kernel_initializer": law,\n',
        '            "rotary": rotary,\n            "kernel_initializer": law,\n',
    )
    .replace(
        "        return {\n            **super().get_config(),\n",
        "        rotary = self.rotary and keras.layers.serialize(self.rotary)\n"
        "        return {\n            **super().get_config(),\n",
    )
)

HELPERS = {
    "MultiHeadAttention": _MULTI_HEAD.rstrip(),
    "GroupedQueryAttention": _GROUPED_QUERY.rstrip(),
}

_NAMES = {"mask": "attention_mask", "key_padding": "key_padding"}
"""Keras gives an argument called mask a meaning of its own."""


def attention(layer: MultiHeadAttention | GroupedQueryAttention, context: Context) -> Lowered:
    """A layer of its own: Keras's gives the mean of all values where nothing is attended to."""
    sizes = layer.sizes(tuple(kind.shape for kind in context.inputs))
    keywords: dict[str, object] = {"heads": sizes.heads}
    if isinstance(layer, GroupedQueryAttention):
        keywords["kv_heads"] = sizes.kv_heads
    keywords["key_dim"] = sizes.key_dim
    optional = {
        "value_dim": (sizes.value_dim, sizes.key_dim),
        "output_size": (sizes.output_dim, sizes.features[0]),
        "use_bias": (layer.use_bias, isinstance(layer, MultiHeadAttention)),
        "causal": (layer.causal, False),
        "dropout": (float(layer.dropout), 0.0),
    }
    keywords |= {name: given for name, (given, usual) in optional.items() if given != usual}
    if layer.rotary_base is not None:
        base = {} if layer.rotary_base == 10000.0 else {"base": layer.rotary_base}
        keywords["rotary"] = call("RotaryPosition", **base)
    if not isinstance(layer.kernel_initializer, GlorotUniform):
        keywords["kernel_initializer"] = initializer(layer.kernel_initializer)
    natives = []
    for parameter in context.parameters(layer):
        part, _, kind = parameter.name.partition(".")
        is_weight = kind == "weight"
        name = f"{part}_kernel" if is_weight else f"{part}_bias"
        natives.append(Native(parameter.name, name, (1, 0) if is_weight else None))
    plain = len(context.inputs) - layer.masks
    texts = [f"{{{i}}}" for i in range(plain)]
    for field in layer.named_inputs:
        if getattr(layer, field) is not None:
            texts.append(f"{_NAMES[field]}={{{len(texts)}}}")
    module = call(type(layer).__name__, **keywords)
    return Lowered(f"{{module}}({', '.join(texts)})", module, parameters=tuple(natives))
