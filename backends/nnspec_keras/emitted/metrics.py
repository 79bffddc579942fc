"""Metrics as nnspec defines them, where Keras's own are others."""

import keras
from keras import ops

IS_BINARY = True
THRESHOLD = 0.5
HAS_WEIGHTS = False


@keras.saving.register_keras_serializable()
def accuracy(target, output):
    """Whether an answer is right; of a target that is a share the likelier one counts."""
    if IS_BINARY:
        return ops.cast((target > 0.5) == (output > THRESHOLD), "float32")
    if len(target.shape) == len(output.shape):  # a share of each class
        target = ops.argmax(target, axis=-1)
    guess = ops.argmax(output, axis=-1)
    return ops.cast(guess == ops.cast(target, guess.dtype), "float32")


@keras.saving.register_keras_serializable()
class R2(keras.metrics.Metric):
    """1 - residual / variance, the mean over the elements of a row, in float64."""

    def __init__(self, elements, name="r2", **kwargs):
        super().__init__(name=name, **kwargs)
        self.elements = elements
        sums = ("first", "sum", "squares", "residual")
        self.first, self.sum, self.squares, self.residual = (
            self.add_weight((elements,), "zeros", "float64", name=each) for each in sums
        )
        self.rows = self.add_weight((), "zeros", "float64", name="rows")

    def update_state(self, target, output, sample_weight=None):
        target = ops.reshape(ops.cast(target, "float64"), (-1, self.elements))
        output = ops.reshape(ops.cast(output, "float64"), (-1, self.elements))
        if HAS_WEIGHTS:
            counts = ops.reshape(ops.cast(sample_weight, "float64"), (-1, 1))
            there = counts > 0
            target, output = ops.where(there, target, 0), ops.where(there, output, 0)
            first = target[ops.argmax(ops.cast(there[:, 0], "int32"))]
            self.first.assign(ops.where(self.rows == 0, first, self.first))
        else:
            self.first.assign(ops.where(self.rows == 0, target[0], self.first))
        moved = target - self.first  # sums of squares of what is far from 0 say little
        if HAS_WEIGHTS:
            errors = ops.square(target - output)
            self.sum.assign_add(ops.sum(counts * moved, axis=0))
            self.squares.assign_add(ops.sum(counts * ops.square(moved), axis=0))
            self.residual.assign_add(ops.sum(counts * errors, axis=0))
            self.rows.assign_add(ops.sum(counts))
        else:
            self.sum.assign_add(ops.sum(moved, axis=0))
            self.squares.assign_add(ops.sum(ops.square(moved), axis=0))
            self.residual.assign_add(ops.sum(ops.square(target - output), axis=0))
            self.rows.assign_add(ops.cast(ops.shape(target)[0], "float64"))

    def result(self):
        total = self.squares - ops.square(self.sum) / self.rows
        constant = self.squares == 0  # 1 where it is met exactly, else 0
        exact = ops.cast(self.residual == 0, "float64")
        found = 1 - self.residual / ops.where(constant, 1, total)
        return ops.mean(ops.where(constant, exact, found))

    def get_config(self):
        return {**super().get_config(), "elements": self.elements}
