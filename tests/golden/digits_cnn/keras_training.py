"""DigitsCNN, compiled from digits_cnn.yaml."""

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


def residual(x, filters, name):
    """x (batch, height, width, filters) -> relu2 (batch, height, width, filters)."""
    y = layers.Conv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        name=f"{name}.conv1",
    )(x)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm1")(y)
    y = layers.Activation("relu", name=f"{name}.relu1")(y)
    y = layers.Conv2D(
        filters,
        3,
        padding="same",
        use_bias=False,
        name=f"{name}.conv2",
    )(y)
    y = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm2")(y)
    y = layers.Add(name=f"{name}.joined")([x, y])
    return layers.Activation("relu", name=f"{name}.relu2")(y)


def digits_cnn() -> keras.Model:
    """image (batch, 1, 8, 8) -> probabilities (batch, 10)."""
    image = keras.Input((1, 8, 8), name="image")
    x = layers.Permute((2, 3, 1))(image)  # channels last
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="stem")(x)
    x = residual(x, filters=16, name="block1")
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="widen")(x)
    x = layers.MaxPooling2D(2, name="pool")(x)  # (batch, 4, 4, 32)
    x = residual(x, filters=32, name="block2")
    x = layers.Permute((3, 1, 2))(x)  # channels first
    x = layers.Flatten(name="flatten_1")(x)
    x = layers.Dense(64, activation="relu", name="hidden")(x)
    x = layers.Dense(10, name="scores")(x)
    probabilities = layers.Softmax(name="probabilities")(x)
    return keras.Model(image, probabilities, name="DigitsCNN")


def loss_function(target, output):
    """Categorical cross-entropy of logits, the mean over the batch."""
    logs = ops.log_softmax(output)
    if len(target.shape) == len(output.shape):  # a probability per class
        return -ops.mean(ops.sum(target * logs, axis=-1))
    classes = ops.expand_dims(ops.cast(target, "int64"), -1)
    return -ops.mean(ops.take_along_axis(logs, classes, axis=-1))


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
    return Adam(learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-8)


def compiled(model: keras.Model) -> keras.Model:
    """Return the model up to its logits, weights shared, ready to fit."""
    logits = keras.Model(model.inputs, model.get_layer("probabilities").input)
    logits.compile(optimizer=make_optimizer(), loss=loss_function, metrics=["accuracy"])
    return logits


def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")


def load_data(path: Path) -> dict[str, tuple[np.ndarray, ...]]:
    """Return image and target of each part of the rows."""
    table = pl.read_csv(path)
    columns = [c for c in table.columns if fnmatchcase(c, "pixel_*") and c != "label"]
    image = table.select(columns).to_numpy()
    target = table["label"]
    if target.dtype == pl.String:
        target = target.str.strip_chars()
        numbers = target.cast(pl.Float64, strict=False)
        names = pl.Enum(target.unique().sort())  # of classes, numbered in this order
        is_named = numbers.has_nulls()
        target = target.cast(names).to_physical() if is_named else numbers
    target = target.to_numpy().astype("int64")
    order = permutation(len(target), "split", 0)
    validation = int(len(order) * 0.1 + 0.5)
    test = validation + int(len(order) * 0.2 + 0.5)
    parts = {
        "train": np.sort(order[test:]),
        "validation": np.sort(order[:validation]),
        "test": np.sort(order[validation:test]),
    }
    image = image.reshape(len(table), 1, 8, 8).astype("float32")
    return {part: (image[rows], target[rows]) for part, rows in parts.items()}


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
    parser.add_argument("--data", type=Path, default=here / "data/digits.csv")
    parser.add_argument("--weights", type=Path, help="first weights")
    parser.add_argument("--output", type=Path, default=Path("digits_cnn.keras"))
    parser.add_argument("--epochs", type=int, default=12)
    arguments = parser.parse_args()

    keras.utils.set_random_seed(0)
    data = load_data(arguments.data)
    inputs, target = data["train"]
    model = digits_cnn()
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
