"""Images made larger or smaller."""

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Resize(layers.Layer):
    """Resizes height and width as PyTorch and ONNX do (bicubic with a = -0.75)."""

    def __init__(self, size, interpolation, align_corners=False, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.interpolation = interpolation
        self.align_corners = align_corners

    def call(self, x):
        rows, columns = map(self.matrix, x.shape[1:3], self.size)
        x = ops.einsum("ih,nhwc->niwc", ops.convert_to_tensor(rows, x.dtype), x)
        return ops.einsum("jw,niwc->nijc", ops.convert_to_tensor(columns, x.dtype), x)

    def matrix(self, old, new):
        """Return the weight of each old position in each new one: (new, old)."""
        i = np.arange(new)
        if self.align_corners:
            at = i * (old - 1) / max(new - 1, 1)
        else:
            at = (i + 0.5) * old / new - 0.5
        matrix = np.zeros((new, old))
        for step in (-1, 0, 1, 2):
            near = np.floor(at) + step
            column = np.clip(near, 0, old - 1).astype(int)
            np.add.at(matrix, (i, column), self.kernel(np.abs(at - near)))
        return matrix

    def kernel(self, d):
        """Return the weight of what lies `d` away."""
        if self.interpolation == "bilinear":
            return np.maximum(1 - d, 0)
        far = np.where(d < 2, -0.75 * (((d - 5) * d + 8) * d - 4), 0)
        return np.where(d <= 1, (1.25 * d - 2.25) * d * d + 1, far)

    def get_config(self):
        config = super().get_config()
        config |= {"size": self.size, "interpolation": self.interpolation}
        return {**config, "align_corners": self.align_corners}


@keras.saving.register_keras_serializable()
class SmoothResize(layers.Layer):
    """Resizes height and width with antialias, as PyTorch does (bicubic with a = -0.5)."""

    def __init__(self, size, interpolation, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.interpolation = interpolation

    def call(self, x):
        rows, columns = map(self.matrix, x.shape[1:3], self.size)
        x = ops.einsum("ih,nhwc->niwc", ops.convert_to_tensor(rows, x.dtype), x)
        return ops.einsum("jw,niwc->nijc", ops.convert_to_tensor(columns, x.dtype), x)

    def matrix(self, old, new):
        """Return the weight of each old position in each new one: (new, old)."""
        centres = (np.arange(new)[:, None] + 0.5) * old / new - 0.5
        d = np.abs(np.arange(old) - centres) / max(old / new, 1.0)
        if self.interpolation == "bilinear":
            matrix = np.maximum(1 - d, 0)
        else:
            far = np.where(d < 2, -0.5 * (((d - 5) * d + 8) * d - 4), 0)
            matrix = np.where(d < 1, (1.5 * d - 2.5) * d * d + 1, far)
        return matrix / matrix.sum(axis=1, keepdims=True)

    def get_config(self):
        config = super().get_config()
        return {**config, "size": self.size, "interpolation": self.interpolation}


@keras.saving.register_keras_serializable()
class NearestResize(layers.Layer):
    """Resizes height and width, each position taking the nearest element.

    layers.Resizing has training=True by default, which Keras hands on to later layers.
    """

    def __init__(self, size, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def call(self, x):
        for axis, new in enumerate(self.size, 1):
            old = x.shape[axis]
            # In float32, as in PyTorch and TensorFlow, which chooses where two are as near.
            centres = np.arange(new, dtype="float32") + np.float32(0.5)
            nearest = np.floor(centres * (np.float32(old) / np.float32(new)))
            x = ops.take(x, np.minimum(nearest, old - 1).astype("int32"), axis)
        return x

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable()
class DynamicResize(layers.Layer):
    """Resizes height and width, whatever they are, as PyTorch and ONNX do.

    To a size, or by a scale, which is a fraction: over, under.
    """

    def __init__(
        self,
        size=None,
        scale=(1, 1),
        interpolation="nearest",
        align_corners=False,
        antialias=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.size = size
        self.scale = scale
        self.interpolation = interpolation
        self.align_corners = align_corners
        self.antialias = antialias

    def call(self, x):
        for axis in (1, 2):
            old = ops.cast(ops.shape(x)[axis], "int64")
            if self.size is None:
                new = old * self.scale[0] // self.scale[1]
            else:
                new = self.size[axis - 1]
            if self.interpolation == "nearest":
                x = ops.take(x, self.nearest(old, new), axis)
            elif self.antialias:
                x = self.smoothed(x, axis, old, new)
            else:
                x = self.between(x, axis, old, new)
        return x

    def nearest(self, old, new):
        # In float32, as in PyTorch and TensorFlow, which chooses where two are as near.
        centres = ops.arange(new, dtype="float32") + 0.5
        ratio = ops.cast(old, "float32") / ops.cast(new, "float32")
        nearest = ops.cast(ops.floor(centres * ratio), "int64")
        return ops.minimum(nearest, old - 1)

    def between(self, x, axis, old, new):
        i = ops.arange(new, dtype="int64")
        if self.align_corners:
            over, under = i * (old - 1), ops.cast(ops.maximum(new - 1, 1), "int64")
        else:
            over, under = (2 * i + 1) * old - new, 2 * new
        near, rest = over // under, over % under
        part = ops.cast(rest, "float64") / ops.cast(under, "float64")
        shape = (-1, 1, 1) if axis == 1 else (-1, 1)
        y = 0.0
        for step in (0, 1) if self.interpolation == "bilinear" else (-1, 0, 1, 2):
            taken = ops.take(x, ops.clip(near + step, 0, old - 1), axis)
            weight = self.weight(ops.abs(part - step), step)
            y = y + taken * ops.reshape(ops.cast(weight, x.dtype), shape)
        return y

    def weight(self, d, step):
        if self.interpolation == "bilinear":
            return 1 - d
        if step in (0, 1):
            return (1.25 * d - 2.25) * d * d + 1
        return -0.75 * (((d - 5) * d + 8) * d - 4)

    def smoothed(self, x, axis, old, new):
        i = ops.arange(new, dtype="int64")[:, None]
        j = ops.arange(old, dtype="int64")
        away = ops.abs(2 * new * j - (2 * i + 1) * old + new)
        d = ops.cast(away, "float64") / ops.cast(2 * ops.maximum(old, new), "float64")
        if self.interpolation == "bilinear":
            weights = ops.maximum(1 - d, 0)
        else:
            far = ops.where(d < 2, -0.5 * (((d - 5) * d + 8) * d - 4), 0)
            weights = ops.where(d < 1, (1.5 * d - 2.5) * d * d + 1, far)
        weights = weights / ops.sum(weights, axis=1, keepdims=True)
        weights = ops.cast(weights, x.dtype)
        along = "ih,nhwc->niwc" if axis == 1 else "jw,nhwc->nhjc"
        return ops.einsum(along, weights, x)

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "scale": self.scale,
            "interpolation": self.interpolation,
            "align_corners": self.align_corners,
            "antialias": self.antialias,
        }


@keras.saving.register_keras_serializable()
class PixelShuffle(layers.Layer):
    """Moves channels into space: channel c * r**2 + i * r + j to row i and column j."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        r = self.factor
        _, height, width, channels = ops.shape(x)
        x = ops.reshape(x, (-1, height, width, channels // r**2, r, r))
        x = ops.transpose(x, (0, 1, 4, 2, 5, 3))
        return ops.reshape(x, (-1, height * r, width * r, channels // r**2))

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable()
class PixelUnshuffle(layers.Layer):
    """Moves space into channels: row i and column j to channel c * r**2 + i * r + j."""

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        r = self.factor
        _, height, width, channels = ops.shape(x)
        x = ops.reshape(x, (-1, height // r, r, width // r, r, channels))
        x = ops.transpose(x, (0, 1, 3, 5, 2, 4))
        return ops.reshape(x, (-1, height // r, width // r, channels * r**2))

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
