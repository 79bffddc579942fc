"""Diabetes, compiled from diabetes.yaml."""

import argparse
import hashlib
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import keras
import numpy as np
import polars as pl
from keras import layers, ops


def diabetes() -> keras.Model:
    """patient (batch, 10) -> progression (batch, 1)."""
    patient = keras.Input((10,), name="patient")
    x = layers.Dense(32, activation="tanh", name="hidden")(patient)
    x = layers.Dense(16, activation="elu", name="narrow")(x)
    progression = layers.Dense(1, name="progression")(x)
    return keras.Model(patient, progression, name="Diabetes")


def loss_function(target, output):
    """Mean squared error."""
    return ops.mean(ops.square(output - target))


@keras.saving.register_keras_serializable()
class MomentumSGD(keras.optimizers.Optimizer):
    """Gradient descent whose velocity does not contain the learning rate."""

    def __init__(self, learning_rate=0.01, momentum=0.9, nesterov=False, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum
        self.nesterov = nesterov

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        gradient = ops.reshape(gradient, variable.shape)  # sum repeated embedding rows
        self.assign(velocity, self.momentum * velocity + gradient)
        step = gradient + self.momentum * velocity if self.nesterov else velocity
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "nesterov": self.nesterov,
        }


def make_optimizer() -> keras.optimizers.Optimizer:
    """Sgd, as the spec sets it."""
    return MomentumSGD(learning_rate=0.0001, momentum=0.9, nesterov=True)


def compiled(model: keras.Model) -> keras.Model:
    """Return the model, ready to fit."""
    model.compile(
        optimizer=make_optimizer(),
        loss=loss_function,
        metrics=[
            keras.metrics.MeanAbsoluteError(name="mae"),
            keras.metrics.R2Score(name="r2"),
        ],
    )
    return model


def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")


def standardized(rows: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Shift and scale each element to mean 0 and deviation 1 over the training rows."""
    constant = (rows[train] == rows[train[0]]).all(axis=0)
    mean = np.where(constant, rows[train[0]], rows[train].mean(axis=0))
    deviation = np.where(constant, 1.0, rows[train].std(axis=0))
    return (rows - mean) / deviation


def load_data(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Return patient and target of each part of the rows."""
    table = pl.read_csv(path)
    patterns = ["age", "sex", "bmi", "bp", "s?"]
    candidates = [c for c in table.columns if c != "progression"]
    columns = []
    for pattern in patterns:
        matches = [c for c in candidates if fnmatchcase(c, pattern)]
        columns += [pattern] if pattern in candidates else matches
    patient = table.select(columns).to_numpy()
    target = table["progression"].to_numpy().reshape(len(table), 1).astype("float32")
    order = permutation(len(target), "split", 0)
    validation = int(len(order) * 0.15 + 0.5)
    test = validation + int(len(order) * 0.15 + 0.5)
    parts = {
        "train": np.sort(order[test:]),
        "validation": np.sort(order[:validation]),
        "test": np.sort(order[validation:test]),
    }
    patient = standardized(patient, parts["train"])
    patient = patient.reshape(len(table), 10).astype("float32")
    return {part: (patient[rows], target[rows]) for part, rows in parts.items()}


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 16):
        yield order[start : start + 16]


class Batches(keras.utils.PyDataset):
    """The training rows, in the order of their epoch."""

    def __init__(self, inputs, target):
        super().__init__()
        self.inputs = inputs
        self.target = target
        self.epoch = 0
        self.rows = list(batches(len(target), 1))

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        rows = self.rows[i]
        return self.inputs[rows], self.target[rows]

    def on_epoch_begin(self):
        self.epoch += 1
        self.rows = list(batches(len(self.target), self.epoch))


def main() -> None:
    """Train on the rows of a file; keep the best weights, and measure them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    here = Path(__file__).parent
    parser.add_argument("--data", type=Path, default=here / "data/diabetes.csv")
    parser.add_argument("--weights", type=Path, help="first weights")
    parser.add_argument("--output", type=Path, default=Path("diabetes.keras"))
    parser.add_argument("--epochs", type=int, default=40)
    arguments = parser.parse_args()

    keras.utils.set_random_seed(0)
    data = load_data(arguments.data)
    inputs, target = data["train"]
    model = diabetes()
    if arguments.weights is not None:
        model.load_weights(arguments.weights)
    network = compiled(model)
    best = keras.callbacks.EarlyStopping(
        patience=arguments.epochs, restore_best_weights=True
    )
    network.fit(
        Batches(inputs, target),
        epochs=arguments.epochs,
        shuffle=False,
        validation_data=data["validation"],
        validation_batch_size=16,
        callbacks=[best],
    )
    for part, (inputs, target) in data.items():
        measured = network.evaluate(
            inputs, target, batch_size=16, verbose=0, return_dict=True
        )
        print(part, measured)
    model.save(arguments.output)


if __name__ == "__main__":
    main()
