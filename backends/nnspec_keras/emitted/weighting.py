"""The mean of losses by weights, and the loss that a model is compiled with for it."""

import keras
from keras import ops


def weighted_mean(losses, sample_weight, counts=1.0):
    """Return the mean by the weights of rows, or of places in them; of none it is 0."""
    more = (1,) * (len(losses.shape) - len(sample_weight.shape))
    weights = ops.reshape(sample_weight, (*ops.shape(sample_weight), *more))
    weights = ops.broadcast_to(ops.cast(weights, losses.dtype), ops.shape(losses))
    total = ops.sum(weights * counts)
    return ops.sum(weights * losses) / ops.where(total > 0, total, float("inf"))


class Weighted(keras.losses.Loss):
    """A loss function that takes the weights itself: Keras's mean is over all rows."""

    def __init__(self, function):
        super().__init__(name=function.__name__)
        self.function = function

    def __call__(self, y_true, y_pred, sample_weight=None):
        return self.function(y_true, y_pred, sample_weight)
