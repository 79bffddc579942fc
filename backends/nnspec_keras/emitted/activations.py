"""Activations and normalisations, exact also where they bend."""

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable()
class ActivationWith(layers.Layer):
    """An activation that takes settings besides its input."""

    def __init__(self, activation, settings, **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)
        self.settings = dict(settings)

    def call(self, x):
        return self.activation(x, **self.settings)

    def get_config(self):
        activation = keras.activations.serialize(self.activation)
        own = {"activation": activation, "settings": self.settings}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable()
def selu(x):
    """Scaled exponential linear unit, its gradient at 0 that of the negative side."""
    negative = 1.6732632423543772 * ops.expm1(ops.minimum(x, 0.0))
    return 1.0507009873554805 * ops.where(x > 0, x, negative)


@keras.saving.register_keras_serializable()
def celu(x, alpha=1.0):
    """Continuously differentiable exponential linear unit, its gradient at 0 one."""
    return ops.where(x > 0, x, alpha * ops.expm1(ops.minimum(x, 0.0) / alpha))


@keras.saving.register_keras_serializable()
def softmin(x, axis=-1):
    """Softmax of -x."""
    return ops.softmax(-x, axis=axis)


@keras.saving.register_keras_serializable()
def many_axes_softmax(x, axis=-1):
    """Softmax of a tensor with more axes than TensorFlow's own takes."""
    x = ops.exp(x - ops.max(x, axis=axis, keepdims=True))
    return x / ops.sum(x, axis=axis, keepdims=True)


@keras.saving.register_keras_serializable()
def swiglu(x, axis=-1):
    """The first half of an axis, through silu, times the second half."""
    value, gate = ops.split(x, 2, axis=axis)
    return ops.silu(value) * gate


@keras.saving.register_keras_serializable()
class PReLU(layers.PReLU):
    """A leaky ReLU with a learned slope a channel, which is also its gradient at 0."""

    def build(self, input_shape):
        self.alpha = self.add_weight(
            shape=input_shape[-1:], initializer=self.alpha_initializer, name="alpha"
        )

    def call(self, x):
        return ops.where(x > 0, x, self.alpha * x)


@keras.saving.register_keras_serializable()
class SinglePReLU(layers.PReLU):
    """A leaky ReLU with one learned slope, which is also its gradient at 0."""

    def build(self, input_shape):
        self.alpha = self.add_weight(
            shape=(1,), initializer=self.alpha_initializer, name="alpha"
        )

    def call(self, x):
        return ops.where(x > 0, x, self.alpha * x)


@keras.saving.register_keras_serializable()
class ElementPReLU(layers.PReLU):
    """A leaky ReLU with a learned slope an element, which is also its gradient at 0."""

    def call(self, x):
        return ops.where(x > 0, x, self.alpha * x)


@keras.saving.register_keras_serializable()
class UnitNormalization(layers.UnitNormalization):
    """Unit normalization whose gradient is finite at a vector of zeros."""

    def __init__(self, axis=-1, epsilon=1e-12, **kwargs):
        super().__init__(axis=axis, **kwargs)
        self.epsilon = epsilon

    def call(self, x):
        square = ops.sum(ops.square(x), axis=self.axis, keepdims=True)
        return x * ops.rsqrt(ops.maximum(square, self.epsilon**2))

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable()
class LocalResponseNormalization(layers.Layer):
    """x / (k + alpha * mean of the squares of size channels around x) ** beta."""

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def call(self, x):
        channels, beside = x.shape[-1], self.size // 2
        pads = [[0, 0]] * (len(x.shape) - 1) + [[beside, beside]]
        squares = ops.pad(ops.square(x), pads)
        around = [squares[..., i : i + channels] for i in range(self.size)]
        mean = sum(around[1:], around[0]) / self.size
        return x / ops.power(self.k + self.alpha * mean, self.beta)

    def get_config(self):
        own = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return {**super().get_config(), **own}
