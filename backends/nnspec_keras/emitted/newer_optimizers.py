"""Optimizers that treat a matrix otherwise than a vector, or that step around an average."""

from fnmatch import fnmatchcase

import keras
from keras import ops

from nnspec_keras.emitted.optimizers import Adam


@keras.saving.register_keras_serializable()
class Adafactor(keras.optimizers.Optimizer):
    """Adafactor whose means are of PyTorch's axes, and have no epsilon added to them.

    factored: the two axes of variables that are not simply matrices, by patterns of their names.
    """

    def __init__(
        self,
        learning_rate=0.01,
        beta_2_decay=-0.8,
        epsilon_1=1e-15,
        epsilon_2=1e-3,
        clip_threshold=1.0,
        factored=(),
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.factored = factored

    def build(self, variables):
        if not self.built:
            super().build(variables)
            # Keras holds both biases of a GRU in one variable: each has a size of its own.
            self.pairs = tuple(
                variable.path.endswith("gru_cell/bias") for variable in variables
            )
            self.axes = tuple(self.axes_of(variable) for variable in variables)
            self.squares, self.rows, self.columns = [], [], []
            for variable, axes in zip(variables, self.axes):
                last, before = axes or (None, None)
                self.squares.append(self.means(variable, "square", axes is None, ()))
                self.rows.append(self.means(variable, "rows", axes is not None, last))
                self.columns.append(
                    self.means(variable, "columns", axes is not None, before)
                )

    def axes_of(self, variable):
        name = f"{variable.path.partition('/')[0]}/{variable.name}"
        for group in self.factored:
            if any(fnmatchcase(name, pattern) for pattern in group["match"]):
                return tuple(map(tuple, group["axes"]))
        is_matrix = len(variable.shape) == 2
        is_pair = variable.path.endswith("gru_cell/bias")
        return ((1,), (0,)) if is_matrix and not is_pair else None

    def means(self, variable, name, is_held, axes):
        if not is_held:
            return None
        shape = [
            1 if axis in axes else size for axis, size in enumerate(variable.shape)
        ]
        return self.add_variable(
            shape, dtype=variable.dtype, name=f"{variable.name}_{name}"
        )

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        step = ops.cast(self.iterations + 1, "float64")
        share = ops.cast(ops.power(step, self.beta_2_decay), variable.dtype)
        rate = ops.minimum(ops.cast(learning_rate, "float64"), 1 / ops.sqrt(step))
        square = ops.square(gradient)
        if self.axes[index] is None:
            estimate = self.squares[index]
            self.assign_add(estimate, share * (square - estimate))
        else:
            last, before = self.axes[index]
            row, column = self.rows[index], self.columns[index]
            of_rows = ops.mean(square, axis=last, keepdims=True)
            of_columns = ops.mean(square, axis=before, keepdims=True)
            self.assign_add(row, share * (of_rows - row))
            self.assign_add(column, share * (of_columns - column))
            mean = ops.mean(row, axis=before, keepdims=True)
            estimate = row * column / ops.maximum(mean, self.epsilon_1)
        update = gradient / ops.sqrt(ops.maximum(estimate, self.epsilon_1**2))
        axis = -1 if self.pairs[index] else None
        length = ops.maximum(1.0, self.size(update, axis) / self.clip_threshold)
        size = ops.maximum(self.epsilon_2, self.size(variable, axis))
        move = ops.cast(rate, variable.dtype) * size * update / length
        self.assign_sub(variable, move)

    def size(self, array, axis):
        return ops.sqrt(ops.mean(ops.square(array), axis=axis, keepdims=True))

    def get_config(self):
        return {
            **super().get_config(),
            "beta_2_decay": self.beta_2_decay,
            "epsilon_1": self.epsilon_1,
            "epsilon_2": self.epsilon_2,
            "clip_threshold": self.clip_threshold,
            "factored": self.factored,
        }


@keras.saving.register_keras_serializable()
class Muon(Adam):
    """Orthogonal steps of the variables that `matrices` names, and Adam's of all others."""

    def __init__(
        self,
        learning_rate=0.001,
        momentum=0.95,
        nesterov=True,
        ns_steps=5,
        least_norm=1e-7,
        match_rms_adamw=True,
        matrices=(),
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        self.nesterov = nesterov
        self.ns_steps = ns_steps
        self.least_norm = least_norm
        self.match_rms_adamw = match_rms_adamw
        self.matrices = matrices

    def build(self, variables):
        if not self.built:
            keras.optimizers.Optimizer.build(self, variables)
            self.velocities, self.means, self.squares = [], [], []
            for variable in variables:
                is_matrix = self.is_matrix(variable)
                self.velocities.append(self.held(variable, "velocity", is_matrix))
                self.means.append(self.held(variable, "mean", not is_matrix))
                self.squares.append(self.held(variable, "square", not is_matrix))

    def is_matrix(self, variable):
        name = f"{variable.path.partition('/')[0]}/{variable.name}"
        return any(fnmatchcase(name, pattern) for pattern in self.matrices)

    def held(self, variable, name, is_held):
        if not is_held:
            return None
        return self.add_variable_from_reference(variable, name=name)

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        if velocity is None:
            super().update_step(gradient, variable, learning_rate)
            return
        self.assign_add(velocity, (1 - self.momentum) * (gradient - velocity))
        x = velocity
        if self.nesterov:
            x = (1 - self.momentum) * gradient + self.momentum * velocity
        size = ops.sqrt(ops.sum(ops.square(x)))
        x = x / ops.maximum(size, self.least_norm)
        columns, rows = variable.shape
        if columns > rows:
            x = ops.transpose(x)
        for _ in range(self.ns_steps):
            square = ops.matmul(x, ops.transpose(x))
            factor = -4.775 * square + 2.0315 * ops.matmul(square, square)
            x = 3.4445 * x + ops.matmul(factor, x)
        if columns > rows:
            x = ops.transpose(x)
        if self.match_rms_adamw:
            scale = 0.2 * max(rows, columns) ** 0.5
        else:
            scale = max(1.0, rows / columns) ** 0.5
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * scale * x)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "ns_steps": self.ns_steps,
            "least_norm": self.least_norm,
            "match_rms_adamw": self.match_rms_adamw,
            "matrices": list(self.matrices),
        }


@keras.saving.register_keras_serializable()
class ScheduleFreeAdamW(keras.optimizers.Optimizer):
    """AdamW whose gradients are taken between a sequence and the average of it.

    decays: the decay of variables that have another one, by patterns of their names.
    """

    def __init__(
        self,
        learning_rate=0.0025,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        weight_decay=0.0,
        decays=(),
        **kwargs,
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        # Keras's own `weight_decay` would leave the sequence as it is.
        self.inner_decay = weight_decay
        self.decays = decays
        self.live = None

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.bases = self.add_optimizer_variables(variables, "base")
            self.squares = self.add_optimizer_variables(variables, "square")
            self.weight_sum = self.add_variable((), dtype="float64", name="weight_sum")
            for base, variable in zip(self.bases, variables):
                base.assign(variable)
            self.own_decays = tuple(self.decay_of(variable) for variable in variables)

    def decay_of(self, variable):
        name = f"{variable.path.partition('/')[0]}/{variable.name}"
        for group in self.decays:
            if any(fnmatchcase(name, pattern) for pattern in group["match"]):
                return group["decay"]
        return self.inner_decay

    def apply(self, grads, trainable_variables=None):
        self.build(list(trainable_variables or self._trainable_variables))
        step = ops.cast(self.iterations + 1, "float64")
        self.root_correction = ops.sqrt(1 - ops.power(self.beta_2, step))
        weight = ops.square(ops.cast(self.learning_rate, "float64"))
        total = self.weight_sum + weight
        self.share = ops.where(
            total > 0, weight / ops.where(total > 0, total, 1.0), 0.0
        )
        result = super().apply(grads, trainable_variables)
        self.assign(self.weight_sum, total)
        return result

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        base, square = self.bases[index], self.squares[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        # The weights may have been loaded after the optimizer was built.
        before = ops.where(self.iterations == 0, variable, base)
        self.assign(
            square, self.beta_2 * square + (1 - self.beta_2) * ops.square(gradient)
        )
        correction = ops.cast(self.root_correction, variable.dtype)
        root = ops.sqrt(square) / correction + self.epsilon
        move = gradient / root + self.own_decays[index] * variable
        rate = ops.cast(learning_rate, variable.dtype)
        share = ops.cast(self.share, variable.dtype)
        # Of (1 - beta_1) * base + beta_1 * average, when both have moved.
        towards = share * (before - variable)
        step = rate * (1 - self.beta_1 * (1 - share)) * move
        self.assign_add(variable, towards - step)
        self.assign(base, before - rate * move)

    def swap(self):
        """Exchange the weights and their averages, once there are any."""
        if self.live is not None:
            for variable, live in zip(self._trainable_variables, self.live):
                variable.assign(live)
            self.live = None
        elif self.iterations > 0:
            self.live = [ops.copy(variable) for variable in self._trainable_variables]
            for base, variable in zip(self.bases, self._trainable_variables):
                apart = (1 - 1 / self.beta_1) * (base - variable)
                variable.assign_add(apart)

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
            "weight_decay": self.inner_decay,
            "decays": self.decays,
        }
