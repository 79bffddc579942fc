"""Layers whose kernels are parted into lengths and directions."""

import keras
from keras import layers, ops


def lengths_of(v, shape):
    """Return |v| over the axes that have one element in `shape`."""
    axes = [axis for axis, size in enumerate(shape) if size == 1]
    return ops.sqrt(ops.sum(ops.square(v), axis=axes, keepdims=True))


@keras.saving.register_keras_serializable()
class WeightNormalization(layers.Wrapper):
    """Lets a layer compute with the kernel g v / |v|: Salimans and Kingma 2016.

    `kernels` names for each kernel the axes of its outputs: each output has a length g,
    which begins as |v|. The layer itself holds the direction v.
    """

    def __init__(self, layer, kernels=None, **kwargs):
        super().__init__(layer, **kwargs)
        self.kernels = kernels or {"kernel": [-1]}

    def build(self, input_shape):
        super().build(input_shape)
        self.lengths = [self.length(*each) for each in self.kernels.items()]

    def length(self, name, outputs):
        v = getattr(self.layer, name)
        shape = [1] * len(v.shape)
        for axis in outputs:
            shape[axis] = v.shape[axis]

        def initializer(shape, dtype=None):
            return lengths_of(v, shape)

        return self.add_weight(
            name=f"{name}_length", shape=shape, initializer=initializer
        )

    def call(self, x, **settings):
        kernels = []
        for name, g in zip(self.kernels, self.lengths):
            v = getattr(self.layer, name)
            kernels.append((v, v * (g / lengths_of(v, g.shape))))
        with keras.StatelessScope(state_mapping=kernels):
            return self.layer(x, **settings)

    def compute_output_spec(self, x, **settings):
        return keras.Operation.compute_output_spec(self, x, **settings)

    def get_config(self):
        return {**super().get_config(), "kernels": self.kernels}
