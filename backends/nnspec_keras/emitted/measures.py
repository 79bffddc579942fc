"""Measures all rows of a part together, after each epoch."""

from typing import Any

import keras
import numpy as np

BATCH_SIZE = 32
SHIFTS_TARGET = False
OF_VALIDATION = True
HAS_WEIGHTS = False


def measure(target: np.ndarray, output: np.ndarray, *more: Any) -> dict[str, float]:
    """Stand for what a script defines as its spec wants it."""
    return {}


def restored(output: np.ndarray, record: dict[str, Any]) -> np.ndarray:
    """Stand for what a script defines where its target is standardised."""
    return output


class Measures(keras.callbacks.Callback):
    """Adds the metrics of these rows to what is logged of each epoch."""

    def __init__(self, network, inputs, target, sample_weight=None, record=None):
        super().__init__()
        self.network = network
        self.inputs = inputs
        self.target = target
        self.sample_weight = sample_weight
        self.record = record

    def measured(self):
        output = self.network.predict(self.inputs, batch_size=BATCH_SIZE, verbose=0)
        if not np.isfinite(output).all():  # before these weights are kept as the best
            raise SystemExit("an output is no longer a finite number")
        if HAS_WEIGHTS and SHIFTS_TARGET:
            target = restored(self.target, self.record)
            output = restored(output, self.record)
            return measure(target, output, self.sample_weight)
        if HAS_WEIGHTS:
            return measure(self.target, output, self.sample_weight)
        if SHIFTS_TARGET:
            return measure(
                restored(self.target, self.record), restored(output, self.record)
            )
        return measure(self.target, output)

    def on_epoch_end(self, epoch, logs=None):
        if OF_VALIDATION:
            for name, value in self.measured().items():
                logs[f"val_{name}"] = value
        else:
            logs.update(self.measured())
