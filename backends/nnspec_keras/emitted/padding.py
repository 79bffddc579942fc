"""Padding that TensorFlow lacks."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class ReplicationPadding(layers.Layer):
    """Repeats the outermost elements of each spatial axis."""

    def __init__(self, padding, **kwargs):
        super().__init__(**kwargs)
        self.padding = padding

    def call(self, x):
        for i in range(max(map(max, self.padding))):
            # To mirror one element is to repeat it.
            pads = [(int(begin > i), int(end > i)) for begin, end in self.padding]
            x = ops.pad(x, [(0, 0), *pads, (0, 0)], mode="symmetric")
        return x

    def get_config(self):
        return {**super().get_config(), "padding": self.padding}


@keras.saving.register_keras_serializable()
class SamePadding(layers.Layer):
    """Zeros for one window at every stride; of an odd number one more goes to the end."""

    def __init__(self, window, strides, **kwargs):
        super().__init__(**kwargs)
        self.window = window
        self.strides = strides

    def call(self, x):
        for axis, (span, step) in enumerate(zip(self.window, self.strides), 1):
            size = ops.shape(x)[axis]
            total = span - step + -size % step
            if span < step:
                total = ops.maximum(total, 0)
            most = span - 1
            pads = [(0, 0)] * len(x.shape)
            # As many as any size needs, of which those are kept that this one does.
            pads[axis] = (most // 2, most - most // 2)
            start = most // 2 - total // 2
            x = ops.pad(x, pads)
            kept = [slice(None)] * len(x.shape)
            kept[axis] = slice(start, start + size + total)
            x = x[tuple(kept)]
        return x

    def get_config(self):
        return {
            **super().get_config(),
            "window": self.window,
            "strides": self.strides,
        }
