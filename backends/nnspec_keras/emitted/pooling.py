"""Pooling whose windows, ties or padding Keras takes otherwise."""

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable()
class AdaptiveAveragePooling1D(layers.AdaptiveAveragePooling1D):
    """The mean of each bin. Keras's own takes windows that an axis of one cannot hold."""

    def call(self, x):
        for axis, new in enumerate(self.output_size, 1):
            old = x.shape[axis]
            bins = [range(i * old // new, -(-(i + 1) * old // new)) for i in range(new)]
            means = [ops.mean(ops.take(x, list(bin), axis), axis) for bin in bins]
            x = ops.stack(means, axis)
        return x


@keras.saving.register_keras_serializable()
class AdaptiveAveragePooling2D(layers.AdaptiveAveragePooling2D):
    """The mean of each bin. Keras's own takes windows that an axis of one cannot hold."""

    def call(self, x):
        for axis, new in enumerate(self.output_size, 1):
            old = x.shape[axis]
            bins = [range(i * old // new, -(-(i + 1) * old // new)) for i in range(new)]
            means = [ops.mean(ops.take(x, list(bin), axis), axis) for bin in bins]
            x = ops.stack(means, axis)
        return x


@keras.saving.register_keras_serializable()
class AdaptiveMaxPooling1D(layers.AdaptiveMaxPooling1D):
    """The largest element of each bin; of equal ones the first gets the gradient."""

    def call(self, x):
        widths = []
        for axis, new in enumerate(self.output_size, 1):
            old = x.shape[axis]
            first = np.arange(new) * old // new
            last = -(-np.arange(1, new + 1) * old // new) - 1
            widths.append(int(np.max(last - first)) + 1)
            # Bins are as long as the longest; what they lack is their last element.
            bins = np.minimum(first[:, None] + np.arange(widths[-1]), last[:, None])
            x = ops.take(x, bins.ravel(), axis)
        return ops.max_pool(x, widths, data_format="channels_last")


@keras.saving.register_keras_serializable()
class AdaptiveMaxPooling2D(layers.AdaptiveMaxPooling2D):
    """The largest element of each bin; of equal ones the first gets the gradient."""

    def call(self, x):
        widths = []
        for axis, new in enumerate(self.output_size, 1):
            old = x.shape[axis]
            first = np.arange(new) * old // new
            last = -(-np.arange(1, new + 1) * old // new) - 1
            widths.append(int(np.max(last - first)) + 1)
            # Bins are as long as the longest; what they lack is their last element.
            bins = np.minimum(first[:, None] + np.arange(widths[-1]), last[:, None])
            x = ops.take(x, bins.ravel(), axis)
        return ops.max_pool(x, widths, data_format="channels_last")


@keras.saving.register_keras_serializable()
class DynamicAdaptivePooling(layers.Layer):
    """The mean, or the largest element, of each bin, whatever the sizes are.

    Of equal ones the first gets the gradient.
    """

    def __init__(self, output_size, largest=False, **kwargs):
        super().__init__(**kwargs)
        self.output_size = output_size
        self.largest = largest

    def call(self, x):
        for axis, new in enumerate(self.output_size, 1):
            place = 2 * axis - 1 if self.largest else axis
            old = ops.cast(ops.shape(x)[place], "int64")
            i = ops.arange(new, dtype="int64")
            first, last = i * old // new, ((i + 1) * old + new - 1) // new - 1
            if self.largest:
                # Bins are as long as the longest; what they lack is their last element.
                widest = ops.max(last - first) + 1
                bins = first[:, None] + ops.arange(widest, dtype="int64")
                bins = ops.minimum(bins, last[:, None])
                x = ops.take(x, bins, place)
            else:
                j = ops.arange(old, dtype="int64")
                inside = ops.logical_and(first[:, None] <= j, j <= last[:, None])
                weights = ops.cast(inside, x.dtype)
                weights = weights / ops.sum(weights, axis=1, keepdims=True)
                x = ops.tensordot(x, weights, axes=((axis,), (1,)))
                x = ops.moveaxis(x, -1, axis)
        return self.largest_of(x) if self.largest else x

    def largest_of(self, x):
        """(batch, new, bin, ..., channels) -> (batch, new, ..., channels)."""
        axes = len(self.output_size)
        news, bins = range(1, 2 * axes, 2), range(2, 2 * axes + 1, 2)
        x = ops.transpose(x, (0, *news, *bins, 2 * axes + 1))
        rows = ops.shape(x)[0]
        x = ops.reshape(x, (rows, *self.output_size, -1, x.shape[-1]))
        places = ops.expand_dims(ops.argmax(x, axis=-2), -2)
        return ops.squeeze(ops.take_along_axis(x, places, axis=-2), -2)

    def get_config(self):
        config = super().get_config()
        return {**config, "output_size": self.output_size, "largest": self.largest}


def average_pooling1d(pool_size, strides, padding, name):
    """Return a layer's function: the mean of each window, padding not counted."""
    pad = layers.ZeroPadding1D(
        padding, data_format="channels_last", name=f"{name}.padding"
    )
    pool = layers.AveragePooling1D(
        pool_size, strides, data_format="channels_last", name=name
    )
    return lambda x: pool(pad(x)) / pool(pad(ops.ones_like(x)))


def average_pooling2d(pool_size, strides, padding, name):
    """Return a layer's function: the mean of each window, padding not counted."""
    pad = layers.ZeroPadding2D(
        padding, data_format="channels_last", name=f"{name}.padding"
    )
    pool = layers.AveragePooling2D(
        pool_size, strides, data_format="channels_last", name=name
    )
    return lambda x: pool(pad(x)) / pool(pad(ops.ones_like(x)))


def average_pooling3d(pool_size, strides, padding, name):
    """Return a layer's function: the mean of each window, padding not counted."""
    pad = layers.ZeroPadding3D(
        padding, data_format="channels_last", name=f"{name}.padding"
    )
    pool = layers.AveragePooling3D(
        pool_size, strides, data_format="channels_last", name=name
    )
    return lambda x: pool(pad(x)) / pool(pad(ops.ones_like(x)))


@keras.saving.register_keras_serializable()
class MaxPooling3D(layers.MaxPooling3D):
    """Pools planes, then depth: TensorFlow gives the gradient to all equal elements."""

    def call(self, x):
        depth, *plane = self.pool_size
        step, *steps = self.strides
        _, planes, height, width, channels = ops.shape(x)
        x = ops.reshape(x, (-1, height, width, channels))
        x = ops.max_pool(x, plane, steps, self.padding, "channels_last")
        _, height, width, _ = ops.shape(x)
        x = ops.reshape(x, (-1, planes, height * width, channels))
        x = ops.max_pool(x, (depth, 1), (step, 1), self.padding, "channels_last")
        return ops.reshape(x, (-1, ops.shape(x)[1], height, width, channels))
