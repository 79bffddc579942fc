"""Optimizers that keep an average of the weights, and callbacks that let it stand for them.

The optimizers stand here over the base of all; an emitted file has them over the one that it trains
with.
"""

import keras
from keras import ops


@keras.saving.register_keras_serializable()
class ExponentialAverage(keras.optimizers.Optimizer):
    """An optimizer that keeps the exponential average of each weight."""

    def __init__(self, average_decay=0.999, **kwargs):
        super().__init__(**kwargs)
        self.average_decay = average_decay

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.averages = self.add_optimizer_variables(variables, "average")

    def apply(self, grads, trainable_variables=None):
        super().apply(grads, trainable_variables)
        for average, variable in zip(self.averages, self._trainable_variables):
            share = ops.where(self.iterations == 1, 1.0, 1 - self.average_decay)
            share = ops.cast(share, variable.dtype)
            self.assign_add(average, share * (variable - average))

    def swap(self):
        """Exchange the weights and their averages, once there are any."""
        if self.iterations > 0:
            for average, variable in zip(self.averages, self._trainable_variables):
                weight = ops.copy(variable)
                variable.assign(average)
                average.assign(weight)

    def get_config(self):
        return {**super().get_config(), "average_decay": self.average_decay}


@keras.saving.register_keras_serializable()
class MeanOfWeights(keras.optimizers.Optimizer):
    """An optimizer that keeps the mean of each weight, from step `start` on each `every` steps."""

    def __init__(self, start=1, every=1, **kwargs):
        super().__init__(**kwargs)
        self.start = start
        self.every = every

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.averages = self.add_optimizer_variables(variables, "average")

    def apply(self, grads, trainable_variables=None):
        super().apply(grads, trainable_variables)
        after = self.iterations - self.start
        counts = ops.logical_and(after >= 0, after % self.every == 0)
        number = ops.cast(ops.maximum(after // self.every, 0) + 1, "float64")
        share = ops.cast(counts, "float64") / number
        for average, variable in zip(self.averages, self._trainable_variables):
            change = ops.cast(share, variable.dtype) * (variable - average)
            self.assign_add(average, change)

    def swap(self):
        """Exchange the weights and their averages, once there are any."""
        if self.iterations >= self.start:
            for average, variable in zip(self.averages, self._trainable_variables):
                weight = ops.copy(variable)
                variable.assign(average)
                average.assign(weight)

    def get_config(self):
        return {**super().get_config(), "start": self.start, "every": self.every}


class Averaged(keras.callbacks.Callback):
    """Lets averages stand for weights that are measured, and from the end of an epoch on."""

    def on_test_begin(self, logs=None):
        self.model.optimizer.swap()

    def on_test_end(self, logs=None):
        self.model.optimizer.swap()

    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.swap()


class Restored(keras.callbacks.Callback):
    """Puts the weights back, after all that measures and saves averages."""

    def on_epoch_end(self, epoch, logs=None):
        self.model.optimizer.swap()
