"""A callback that reduces the learning rate by another rule than Keras's own."""

import keras
from keras import ops


class ReduceOnPlateau(keras.callbacks.Callback):
    """Reduces the learning rate where a measure gets no better, as PyTorch does."""

    def __init__(
        self,
        monitor,
        mode="min",
        factor=0.1,
        patience=10,
        threshold=1e-4,
        cooldown=0,
        minimum=0.0,
    ):
        super().__init__()
        self.monitor = monitor
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.cooldown = cooldown
        self.minimum = minimum
        self.best = None
        self.bad = 0
        self.waits = 0

    def is_better(self, value):
        if self.best is None:
            return True
        if self.mode == "min":
            return value < self.best * (1 - self.threshold)
        return value > self.best * (1 + self.threshold)

    def on_epoch_end(self, epoch, logs=None):
        value = logs[self.monitor]
        if self.is_better(value):
            self.best = value
            self.bad = 0
        else:
            self.bad += 1
        if self.waits > 0:
            self.waits -= 1
            self.bad = 0
        if self.bad > self.patience:
            optimizer = self.model.optimizer
            rate = float(ops.convert_to_numpy(optimizer.learning_rate))
            reduced = max(rate * self.factor, self.minimum)
            optimizer.learning_rate = min(rate, reduced)
            self.bad = 0
            self.waits = self.cooldown
