"""The main program of a training script: it feeds, watches and writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

HAS_ONE_INPUT = False
SHIFTS_INPUTS = True
SHIFTS_TARGET = False
GIVES_SPREADS = False
HAS_WEIGHTS = False
IS_AUGMENTED = False
IS_MIXED = False
NEEDS_RECORD = False
HAS_CLASSES = True
IS_RESAMPLED = False


def batches(count: Any, epoch: int) -> Iterator[np.ndarray]:
    """Stand for what a script defines as its spec wants it."""
    yield np.arange(count)


def augmented(
    arrays: Any, epoch: int, record: Any = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Stand for what a script defines as its spec wants it."""
    yield epoch, arrays


def class_shares(target: np.ndarray) -> np.ndarray:
    """Stand for what a script defines as its spec wants it."""
    return target


class Batches(keras.utils.PyDataset):
    """The training rows, in the order of their epoch."""

    def __init__(self, inputs, target, sample_weight=None, kinds=None, record=None):
        super().__init__()
        if IS_MIXED and HAS_CLASSES:
            target = class_shares(target)
        self.inputs = inputs
        if IS_MIXED:
            self.whole = [inputs, target]
        elif IS_AUGMENTED and HAS_ONE_INPUT:
            self.whole = [inputs]
        elif IS_AUGMENTED:
            self.whole = inputs
        if NEEDS_RECORD:
            self.record = record
        self.target = target
        self.sample_weight = sample_weight
        self.epoch = 0
        if IS_RESAMPLED:
            self.kinds = kinds
            self.rows = list(batches(kinds, 1))
        else:
            self.rows = list(batches(len(target), 1))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        rows = self.rows[i]
        if HAS_WEIGHTS and HAS_ONE_INPUT:
            return self.inputs[rows], self.target[rows], self.sample_weight[rows]
        if HAS_WEIGHTS:
            inputs = tuple(values[rows] for values in self.inputs)
            return inputs, self.target[rows], self.sample_weight[rows]
        if HAS_ONE_INPUT:
            return self.inputs[rows], self.target[rows]
        return tuple(values[rows] for values in self.inputs), self.target[rows]

    def on_epoch_begin(self):
        self.epoch += 1
        if IS_RESAMPLED:
            self.rows = list(batches(self.kinds, self.epoch))
        else:
            self.rows = list(batches(len(self.target), self.epoch))
        if NEEDS_RECORD:
            changed = dict(augmented(self.whole, self.epoch, self.record))
        elif IS_AUGMENTED:
            changed = dict(augmented(self.whole, self.epoch))
        if IS_MIXED:
            self.inputs, self.target = changed[0], changed[1]
        elif IS_AUGMENTED and HAS_ONE_INPUT:
            self.inputs = changed[0]
        elif IS_AUGMENTED:
            self.inputs = [changed.get(i, given) for i, given in enumerate(self.whole)]


def served(model: keras.Model, record: dict[str, Any]) -> keras.Model:
    """Return the network as others load it: without its loss, and in the units of the rows."""
    network = keras.Model(model.input, model.output, name=model.name)
    inputs, given = [], []
    for tensor in model.inputs:
        kind = record["inputs"][tensor.name]
        is_shifted = SHIFTS_INPUTS and "mean" in kind
        dtype = "float64" if is_shifted else tensor.dtype
        raw = keras.Input(tensor.shape[1:], dtype=dtype, name=tensor.name)
        inputs.append(raw)
        if is_shifted:
            mean, scale = (
                np.reshape(kind[key], kind["shape"]) for key in ("mean", "scale")
            )
            # Rescaling would turn these numbers where keras.json says channels_first.
            raw = raw * (1 / scale) + -mean / scale
            raw = layers.Identity(dtype=tensor.dtype)(raw)
        given.append(raw)
    output = network(given[0] if HAS_ONE_INPUT else given)
    if SHIFTS_TARGET and not GIVES_SPREADS:
        mean, scale = (
            np.reshape(record[key], output.shape[1:])
            for key in ("target_mean", "target_scale")
        )
    if SHIFTS_TARGET and GIVES_SPREADS:
        mean, scale = (
            np.reshape(record[key], output.shape[1:])
            for key in ("output_mean", "output_scale")
        )
    if SHIFTS_TARGET:
        output = layers.Identity(dtype="float64")(output) * scale + mean
    return keras.Model(inputs[0] if HAS_ONE_INPUT else inputs, output)


def require_finite(epoch: int, logs: dict[str, float]) -> None:
    """End the program after an epoch whose loss is not a finite number."""
    losses = [logs[name] for name in ("loss", "val_loss") if name in logs]
    if not np.isfinite(losses).all():
        raise SystemExit(f"in epoch {epoch + 1} the loss is {logs['loss']}, {logs}")


def save(model: keras.Model, record: dict[str, Any], path: Path) -> None:
    """Write the network, and how rows become its inputs, each whole or not at all."""
    temporary = path.with_name(f"{path.stem}.part.keras")
    served(model, record).save(temporary)
    temporary.replace(path)
    temporary = path.with_name(f"{path.name}.part.json")
    temporary.write_text(json.dumps(record))
    temporary.replace(path.with_name(f"{path.name}.json"))
