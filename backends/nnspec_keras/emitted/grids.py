"""Places along axes, and the largest elements along one."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class TopK(layers.Layer):
    """The k largest, the largest first, and where they are; of equal ones the first."""

    def __init__(self, k, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.k = k
        self.axis = axis

    def call(self, x):
        values, indices = ops.top_k(ops.moveaxis(x, self.axis, -1), self.k)
        indices = ops.cast(indices, "int64")
        return ops.moveaxis(values, -1, self.axis), ops.moveaxis(indices, -1, self.axis)

    def compute_output_spec(self, x):
        shape = list(x.shape)
        shape[self.axis] = self.k
        values = keras.KerasTensor(shape, dtype=x.dtype)
        return values, keras.KerasTensor(shape, dtype="int64")

    def get_config(self):
        return {**super().get_config(), "k": self.k, "axis": self.axis}


@keras.saving.register_keras_serializable()
class Arange(layers.Layer):
    """0 to n - 1 for the n places along an axis. (batch, ...) -> (batch, n)."""

    def __init__(self, axis=1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x):
        shape = ops.shape(x)
        numbers = ops.arange(shape[self.axis], dtype="int64")
        return ops.broadcast_to(numbers, (shape[0], shape[self.axis]))

    def compute_output_spec(self, x):
        return keras.KerasTensor((x.shape[0], x.shape[self.axis]), dtype="int64")

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


@keras.saving.register_keras_serializable()
class CoordinateGrid(layers.Layer):
    """Coordinates from low to high along each axis of an image, as its channels."""

    def __init__(self, low, high, axis, **kwargs):
        super().__init__(**kwargs)
        self.low = low
        self.high = high
        self.axis = axis

    def call(self, x):
        shape = ops.shape(x)
        lines = []
        for size in shape[2:] if self.axis == 1 else shape[1:-1]:
            last = ops.cast(ops.maximum(size - 1, 1), x.dtype)
            places = ops.cast(ops.arange(size), x.dtype)
            lines.append(self.low + (self.high - self.low) * places / last)
        grid = ops.stack(ops.meshgrid(*lines, indexing="ij"), axis=min(self.axis, 0))
        return ops.broadcast_to(grid, (shape[0], *ops.shape(grid)))

    def compute_output_spec(self, x):
        shape = list(x.shape)
        shape[self.axis] = len(shape) - 2
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        own = {"low": self.low, "high": self.high, "axis": self.axis}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable()
class SequenceMask(layers.Layer):
    """Whether each place comes before a length. (batch, ...) -> (batch, ..., places)."""

    def __init__(self, max_length=None, **kwargs):
        super().__init__(**kwargs)
        self.max_length = max_length

    def call(self, lengths, x=None):
        size = self.max_length if x is None else ops.shape(x)[1]
        return ops.less(ops.arange(size, dtype=lengths.dtype), lengths[..., None])

    def compute_output_spec(self, lengths, x=None):
        size = self.max_length if x is None else x.shape[1]
        return keras.KerasTensor((*lengths.shape, size), dtype="bool")

    def get_config(self):
        return {**super().get_config(), "max_length": self.max_length}
