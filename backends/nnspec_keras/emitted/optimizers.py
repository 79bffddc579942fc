"""Optimizers whose formula Keras has not."""

import keras
from keras import ops


@keras.saving.register_keras_serializable()
class MomentumSGD(keras.optimizers.Optimizer):
    """Gradient descent whose velocity does not contain the learning rate."""

    def __init__(self, learning_rate=0.01, momentum=0.9, nesterov=False, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        self.nesterov = nesterov

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        gradient = ops.reshape(gradient, variable.shape)  # sum repeated embedding rows
        self.assign(velocity, self.momentum * velocity + gradient)
        step = gradient + self.momentum * velocity if self.nesterov else velocity
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "nesterov": self.nesterov,
        }


@keras.saving.register_keras_serializable()
class Adam(keras.optimizers.Optimizer):
    """Adam that adds epsilon after the bias correction, as its authors' algorithm 1 does."""

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, **kwargs
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.means = self.add_optimizer_variables(variables, "mean")
            self.squares = self.add_optimizer_variables(variables, "square")

    def apply(self, grads, trainable_variables=None):
        # In float32 the corrections would be off by 1e-5 in the first steps.
        step = ops.cast(self.iterations + 1, "float64")
        rate = ops.cast(self.learning_rate, "float64")
        self.rate = rate / (1 - ops.power(self.beta_1, step))
        self.correction = ops.sqrt(1 - ops.power(self.beta_2, step))
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        gradient = ops.reshape(gradient, variable.shape)  # sum repeated embedding rows
        rate = ops.cast(self.rate, variable.dtype)
        correction = ops.cast(self.correction, variable.dtype)
        self.assign_add(mean, (1 - self.beta_1) * (gradient - mean))
        self.assign(
            square, self.beta_2 * square + (1 - self.beta_2) * ops.square(gradient)
        )
        self.assign_sub(
            variable, rate * mean / (ops.sqrt(square) / correction + self.epsilon)
        )

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }
