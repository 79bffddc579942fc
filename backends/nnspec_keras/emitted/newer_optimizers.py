"""Optimizers that treat a matrix otherwise than a vector, or that step around an average."""

from fnmatch import fnmatchcase

import keras
from keras import ops


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
        gradient = ops.reshape(gradient, variable.shape)  # sum repeated embedding rows
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
