"""Look-ups by the indices of each row."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Take(layers.Layer):
    """Looks up what stands along an axis, at each row's own indices.

    x (batch, ..., n, ...) and indices (batch, k, ...) -> (batch, ..., k, ..., ...).
    """

    def __init__(self, axis, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, x, indices):
        wanted = ops.shape(indices)
        places = ops.reshape(indices, (wanted[0], -1))
        others = [n for n in range(1, len(x.shape)) if n != self.axis]
        if others:
            places = ops.expand_dims(places, others)
        y = ops.take_along_axis(x, places, axis=self.axis)
        sizes = ops.shape(y)
        before, after = sizes[: self.axis], sizes[self.axis + 1 :]
        return ops.reshape(y, (*before, *wanted[1:], *after))

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}
