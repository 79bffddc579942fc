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
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        step = self.momentum * velocity + gradient
        self.assign(velocity, step)
        if self.nesterov:
            step = gradient + self.momentum * step
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
        self.mean_correction = 1 - ops.power(self.beta_1, step)
        self.root_correction = ops.sqrt(1 - ops.power(self.beta_2, step))
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        rate = ops.cast(learning_rate, "float64") / self.mean_correction
        rate = ops.cast(rate, variable.dtype)
        correction = ops.cast(self.root_correction, variable.dtype)
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


@keras.saving.register_keras_serializable()
class AdamW(Adam):
    """Adam after a decay of each weight by the learning rate times `weight_decay`."""

    def __init__(self, learning_rate=0.001, weight_decay=0.01, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        # Keras's own `weight_decay` would be rounded to float32.
        self.decoupled_decay = weight_decay

    def update_step(self, gradient, variable, learning_rate):
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * self.decoupled_decay * variable)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self):
        return {**super().get_config(), "weight_decay": self.decoupled_decay}


@keras.saving.register_keras_serializable()
class Adamax(keras.optimizers.Optimizer):
    """Adamax that adds epsilon to the size of the gradient, as PyTorch's does."""

    def __init__(
        self, learning_rate=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-8, **kwargs
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.means = self.add_optimizer_variables(variables, "mean")
            self.largest = self.add_optimizer_variables(variables, "largest")

    def apply(self, grads, trainable_variables=None):
        # In float32 the correction would be off by 1e-5 in the first steps.
        step = ops.cast(self.iterations + 1, "float64")
        self.mean_correction = 1 - ops.power(self.beta_1, step)
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        mean, largest = self.means[index], self.largest[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        rate = ops.cast(learning_rate, "float64") / self.mean_correction
        rate = ops.cast(rate, variable.dtype)
        self.assign_add(mean, (1 - self.beta_1) * (gradient - mean))
        size = ops.absolute(gradient) + self.epsilon
        self.assign(largest, ops.maximum(self.beta_2 * largest, size))
        self.assign_sub(variable, rate * mean / largest)

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


@keras.saving.register_keras_serializable()
class RMSprop(keras.optimizers.Optimizer):
    """RMSprop that adds epsilon to the root, as PyTorch's does."""

    def __init__(
        self, learning_rate=0.001, rho=0.99, epsilon=1e-8, momentum=0.0, **kwargs
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.rho = rho
        self.epsilon = epsilon
        self.momentum = momentum

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.squares = self.add_optimizer_variables(variables, "square")
            self.velocities = None
            if self.momentum:
                self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        square = self.rho * self.squares[index] + (1 - self.rho) * ops.square(gradient)
        self.assign(self.squares[index], square)
        step = gradient / (ops.sqrt(square) + self.epsilon)
        if self.velocities:
            step = self.momentum * self.velocities[index] + step
            self.assign(self.velocities[index], step)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)

    def get_config(self):
        return {
            **super().get_config(),
            "rho": self.rho,
            "epsilon": self.epsilon,
            "momentum": self.momentum,
        }


@keras.saving.register_keras_serializable()
class Adagrad(keras.optimizers.Optimizer):
    """Adagrad that adds epsilon to the root, as PyTorch's does."""

    def __init__(
        self,
        learning_rate=0.01,
        initial_accumulator_value=0.0,
        epsilon=1e-10,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.sums = self.add_optimizer_variables(
                variables, "sum", initializer=self.first_sum
            )

    def first_sum(self, shape, dtype):
        # Keras's Constant would round it to float32.
        return ops.full(shape, self.initial_accumulator_value, dtype)

    def update_step(self, gradient, variable, learning_rate):
        total = self.sums[self._get_variable_index(variable)]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        self.assign_add(total, ops.square(gradient))
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * gradient / (ops.sqrt(total) + self.epsilon))

    def get_config(self):
        return {
            **super().get_config(),
            "initial_accumulator_value": self.initial_accumulator_value,
            "epsilon": self.epsilon,
        }
