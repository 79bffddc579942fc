"""Tables of positions, and tensors that every row gets."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Bias(layers.Layer):
    """Adds a learned number to each feature."""

    def build(self, shape):
        self.bias = self.add_weight(name="bias", shape=shape[-1:], initializer="zeros")

    def call(self, x):
        return x + self.bias


@keras.saving.register_keras_serializable()
class Embedding(layers.Embedding):
    """An embedding that can be reversed, to x times its table transposed.

    The row for padding, if there is one, starts at zero; its look-ups give no gradient.
    """

    def __init__(self, input_dim, output_dim, padding_index=None, **kwargs):
        super().__init__(input_dim, output_dim, **kwargs)
        self.padding_index = padding_index

    def build(self, input_shape=None):
        super().build(input_shape)
        if self.padding_index is not None:
            rows = ops.arange(self.input_dim)[:, None]
            table = self._embeddings
            table.assign(table * ops.cast(rows != self.padding_index, table.dtype))

    def call(self, inputs, reverse=False):
        if reverse:
            return ops.matmul(inputs, ops.transpose(self.embeddings))
        rows = super().call(inputs)
        if self.padding_index is None:
            return rows
        is_padding = ops.equal(inputs, self.padding_index)[..., None]
        return ops.where(is_padding, ops.stop_gradient(rows), rows)

    def compute_output_spec(self, inputs, reverse=False):
        shape = inputs.shape[:-1] if reverse else inputs.shape
        size = self.input_dim if reverse else self.output_dim
        return keras.KerasTensor((*shape, size), dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "padding_index": self.padding_index}


@keras.saving.register_keras_serializable()
class ReversibleEmbedding(layers.Embedding):
    """An embedding that can be reversed, to x times its table transposed."""

    def call(self, inputs, reverse=False):
        if reverse:
            return ops.matmul(inputs, ops.transpose(self.embeddings))
        return super().call(inputs)

    def compute_output_spec(self, inputs, reverse=False):
        shape = inputs.shape[:-1] if reverse else inputs.shape
        size = self.input_dim if reverse else self.output_dim
        return keras.KerasTensor((*shape, size), dtype=self.compute_dtype)


@keras.saving.register_keras_serializable()
class PositionEmbedding(layers.Layer):
    """Adds a learned vector for each position. (batch, time, features)."""

    def __init__(self, max_length, embeddings_initializer="uniform", **kwargs):
        super().__init__(**kwargs)
        self.max_length = max_length
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, shape):
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.max_length, shape[-1]),
            initializer=self.embeddings_initializer,
        )

    def call(self, x):
        return x + self.embeddings[: ops.shape(x)[1]]

    def get_config(self):
        law = keras.initializers.serialize(self.embeddings_initializer)
        return {
            **super().get_config(),
            "max_length": self.max_length,
            "embeddings_initializer": law,
        }


@keras.saving.register_keras_serializable()
class SinusoidalPosition(layers.Layer):
    """Adds sines (even features) and cosines (odd ones) of the positions."""

    def __init__(self, base=10000.0, **kwargs):
        super().__init__(**kwargs)
        self.base = base

    def call(self, x):
        time, features = ops.shape(x)[1], x.shape[2]
        exponents = [-2 * i / features for i in range((features + 1) // 2)]
        rates = [self.base**exponent for exponent in exponents]
        # In float32 the angle of a late position would be off.
        times = ops.cast(ops.arange(time), "float64")
        angles = times[:, None] * ops.convert_to_tensor(rates, "float64")
        waves = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
        waves = ops.reshape(waves, (time, 2 * len(rates)))[:, :features]
        return x + ops.cast(waves, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "base": self.base}


@keras.saving.register_keras_serializable()
class RotaryPosition(layers.Layer):
    """Turns pairs of features, one of each half, by angles that grow with the position."""

    def __init__(self, base=10000.0, **kwargs):
        super().__init__(**kwargs)
        self.base = base

    def call(self, x):
        time, half = ops.shape(x)[-2], x.shape[-1] // 2
        rates = [self.base ** (-i / half) for i in range(half)]
        # In float32 the angle of a late position would be off.
        times = ops.cast(ops.arange(time), "float64")
        angles = times[:, None] * ops.convert_to_tensor(rates, "float64")
        cos = ops.cast(ops.cos(angles), x.dtype)
        sin = ops.cast(ops.sin(angles), x.dtype)
        first, last = x[..., :half], x[..., half:]
        turned = [first * cos - last * sin, last * cos + first * sin]
        return ops.concatenate(turned, axis=-1)

    def get_config(self):
        return {**super().get_config(), "base": self.base}


@keras.saving.register_keras_serializable()
class LearnedTensor(layers.Layer):
    """A learned tensor, the same for every row. (batch, ...) -> (batch, *shape)."""

    def __init__(self, shape, initializer="zeros", **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(shape)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        self.weight = self.add_weight(
            name="weight", shape=self.shape, initializer=self.initializer
        )

    def call(self, x):
        return ops.broadcast_to(self.weight, (ops.shape(x)[0], *self.shape))

    def get_config(self):
        law = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "shape": self.shape, "initializer": law}


@keras.saving.register_keras_serializable()
class ConstantTensor(layers.Layer):
    """Fixed numbers, the same for every row. (batch, ...) -> (batch, *shape of value)."""

    def __init__(self, value, **kwargs):
        super().__init__(**kwargs)
        self.value = value

    def call(self, x):
        value = ops.convert_to_tensor(self.value, x.dtype)
        return ops.broadcast_to(value, (ops.shape(x)[0], *value.shape))

    def get_config(self):
        return {**super().get_config(), "value": self.value}


@keras.saving.register_keras_serializable()
class WholeNumbers(layers.Layer):
    """Fixed whole numbers, the same for every row. (batch, ...) -> (batch, *shape of value)."""

    def __init__(self, value, kind, **kwargs):
        super().__init__(**kwargs)
        self.value = value
        self.kind = kind

    def call(self, x):
        value = ops.convert_to_tensor(self.value, self.kind)
        return ops.broadcast_to(value, (ops.shape(x)[0], *value.shape))

    def get_config(self):
        return {**super().get_config(), "value": self.value, "kind": self.kind}
