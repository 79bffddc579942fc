"""Optimizers that clip and gather gradients before they take their step.

Each class stands here over the base of all optimizers; an emitted file has it over the one that it
trains with.
"""

import keras
from keras import ops

HAS_ROWS = False


@keras.saving.register_keras_serializable()
class Clipped(keras.optimizers.Optimizer):
    """An optimizer of gradients whose norm over all variables is at most `clip_norm`."""

    def __init__(self, clip_norm=1.0, **kwargs):
        super().__init__(**kwargs)
        self.clip_norm = clip_norm

    def apply(self, grads, trainable_variables=None):
        # Keras's own clipping takes the rows of an embedding that repeat one by one.
        variables = trainable_variables or self._trainable_variables
        pairs = [(g, v) for g, v in zip(grads, variables) if g is not None]
        grads = [ops.reshape(gradient, variable.shape) for gradient, variable in pairs]
        norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in grads))
        scale = ops.minimum(self.clip_norm / (norm + 1e-6), 1.0)
        return super().apply(
            [scale * gradient for gradient in grads],
            [variable for _, variable in pairs],
        )

    def get_config(self):
        return {**super().get_config(), "clip_norm": self.clip_norm}


@keras.saving.register_keras_serializable()
class ClippedEach(keras.optimizers.Optimizer):
    """An optimizer of gradients whose norm by each variable is at most `clip_norm`."""

    def __init__(self, clip_norm=1.0, **kwargs):
        super().__init__(**kwargs)
        self.clip_norm = clip_norm

    def apply(self, grads, trainable_variables=None):
        # Keras's own clipping takes the rows of an embedding that repeat one by one.
        variables = trainable_variables or self._trainable_variables
        pairs = [(g, v) for g, v in zip(grads, variables) if g is not None]
        return super().apply(
            [self.clipped(gradient, variable) for gradient, variable in pairs],
            [variable for _, variable in pairs],
        )

    def clipped(self, gradient, variable):
        gradient = ops.reshape(gradient, variable.shape)
        axes = None
        if HAS_ROWS and variable.path.endswith("gru_cell/bias"):
            axes = -1  # of the input and of the state: two parameters in one variable
        square = ops.sum(ops.square(gradient), axis=axes, keepdims=True)
        return gradient * ops.minimum(self.clip_norm / (ops.sqrt(square) + 1e-6), 1.0)

    def get_config(self):
        return {**super().get_config(), "clip_norm": self.clip_norm}


@keras.saving.register_keras_serializable()
class ClippedValue(keras.optimizers.Optimizer):
    """An optimizer of gradients no element of which is larger than `clip_value`."""

    def __init__(self, clip_value=1.0, **kwargs):
        super().__init__(**kwargs)
        self.clip_value = clip_value

    def apply(self, grads, trainable_variables=None):
        # Keras's own clipping takes the rows of an embedding that repeat one by one.
        variables = trainable_variables or self._trainable_variables
        pairs = [(g, v) for g, v in zip(grads, variables) if g is not None]
        limit = self.clip_value
        return super().apply(
            [ops.clip(ops.reshape(g, v.shape), -limit, limit) for g, v in pairs],
            [variable for _, variable in pairs],
        )

    def get_config(self):
        return {**super().get_config(), "clip_value": self.clip_value}


@keras.saving.register_keras_serializable()
class Accumulating(keras.optimizers.Optimizer):
    """An optimizer that steps once in `batches`, down the mean of their gradients.

    `iterations`, and so a schedule, counts its steps. (With `gradient_accumulation_steps` Keras
    calls a schedule with the number of batches.)
    """

    def __init__(self, batches=2, **kwargs):
        super().__init__(**kwargs)
        self.batches = batches

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.parts = self.add_optimizer_variables(variables, "gradient")
            self.batch = self.add_variable((), dtype="int64", name="batch")

    def apply(self, grads, trainable_variables=None):
        variables = list(trainable_variables or self._trainable_variables)
        self.build(variables)
        pairs = [(g, v) for g, v in zip(grads, variables) if g is not None]
        variables = [variable for _, variable in pairs]
        parts = [
            self.parts[self._get_variable_index(variable)] for variable in variables
        ]
        for part, (gradient, variable) in zip(parts, pairs):
            gradient = ops.reshape(gradient, variable.shape)
            self.assign_add(part, gradient / self.batches)
        self.assign(self.batch, (self.batch + 1) % self.batches)
        apply = super().apply

        def step():
            apply(parts, variables)
            for part in parts:
                self.assign(part, ops.zeros_like(part))

        ops.cond(self.batch == 0, step, lambda: None)

    def get_config(self):
        return {**super().get_config(), "batches": self.batches}
