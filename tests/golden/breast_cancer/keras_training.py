"""BreastCancer, compiled from breast_cancer.yaml."""

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


def dense_block(x, units, name):
    """x (batch, features) -> dropout (batch, units)."""
    x = layers.Dense(units, use_bias=False, name=f"{name}.linear")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm")(x)
    x = layers.Activation("relu", name=f"{name}.relu_1")(x)
    return layers.Dropout(0.3, name=f"{name}.dropout")(x)


def breast_cancer() -> keras.Model:
    """features (batch, 30) -> probability (batch, 1)."""
    features = keras.Input((30,), name="features")
    x = dense_block(features, units=32, name="wide")
    x = dense_block(x, units=16, name="narrow")
    x = layers.Dense(1, name="score")(x)
    probability = layers.Activation("sigmoid", name="probability")(x)
    return keras.Model(features, probability, name="BreastCancer")


def loss_function(target, output):
    """Binary cross-entropy of logits, the mean over the batch."""
    return ops.mean(ops.softplus(output) - target * output)


@keras.saving.register_keras_serializable()
class Adam(keras.optimizers.Optimizer):
    """Adam that adds epsilon after the bias correction, as its authors' algorithm 1 does."""

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8, **kwargs
    ):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.means = self.add_optimizer_variables(variables, "mean")
            self.squares = self.add_optimizer_variables(variables, "square")

    def apply(self, grads, trainable_variables=None):
        # In float32 the corrections would be off by 1e-5 in the first steps.
        step = ops.cast(self.iterations + 1, "float64")
        rate = ops.cast(self.learning_rate, "float64")
        self.rate = rate / (1 - ops.power(self.beta_1, step))
        self.correction = ops.sqrt(1 - ops.power(self.beta_2, step))
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        gradient = ops.reshape(gradient, variable.shape)  # sum repeated embedding rows
        rate = ops.cast(self.rate, variable.dtype)
        correction = ops.cast(self.correction, variable.dtype)
        self.assign_add(mean, (1 - self.beta_1) * (gradient - mean))
        self.assign(
            square, self.beta_2 * square + (1 - self.beta_2) * ops.square(gradient)
        )
        self.assign_sub(
            variable, rate * mean / (ops.sqrt(square) / correction + self.epsilon)
        )

    def get_config(self):
        return {
            **super().get_config(),
            "beta_1": self.beta_1,
            "beta_2": self.beta_2,
            "epsilon": self.epsilon,
        }


def make_optimizer() -> keras.optimizers.Optimizer:
    """Adam, as the spec sets it."""
    return Adam(learning_rate=0.002, beta_1=0.9, beta_2=0.999, epsilon=1e-8)


def compiled(model: keras.Model) -> keras.Model:
    """Return the model up to its logits, weights shared, ready to fit."""
    logits = keras.Model(model.inputs, model.get_layer("probability").input)
    logits.compile(
        optimizer=make_optimizer(),
        loss=loss_function,
        metrics=[keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0)],
    )
    return logits


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
    """Return features and target of each part of the rows."""
    table = pl.read_csv(path)
    patterns = ["mean_*", "*_error", "worst_*"]
    candidates = [c for c in table.columns if c != "benign"]
    columns = []
    for pattern in patterns:
        matches = [c for c in candidates if fnmatchcase(c, pattern)]
        columns += [pattern] if pattern in candidates else matches
    features = table.select(columns).to_numpy()
    target = table["benign"]
    if target.dtype == pl.String:
        target = target.str.strip_chars()
        numbers = target.cast(pl.Float64, strict=False)
        names = pl.Enum(target.unique().sort())  # of classes, numbered in this order
        is_named = numbers.has_nulls()
        target = target.cast(names).to_physical() if is_named else numbers
    target = target.to_numpy().reshape(len(table), 1).astype("float32")
    order = permutation(len(target), "split", 0)
    validation = int(len(order) * 0.15 + 0.5)
    test = validation + int(len(order) * 0.2 + 0.5)
    parts = {
        "train": np.sort(order[test:]),
        "validation": np.sort(order[:validation]),
        "test": np.sort(order[validation:test]),
    }
    features = standardized(features, parts["train"])
    features = features.reshape(len(table), 30).astype("float32")
    return {part: (features[rows], target[rows]) for part, rows in parts.items()}


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 32):
        yield order[start : start + 32]


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
    parser.add_argument("--data", type=Path, default=here / "data/breast_cancer.csv")
    parser.add_argument("--weights", type=Path, help="first weights")
    parser.add_argument("--output", type=Path, default=Path("breast_cancer.keras"))
    parser.add_argument("--epochs", type=int, default=40)
    arguments = parser.parse_args()

    keras.utils.set_random_seed(0)
    data = load_data(arguments.data)
    inputs, target = data["train"]
    model = breast_cancer()
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
        validation_batch_size=32,
        callbacks=[best],
    )
    for part, (inputs, target) in data.items():
        measured = network.evaluate(
            inputs, target, batch_size=32, verbose=0, return_dict=True
        )
        print(part, measured)
    model.save(arguments.output)


if __name__ == "__main__":
    main()
