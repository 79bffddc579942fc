"""Attention in several heads."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class MultiHeadAttention(layers.Layer):
    """Attention, in several heads; a query that may attend to nothing gets 0.

    query (batch, time, size), value and key (batch, length, size) -> (batch, time, out);
    masks are True where attended.
    """

    def __init__(
        self,
        heads,
        key_dim=None,
        value_dim=None,
        output_size=None,
        use_bias=True,
        causal=False,
        dropout=0.0,
        scale=None,
        kernel_initializer="glorot_uniform",
        initializers=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.heads = heads
        self.key_dim = key_dim
        self.value_dim = value_dim
        self.output_size = output_size
        self.use_bias = use_bias
        self.causal = causal
        self.dropout = dropout
        self.scale = scale
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.initializers = initializers and {
            name: keras.initializers.get(law) for name, law in initializers.items()
        }
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, query_shape, value_shape=None, key_shape=None):
        value_shape = value_shape or query_shape
        key_shape = key_shape or value_shape
        size = query_shape[-1]
        key_dim = self.key_dim or size // self.heads
        values = self.heads * (self.value_dim or key_dim)
        self.q = self.projection("q", self.heads * key_dim, query_shape)
        self.k = self.projection("k", self.heads * key_dim, key_shape)
        self.v = self.projection("v", values, value_shape)
        self.out = self.projection(
            "out", self.output_size or size, (*query_shape[:-1], values)
        )

    def projection(self, name, units, shape):
        if self.initializers:
            law = self.initializers[name]
        else:
            law = self.kernel_initializer.clone()  # of one alone all would begin equal
        dense = layers.Dense(
            units, use_bias=self.use_bias, kernel_initializer=law, name=name
        )
        dense.build(shape)
        return dense

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
        score_bias=None,
        training=False,
    ):
        leading = ops.shape(query)[:-2]
        if len(query.shape) > 3:  # sequences along leading axes are rows of the batch
            query = ops.reshape(query, (-1, *ops.shape(query)[-2:]))
            if value is not None:
                value = ops.reshape(value, (-1, *ops.shape(value)[-2:]))
            if key is not None:
                key = ops.reshape(key, (-1, *ops.shape(key)[-2:]))
            if attention_mask is not None:
                kept = ops.shape(attention_mask)[len(leading) :]
                attention_mask = ops.broadcast_to(attention_mask, (*leading, *kept))
                attention_mask = ops.reshape(attention_mask, (-1, *kept))
            if key_padding is not None:
                kept = ops.shape(key_padding)[-1]
                key_padding = ops.broadcast_to(key_padding, (*leading, kept))
                key_padding = ops.reshape(key_padding, (-1, kept))
            if score_bias is not None:
                kept = ops.shape(score_bias)[len(leading) :]
                score_bias = ops.broadcast_to(score_bias, (*leading, *kept))
                score_bias = ops.reshape(score_bias, (-1, *kept))
        value = query if value is None else value
        key = value if key is None else key
        q = self.split(self.q(query), self.heads)
        k = self.split(self.k(key), self.heads)
        v = self.split(self.v(value), self.heads)
        if self.scale is None:
            scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) * q.shape[-1] ** -0.5
        else:
            scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) * self.scale
        if score_bias is not None and len(score_bias.shape) == 3:
            score_bias = score_bias[:, None]  # the same for every head
        if score_bias is not None:
            scores = scores + score_bias
        if attention_mask is None and key_padding is None:
            if self.causal:
                rows = ops.arange(ops.shape(q)[2])[:, None]
                past = rows >= ops.arange(ops.shape(k)[2])
                scores = ops.where(past, scores, -1e30)
            weights = ops.softmax(scores)
        else:
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
        if len(leading) > 1:
            y = ops.reshape(y, (*leading, *ops.shape(y)[-2:]))
        return self.out(y)

    def get_config(self):
        law = keras.initializers.serialize(self.kernel_initializer)
        laws = keras.saving.serialize_keras_object(self.initializers)
        return {
            **super().get_config(),
            "heads": self.heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "output_size": self.output_size,
            "use_bias": self.use_bias,
            "causal": self.causal,
            "dropout": self.dropout,
            "scale": self.scale,
            "kernel_initializer": law,
            "initializers": laws,
        }


@keras.saving.register_keras_serializable()
class GroupedQueryAttention(layers.Layer):
    """Attention, k and v in fewer heads than q; a query that may attend to nothing gets 0.

    query (batch, time, size), value and key (batch, length, size) -> (batch, time, out);
    masks are True where attended.
    """

    def __init__(
        self,
        heads,
        kv_heads,
        key_dim=None,
        output_size=None,
        use_bias=False,
        causal=False,
        dropout=0.0,
        scale=None,
        rotary=None,
        kernel_initializer="glorot_uniform",
        initializers=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.heads = heads
        self.kv_heads = kv_heads
        self.key_dim = key_dim
        self.output_size = output_size
        self.use_bias = use_bias
        self.causal = causal
        self.dropout = dropout
        self.scale = scale
        is_config = isinstance(rotary, dict)
        self.rotary = keras.layers.deserialize(rotary) if is_config else rotary
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.initializers = initializers and {
            name: keras.initializers.get(law) for name, law in initializers.items()
        }
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, query_shape, value_shape=None, key_shape=None):
        value_shape = value_shape or query_shape
        key_shape = key_shape or value_shape
        size = query_shape[-1]
        key_dim = self.key_dim or size // self.heads
        self.q = self.projection("q", self.heads * key_dim, query_shape)
        self.k = self.projection("k", self.kv_heads * key_dim, key_shape)
        self.v = self.projection("v", self.kv_heads * key_dim, value_shape)
        self.out = self.projection(
            "out", self.output_size or size, (*query_shape[:-1], self.heads * key_dim)
        )

    def projection(self, name, units, shape):
        if self.initializers:
            law = self.initializers[name]
        else:
            law = self.kernel_initializer.clone()  # of one alone all would begin equal
        dense = layers.Dense(
            units, use_bias=self.use_bias, kernel_initializer=law, name=name
        )
        dense.build(shape)
        return dense

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
        score_bias=None,
        training=False,
    ):
        leading = ops.shape(query)[:-2]
        if len(query.shape) > 3:  # sequences along leading axes are rows of the batch
            query = ops.reshape(query, (-1, *ops.shape(query)[-2:]))
            if value is not None:
                value = ops.reshape(value, (-1, *ops.shape(value)[-2:]))
            if key is not None:
                key = ops.reshape(key, (-1, *ops.shape(key)[-2:]))
            if attention_mask is not None:
                kept = ops.shape(attention_mask)[len(leading) :]
                attention_mask = ops.broadcast_to(attention_mask, (*leading, *kept))
                attention_mask = ops.reshape(attention_mask, (-1, *kept))
            if key_padding is not None:
                kept = ops.shape(key_padding)[-1]
                key_padding = ops.broadcast_to(key_padding, (*leading, kept))
                key_padding = ops.reshape(key_padding, (-1, kept))
            if score_bias is not None:
                kept = ops.shape(score_bias)[len(leading) :]
                score_bias = ops.broadcast_to(score_bias, (*leading, *kept))
                score_bias = ops.reshape(score_bias, (-1, *kept))
        value = query if value is None else value
        key = value if key is None else key
        q = self.split(self.q(query), self.heads)
        k = self.split(self.k(key), self.kv_heads)
        v = self.split(self.v(value), self.kv_heads)
        if self.rotary is not None:
            q, k = self.rotary(q), self.rotary(k)
        k = ops.repeat(k, self.heads // self.kv_heads, axis=1)
        v = ops.repeat(v, self.heads // self.kv_heads, axis=1)
        if self.scale is None:
            scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) * q.shape[-1] ** -0.5
        else:
            scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2))) * self.scale
        if score_bias is not None and len(score_bias.shape) == 3:
            score_bias = score_bias[:, None]  # the same for every head
        if score_bias is not None:
            scores = scores + score_bias
        if attention_mask is None and key_padding is None:
            if self.causal:
                rows = ops.arange(ops.shape(q)[2])[:, None]
                past = rows >= ops.arange(ops.shape(k)[2])
                scores = ops.where(past, scores, -1e30)
            weights = ops.softmax(scores)
        else:
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
        if len(leading) > 1:
            y = ops.reshape(y, (*leading, *ops.shape(y)[-2:]))
        return self.out(y)

    def get_config(self):
        law = keras.initializers.serialize(self.kernel_initializer)
        laws = keras.saving.serialize_keras_object(self.initializers)
        rotary = self.rotary and keras.layers.serialize(self.rotary)
        return {
            **super().get_config(),
            "heads": self.heads,
            "kv_heads": self.kv_heads,
            "key_dim": self.key_dim,
            "output_size": self.output_size,
            "use_bias": self.use_bias,
            "causal": self.causal,
            "dropout": self.dropout,
            "scale": self.scale,
            "rotary": rotary,
            "kernel_initializer": law,
            "initializers": laws,
        }
