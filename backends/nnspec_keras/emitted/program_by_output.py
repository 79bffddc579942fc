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
HAS_WEIGHTS = False
IS_AUGMENTED = False
NEEDS_RECORD = False
IS_RESAMPLED = False
OUTPUTS: list[str] = []


def batches(count: Any, epoch: int) -> Iterator[np.ndarray]:
    """Stand for what a script defines as its spec wants it."""
    yield np.arange(count)


def measure(
    targets: dict[str, np.ndarray], outputs: dict[str, np.ndarray], *more: Any
) -> dict[str, float]:
    """Stand for what a script defines as its spec wants it."""
    return {}


def augmented(
    arrays: Any, epoch: int, record: Any = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Stand for what a script defines as its spec wants it."""
    yield epoch, arrays


class Batches(keras.utils.PyDataset):
    """The training rows, in the order of their epoch."""

    def __init__(self, inputs, targets, sample_weight=None, kinds=None, record=None):
        super().__init__()
        self.inputs = inputs
        if IS_AUGMENTED and HAS_ONE_INPUT:
            self.whole = [inputs]
        elif IS_AUGMENTED:
            self.whole = inputs
        if NEEDS_RECORD:
            self.record = record
        self.targets = targets
        self.sample_weight = sample_weight
        self.epoch = 0
        self.count = len(next(iter(targets.values())))
        if IS_RESAMPLED:
            self.kinds = kinds
            self.rows = list(batches(kinds, 1))
        else:
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
        if IS_RESAMPLED:
            self.rows = list(batches(self.kinds, self.epoch))
        else:
            self.rows = list(batches(self.count, self.epoch))
        if NEEDS_RECORD:
            changed = dict(augmented(self.whole, self.epoch, self.record))
        elif IS_AUGMENTED:
            changed = dict(augmented(self.whole, self.epoch))
        if IS_AUGMENTED and HAS_ONE_INPUT:
            self.inputs = changed[0]
        elif IS_AUGMENTED:
            self.inputs = [changed.get(i, given) for i, given in enumerate(self.whole)]


def named_outputs(network: keras.Model, inputs: Any) -> dict[str, np.ndarray]:
    """Return each output of the network for all rows, by name."""
    given = network.predict(inputs, batch_size=BATCH_SIZE, verbose=0)
    if HAS_ONE_OUTPUT:
        return {OUTPUTS[0]: given}
    return dict(zip(OUTPUTS, given, strict=True))


def losses_by_output(
    network: keras.Model,
    inputs: Any,
    targets: dict[str, np.ndarray],
    sample_weight: Any = None,
) -> dict[str, float]:
    """Return each loss over all rows, which Keras logs as a plain mean of batches."""
    given = network.predict(inputs, batch_size=BATCH_SIZE, verbose=0)
    count = len(next(iter(targets.values())))
    found = {}
    for name, loss in network.loss.items():
        values, sizes = [], []
        for start in range(0, count, BATCH_SIZE):
            rows = slice(start, start + BATCH_SIZE)
            if HAS_WEIGHTS:
                weights = sample_weight[rows]
                value = loss(targets[name][rows], given[name][rows], weights)
            else:
                value = loss(targets[name][rows], given[name][rows])
            values.append(float(value))
            sizes.append(len(given[name][rows]))
        found[f"{name}_loss"] = float(np.average(values, weights=sizes))
    return found


class Measures(keras.callbacks.Callback):
    """Adds the losses and metrics of these rows to what is logged of each epoch."""

    def __init__(self, network, inputs, targets, sample_weight=None, serving=None):
        super().__init__()
        self.network = network
        self.inputs = inputs
        self.targets = targets
        self.sample_weight = sample_weight
        self.serving = serving

    def measured(self):
        if HAS_WEIGHTS:
            found = losses_by_output(
                self.network, self.inputs, self.targets, self.sample_weight
            )
        else:
            found = losses_by_output(self.network, self.inputs, self.targets)
        if HAS_METRICS:
            outputs = named_outputs(self.serving, self.inputs)
            numbers = np.concatenate([values.ravel() for values in outputs.values()])
            if not np.isfinite(numbers).all():  # before these weights are kept
                raise SystemExit("an output is no longer a finite number")
            if HAS_WEIGHTS:
                found |= measure(self.targets, outputs, self.sample_weight)
            else:
                found |= measure(self.targets, outputs)
        return found

    def on_epoch_end(self, epoch, logs=None):
        if OF_VALIDATION:
            for name, value in self.measured().items():
                logs[f"val_{name}"] = value
        else:
            logs.update(self.measured())
