"""Optimizers that Keras has otherwise, or not at all, beside those of most specs."""

import keras
from keras import ops

from nnspec_keras.emitted.optimizers import Adam, MomentumSGD, RMSprop


@keras.saving.register_keras_serializable()
class DampenedSGD(MomentumSGD):
    """Gradient descent whose velocity takes a part of each gradient after the first."""

    def __init__(self, learning_rate=0.01, dampening=0.0, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.dampening = dampening

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        later = self.momentum * velocity + (1 - self.dampening) * gradient
        self.assign(velocity, ops.where(self.iterations == 0, gradient, later))
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * velocity)

    def get_config(self):
        return {**super().get_config(), "dampening": self.dampening}


@keras.saving.register_keras_serializable()
class AMSGrad(Adam):
    """Adam by the largest mean of squares so far, epsilon added after the correction."""

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.largest = self.add_optimizer_variables(variables, "largest")

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        mean, square, largest = (
            self.means[index],
            self.squares[index],
            self.largest[index],
        )
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        rate = ops.cast(learning_rate, "float64") / self.mean_correction
        rate = ops.cast(rate, variable.dtype)
        correction = ops.cast(self.root_correction, variable.dtype)
        self.assign_add(mean, (1 - self.beta_1) * (gradient - mean))
        self.assign(
            square, self.beta_2 * square + (1 - self.beta_2) * ops.square(gradient)
        )
        self.assign(largest, ops.maximum(largest, square))
        self.assign_sub(
            variable, rate * mean / (ops.sqrt(largest) / correction + self.epsilon)
        )


@keras.saving.register_keras_serializable()
class Nadam(Adam):
    """Nadam whose momentum grows by `momentum_decay`, as PyTorch's does."""

    def __init__(self, learning_rate=0.002, momentum_decay=0.004, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum_decay = momentum_decay

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.mu_product = self.add_variable(
                (), initializer="ones", dtype="float64", name="mu_product"
            )

    def apply(self, grads, trainable_variables=None):
        self.build(list(trainable_variables or self._trainable_variables))
        step = ops.cast(self.iterations + 1, "float64")
        mu, self.ahead = self.mu(step), self.mu(step + 1)
        self.product = self.mu_product * mu
        self.direct = (1 - mu) / (1 - self.product)
        result = super().apply(grads, trainable_variables)
        self.assign(self.mu_product, self.product)
        return result

    def mu(self, step):
        return self.beta_1 * (1 - ops.power(0.96, step * self.momentum_decay) / 2)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        correction = ops.cast(self.root_correction, variable.dtype)
        rate = ops.cast(learning_rate, "float64")
        direct = ops.cast(rate * self.direct, variable.dtype)
        ahead = rate * self.ahead / (1 - self.product * self.ahead)
        self.assign_add(mean, (1 - self.beta_1) * (gradient - mean))
        self.assign(
            square, self.beta_2 * square + (1 - self.beta_2) * ops.square(gradient)
        )
        root = ops.sqrt(square) / correction + self.epsilon
        step = direct * gradient + ops.cast(ahead, variable.dtype) * mean
        self.assign_sub(variable, step / root)

    def get_config(self):
        return {**super().get_config(), "momentum_decay": self.momentum_decay}


@keras.saving.register_keras_serializable()
class RAdam(Adam):
    """Adam that scales by squares once their mean is long enough."""

    def apply(self, grads, trainable_variables=None):
        step = ops.cast(self.iterations + 1, "float64")
        power = ops.power(self.beta_2, step)
        most = 2 / (1 - self.beta_2) - 1
        length = most - 2 * step * power / (1 - power)
        self.is_long = length > 5
        ratio = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
        self.rectified = ops.sqrt(ops.where(self.is_long, ratio, 0.0) * (1 - power))
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        rate = ops.cast(learning_rate, "float64") / self.mean_correction
        rate = ops.cast(rate, variable.dtype)
        self.assign_add(mean, (1 - self.beta_1) * (gradient - mean))
        self.assign(
            square, self.beta_2 * square + (1 - self.beta_2) * ops.square(gradient)
        )
        rectified = ops.cast(self.rectified, variable.dtype)
        scale = rectified / (ops.sqrt(square) + self.epsilon)
        scale = ops.where(self.is_long, scale, ops.ones_like(scale))
        self.assign_sub(variable, rate * mean * scale)


@keras.saving.register_keras_serializable()
class CenteredRMSprop(RMSprop):
    """RMSprop by the variance of the gradient, epsilon added to its root."""

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.means = self.add_optimizer_variables(variables, "mean")

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        square = self.rho * self.squares[index] + (1 - self.rho) * ops.square(gradient)
        self.assign(self.squares[index], square)
        mean = self.rho * self.means[index] + (1 - self.rho) * gradient
        self.assign(self.means[index], mean)
        step = gradient / (ops.sqrt(square - ops.square(mean)) + self.epsilon)
        if self.velocities:
            step = self.momentum * self.velocities[index] + step
            self.assign(self.velocities[index], step)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)


