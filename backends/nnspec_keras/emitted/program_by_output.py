"""Feeds and measures a network of losses by output."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

BATCH_SIZE = 32
HAS_ONE_INPUT = False
HAS_ONE_OUTPUT = False
OF_VALIDATION = True
HAS_METRICS = True
WATCHES_LOSSES = False
HAS_ONE_LOSS = False
ONE_LOSS = "loss_of_output"
WEIGHT = 1.0
IS_SCALED = False
HAS_WEIGHTS = False
OUTPUTS: list[str] = []


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Stand for what a script defines as its spec wants it."""
    yield np.arange(count)


def measure(
    targets: dict[str, np.ndarray], outputs: dict[str, np.ndarray], *more: Any
) -> dict[str, float]:
    """Stand for what a script defines as its spec wants it."""
    return {}


class Batches(keras.utils.PyDataset):
    """The training rows, in the order of their epoch."""

    def __init__(self, inputs, targets, sample_weight=None):
        super().__init__()
        self.inputs = inputs
        self.targets = targets
        self.sample_weight = sample_weight
        self.epoch = 0
        self.count = len(next(iter(targets.values())))
        self.rows = list(batches(self.count, 1))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        rows = self.rows[i]
        targets = {name: values[rows] for name, values in self.targets.items()}
        if HAS_WEIGHTS and HAS_ONE_INPUT:
            return self.inputs[rows], targets, self.sample_weight[rows]
        if HAS_WEIGHTS:
            inputs = tuple(values[rows] for values in self.inputs)
            return inputs, targets, self.sample_weight[rows]
        if HAS_ONE_INPUT:
            return self.inputs[rows], targets
        return tuple(values[rows] for values in self.inputs), targets

    def on_epoch_begin(self):
        self.epoch += 1
        self.rows = list(batches(self.count, self.epoch))


def named_outputs(network: keras.Model, inputs: Any) -> dict[str, np.ndarray]:
    """Return each output of the network for all rows, by name."""
    given = network.predict(inputs, batch_size=BATCH_SIZE, verbose=0)
    if HAS_ONE_OUTPUT:
        return {OUTPUTS[0]: given}
    return dict(zip(OUTPUTS, given, strict=True))


class Measures(keras.callbacks.Callback):
    """Adds the metrics of these rows to what is logged of each epoch."""

    def __init__(self, network, inputs, targets, sample_weight=None):
        super().__init__()
        self.network = network
        self.inputs = inputs
        self.targets = targets
        self.sample_weight = sample_weight

    def measured(self):
        if HAS_METRICS:
            outputs = named_outputs(self.network, self.inputs)
            finite = [np.isfinite(values).all() for values in outputs.values()]
            if HAS_WEIGHTS and all(finite):
                return measure(self.targets, outputs, self.sample_weight)
            if all(finite):
                return measure(self.targets, outputs)
        return {}

    def on_epoch_end(self, epoch, logs=None):
        values = self.measured()
        if OF_VALIDATION:
            if HAS_ONE_LOSS and IS_SCALED:
                values = {**values, ONE_LOSS: logs["val_loss"] / WEIGHT}
            elif HAS_ONE_LOSS:
                values = {**values, ONE_LOSS: logs["val_loss"]}
            values = {f"val_{name}": value for name, value in values.items()}
        elif WATCHES_LOSSES:
            # Those that Keras logs are of the steps of the epoch.
            if HAS_WEIGHTS:
                found = self.model.evaluate(
                    self.inputs,
                    self.targets,
                    sample_weight=dict.fromkeys(self.targets, self.sample_weight),
                    batch_size=BATCH_SIZE,
                    verbose=0,
                    return_dict=True,
                )
            else:
                found = self.model.evaluate(
                    self.inputs,
                    self.targets,
                    batch_size=BATCH_SIZE,
                    verbose=0,
                    return_dict=True,
                )
            if HAS_ONE_LOSS and IS_SCALED:
                values = {**values, ONE_LOSS: found["loss"] / WEIGHT}
            elif HAS_ONE_LOSS:
                values = {**values, ONE_LOSS: found["loss"]}
            else:
                values |= {key: found[key] for key in found if key != "loss"}
        logs.update(values)