@keras.saving.register_keras_serializable()
class Adadelta(keras.optimizers.Optimizer):
    """Adadelta: a gradient times the usual size of past steps over that of gradients."""

    def __init__(self, learning_rate=1.0, rho=0.9, epsilon=1e-6, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.rho = rho
        self.epsilon = epsilon

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.squares = self.add_optimizer_variables(variables, "square")
            self.changes = self.add_optimizer_variables(variables, "change")

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        square, change = self.squares[index], self.changes[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        self.assign(square, self.rho * square + (1 - self.rho) * ops.square(gradient))
        root = ops.sqrt(change + self.epsilon) / ops.sqrt(square + self.epsilon)
        step = root * gradient
        self.assign(change, self.rho * change + (1 - self.rho) * ops.square(step))
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)

    def get_config(self):
        return {**super().get_config(), "rho": self.rho, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable()
class Lion(keras.optimizers.Optimizer):
    """Steps by the sign of a mean of the gradients."""

    def __init__(self, learning_rate=0.0001, beta_1=0.9, beta_2=0.99, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.means = self.add_optimizer_variables(variables, "mean")

    def update_step(self, gradient, variable, learning_rate):
        mean = self.means[self._get_variable_index(variable)]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        step = ops.sign(self.beta_1 * mean + (1 - self.beta_1) * gradient)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)
        self.assign(mean, self.beta_2 * mean + (1 - self.beta_2) * gradient)

    def get_config(self):
        return {**super().get_config(), "beta_1": self.beta_1, "beta_2": self.beta_2}


@keras.saving.register_keras_serializable()
class Lamb(Adam):
    """Adam's step, as long as each variable times the learning rate."""

    def build(self, variables):
        if not self.built:
            super().build(variables)
            # Keras holds both biases of a GRU in one variable: each has a norm of its own.
            self.axes = tuple(
                -1 if variable.path.endswith("gru_cell/bias") else None
                for variable in variables
            )

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        mean, square, axis = self.means[index], self.squares[index], self.axes[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        self.assign_add(mean, (1 - self.beta_1) * (gradient - mean))
        self.assign(
            square, self.beta_2 * square + (1 - self.beta_2) * ops.square(gradient)
        )
        correction = ops.cast(self.root_correction, variable.dtype)
        root = ops.sqrt(square) / correction + self.epsilon
        step = mean / ops.cast(self.mean_correction, variable.dtype) / root
        size = ops.sqrt(ops.sum(ops.square(variable), axis=axis, keepdims=True))
        length = ops.sqrt(ops.sum(ops.square(step), axis=axis, keepdims=True))
        is_whole = ops.logical_and(size > 0, length > 0)
        ratio = ops.where(
            is_whole, size / ops.where(is_whole, length, 1.0), ops.ones_like(size)
        )
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * ratio * step)


@keras.saving.register_keras_serializable()
class Rprop(keras.optimizers.Optimizer):
    """Steps by the sign of the gradient, longer while it stays, shorter where it turns."""

    def __init__(
        self,
        learning_rate=0.01,
        shrink=0.5,
        grow=1.2,
        least=1e-6,
        most=50.0,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.first_rate = learning_rate
        self.shrink = shrink
        self.grow = grow
        self.least = least
        self.most = most

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.previous = self.add_optimizer_variables(variables, "previous")
            self.sizes = self.add_optimizer_variables(
                variables, "size", initializer=self.first_size
            )

    def first_size(self, shape, dtype):
        # A number: within a graph no variable may begin as another.
        return ops.full(shape, self.first_rate, dtype)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        previous, size = self.previous[index], self.sizes[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        turn = ops.sign(gradient * previous)
        first = ops.cast(learning_rate, variable.dtype) * ops.ones_like(gradient)
        before = ops.where(self.iterations == 0, first, size)
        after = ops.where(turn > 0, before * self.grow, before)
        after = ops.where(turn < 0, before * self.shrink, after)
        self.assign(size, ops.minimum(ops.maximum(after, self.least), self.most))
        kept = ops.where(turn < 0, ops.zeros_like(gradient), gradient)
        self.assign(previous, kept)
        self.assign_sub(variable, ops.sign(kept) * size)

    def get_config(self):
        return {
            **super().get_config(),
            "shrink": self.shrink,
            "grow": self.grow,
            "least": self.least,
            "most": self.most,
        }


@keras.saving.register_keras_serializable()
class DecreasingSGD(keras.optimizers.Optimizer):
    """Gradient descent with a rate that falls as averaging wants it."""

    def __init__(self, learning_rate=0.01, pull=1e-4, power=0.75, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.pull = pull
        self.power = power

    def update_step(self, gradient, variable, learning_rate):
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        rate = ops.cast(learning_rate, "float64")
        taken = ops.cast(self.iterations, "float64")
        eta = rate / ops.power(1 + self.pull * rate * taken, self.power)
        eta = ops.cast(eta, variable.dtype)
        self.assign_sub(variable, self.pull * eta * variable + eta * gradient)

    def get_config(self):
        return {**super().get_config(), "pull": self.pull, "power": self.power}


@keras.saving.register_keras_serializable()
class Ftrl(keras.optimizers.Optimizer):
    """Follows the regularised leader: a variable is made anew of sums of gradients."""

    def __init__(
        self,
        learning_rate=0.001,
        power=-0.5,
        initial_sum=0.1,
        l1=0.0,
        ridge=0.0,
        beta=0.0,
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.power = power
        self.initial_sum = initial_sum
        self.l1 = l1
        self.ridge = ridge
        self.beta = beta

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.sums = self.add_optimizer_variables(
                variables, "sum", initializer=self.first_sum
            )
            self.linears = self.add_optimizer_variables(variables, "linear")

    def first_sum(self, shape, dtype):
        # Keras's Constant would round it to float32.
        return ops.full(shape, self.initial_sum, dtype)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        total, linear = self.sums[index], self.linears[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        rate = ops.cast(learning_rate, variable.dtype)
        square = ops.square(gradient)
        # The power after less the power before: to subtract them would lose digits.
        if self.power == -0.5:
            root = ops.sqrt(total)
            change = square / (ops.sqrt(total + square) + root)
        else:
            root = ops.power(total, -self.power)
            change = root * ops.expm1(-self.power * ops.log1p(square / total))
        self.assign_add(total, square)
        self.assign_add(linear, gradient - change / rate * variable)
        curve = (root + change + self.beta) / rate + 2 * self.ridge
        near = ops.clip(linear, -self.l1, self.l1)
        self.assign(variable, (near - linear) / curve)

    def get_config(self):
        return {
            **super().get_config(),
            "power": self.power,
            "initial_sum": self.initial_sum,
            "l1": self.l1,
            "ridge": self.ridge,
            "beta": self.beta,
        }
