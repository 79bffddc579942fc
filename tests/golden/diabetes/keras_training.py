"""Diabetes, compiled from diabetes.yaml."""

import argparse
import csv
import hashlib
import json
import math
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

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


@keras.saving.register_keras_serializable()
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
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        step = self.momentum * velocity + gradient
        self.assign(velocity, step)
        if self.nesterov:
            step = gradient + self.momentum * step
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)

    def get_config(self):
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "nesterov": self.nesterov,
        }


def make_optimizer() -> keras.optimizers.Optimizer:
    """SGD, as the spec sets it."""
    return MomentumSGD(learning_rate=0.0001, momentum=0.9, nesterov=True)


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
        self.first.assign(ops.where(self.rows == 0, target[0], self.first))
        moved = target - self.first  # sums of squares of what is far from 0 say little
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


def compiled(model: keras.Model) -> keras.Model:
    """Return the model, ready to fit."""
    model.compile(
        optimizer=make_optimizer(),
        loss=loss_function,
        metrics=[keras.metrics.MeanAbsoluteError(name="mae"), R2(1)],
        steps_per_execution=16,
    )
    return model


LARGEST = float(np.finfo("float32").max)
INPUTS: dict[str, dict[str, Any]] = {
    "patient": {
        "columns": ["age", "sex", "bmi", "bp", "s?"],
        "shape": [10],
        "dtype": "float32",
    }
}
BOUNDS: dict[str, tuple[Any, Any]] = {"patient": (-LARGEST, LARGEST)}
TARGET = "progression"


def read_rows(path: Path) -> pl.DataFrame:
    """Return the rows of a file as text, without blank lines at its end."""
    try:
        rows = pl.read_csv(path, infer_schema=False, glob=False)
    except pl.exceptions.PolarsError as error:
        reason = wrong_line(path) or str(error).splitlines()[0]
        raise ValueError(f"{path} is no readable .csv file: {reason}") from None
    for name in rows.columns:
        first, mark, number = name.rpartition("_duplicated_")
        if mark and number.isdecimal() and first in rows.columns:
            raise ValueError(f'{path}: the header has the column "{first}" twice')
    filled = rows.select(pl.any_horizontal(pl.all().is_not_null())).to_series()
    return rows.head(max(filled.arg_true().to_list(), default=-1) + 1)


def matching(rows: pl.DataFrame, patterns: list[str], path: Path) -> list[str]:
    """Return the columns that names and patterns stand for, the target left out."""
    columns: list[str] = []
    for pattern in patterns:
        found = [c for c in rows.columns if c != TARGET and fnmatchcase(c, pattern)]
        found = [pattern] if pattern in rows.columns else found
        if not found:
            raise ValueError(f'{path}: no column matches "{pattern}"')
        columns += found
    if len(set(columns)) < len(columns) or TARGET in columns:
        raise ValueError(f"{path}: a column is taken twice: {columns}")
    return columns


def wrong_line(path: Path) -> str:
    """Say which line has too many values or quotes that do not match; "" if none has."""
    columns, line = 0, 1
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        records = csv.reader(file, strict=True)
        try:
            for record in records:
                columns = columns or len(record)
                if len(record) > columns:
                    return f"line {line} has {len(record)} values, not {columns}"
                line = records.line_num + 1
        except csv.Error:
            return f"the quotes of line {line} are not in order"
    return ""


def line_of(path: Path, row: int) -> int:
    """Return the line at which a row begins; a value may go over several lines."""
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file)
        while not next(records):  # blank lines before the header are no rows
            pass
        for _ in range(row - 1):
            next(records, None)
    return records.line_num + 1


def where(path: Path, name: str, row: int) -> str:
    """Return the place of a value."""
    return f'{path}, line {line_of(path, row)}: column "{name}", row {row}'


def column(rows: pl.DataFrame, name: str, path: Path) -> pl.Series:
    """Return a column, text without spaces around it; no value may be missing."""
    if name not in rows.columns:
        raise ValueError(f'{path}: there is no column "{name}"')
    values = rows[name].str.strip_chars()
    values = values.set(values == "", None)
    if values.has_nulls():
        place = where(path, name, values.is_null().arg_true()[0] + 1)
        raise ValueError(f"{place}: the value is missing")
    return values


def numbers(
    rows: pl.DataFrame,
    names: list[str],
    path: Path,
    low: float,
    high: float,
    *,
    whole: bool = False,
) -> np.ndarray:
    """Return columns as (rows, columns); refuse what is no number from low to high."""
    columns = []
    for name in names:
        given = column(rows, name, path)
        values = given.cast(pl.Float64, strict=False)
        right = values.is_between(low, high).fill_null(False)
        if whole:
            right &= values == values.floor()
        if not right.all():
            row = (~right).arg_true()[0]
            raise ValueError(
                f"{where(path, name, row + 1)}: {given[row]} is not a "
                f"{'whole ' if whole else ''}number from {low:g} to {high:g}"
            )
        columns.append(values.to_numpy())
    return np.stack(columns, axis=1)


def shaped(values: np.ndarray, shape: list[int], place: str) -> np.ndarray:
    """Return rows in this shape; flat ones are folded, axes of size 1 come and go."""
    given = [size for size in values.shape[1:] if size != 1]
    if given not in ([size for size in shape if size != 1], [math.prod(shape)]):
        raise ValueError(f"{place} is {given} a row, and {shape} is expected")
    return values.reshape(len(values), *shape)


def read_inputs(
    rows: pl.DataFrame, kinds: dict[str, Any], path: Path
) -> dict[str, np.ndarray]:
    """Return what each input is made of; refuse what the network does not take."""
    inputs: dict[str, np.ndarray] = {}
    for name, kind in kinds.items():
        low, high = BOUNDS[name]
        whole = not kind["dtype"].startswith("float")
        values = numbers(rows, kind["columns"], path, low, high, whole=whole)
        inputs[name] = shaped(values, kind["shape"], f'{path}: input "{name}"')
    return inputs


def read_target(rows: pl.DataFrame, path: Path) -> tuple[np.ndarray, list[str] | None]:
    """Return the target of each row, and the names of the classes, if it has some."""
    target = numbers(rows, [TARGET], path, -LARGEST, LARGEST)
    target = shaped(target, [1], f'{path}: "{TARGET}"')
    return target.astype("float32"), None


def standard(rows: np.ndarray) -> dict[str, list[float]]:
    """Return mean and deviation of each element; one that never changes is only shifted."""
    rows = rows.reshape(len(rows), -1).astype("float64")
    constant = (rows == rows[0]).all(axis=0)
    mean = np.where(constant, rows[0], rows.mean(axis=0))
    scale = np.where(constant, 1.0, rows.std(axis=0))
    scale[scale == 0] = 1.0
    return {"mean": mean.tolist(), "scale": scale.tolist()}


def standardised(values: np.ndarray, by: dict[str, Any]) -> np.ndarray:
    """Return rows less the mean of each element, in units of its deviation."""
    flat = values.reshape(len(values), -1).astype("float64")
    shifted: np.ndarray = (flat - by["mean"]) / by["scale"]
    return shifted.reshape(values.shape)


def prepared(inputs: dict[str, np.ndarray], record: dict[str, Any]) -> list[np.ndarray]:
    """Return the inputs as the network takes them."""
    arrays = []
    for name, kind in record["inputs"].items():
        values = inputs[name]
        if "mean" in kind:
            values = standardised(values, kind)
        arrays.append(np.ascontiguousarray(values.astype(kind["dtype"])))
    return arrays


def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")


def split(count: int) -> dict[str, np.ndarray]:
    """Return the rows of each part, in the order of the file."""
    order = permutation(count, "split", 0)
    validation = int(count * 0.15 + 0.5)
    test = validation + int(count * 0.15 + 0.5)
    parts = {
        "train": order[test:],
        "validation": order[:validation],
        "test": order[validation:test],
    }
    for part, rows in parts.items():
        if not len(rows):
            raise ValueError(f"of {count} rows none is left for {part}")
    return {part: np.sort(rows) for part, rows in parts.items()}


def load_data(
    path: Path,
) -> tuple[dict[str, tuple[np.ndarray, ...]], dict[str, Any]]:
    """Return inputs and target of each part, and a record of how they are made."""
    rows = read_rows(path)
    kinds = {name: dict(kind) for name, kind in INPUTS.items()}
    for kind in kinds.values():
        kind["columns"] = matching(rows, kind["columns"], path)
    inputs = read_inputs(rows, kinds, path)
    target, labels = read_target(rows, path)
    if not len(target):
        raise ValueError(f"{path}: there are no rows")
    parts = split(len(target))
    kinds["patient"] |= standard(inputs["patient"][parts["train"]])
    record = {
        "inputs": kinds,
        "task": "regression",
        "target": TARGET,
        "labels": labels,
    }
    arrays = (*prepared(inputs, record), target)
    taken = {
        part: tuple(values[rows] for values in arrays) for part, rows in parts.items()
    }
    return taken, record


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 16):
        yield order[start : start + 16]


def require_writable(path: Path, *given: Path | None) -> None:
    """Raise an error now, rather than after the training, where no file can be written."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder, and a file is expected")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}")
    for read in (*given, Path(__file__)):
        if read and path.exists() and read.exists() and path.samefile(read):
            raise ValueError(f"{path} is read, and would be lost; give another name")
    with tempfile.TemporaryFile(dir=path.parent):
        pass


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


def served(model: keras.Model, record: dict[str, Any]) -> keras.Model:
    """Return the network as others load it: without its loss, and in the units of the rows."""
    network = keras.Model(model.input, model.output, name=model.name)
    inputs, given = [], []
    for tensor in model.inputs:
        kind = record["inputs"][tensor.name]
        is_shifted = "mean" in kind
        dtype = "float64" if is_shifted else tensor.dtype
        raw = keras.Input(tensor.shape[1:], dtype=dtype, name=tensor.name)
        inputs.append(raw)
        if is_shifted:
            mean, scale = (
                np.reshape(kind[key], kind["shape"]) for key in ("mean", "scale")
            )
            raw = raw * (1 / scale) + -mean / scale
            raw = layers.Identity(dtype=tensor.dtype)(raw)
        given.append(raw)
    output = network(given[0])
    return keras.Model(inputs[0], output)


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


def predict(path: Path, data: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return what a saved network makes of raw rows: its output, and the answer."""
    record = json.loads(path.with_name(f"{path.name}.json").read_text())
    model = keras.saving.load_model(path)
    network = model.get_layer("Diabetes")
    inputs = read_inputs(read_rows(data), record["inputs"], data)
    arrays = prepared(inputs, record)
    output = network.predict(arrays[0], batch_size=16, verbose=0)
    return output, output


def main() -> None:
    """Train on the rows of a file; save the best epoch, and measure it."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    source = Path(__file__).parent / "data/diabetes.csv"
    parser.add_argument("--data", type=Path, default=source)
    parser.add_argument("--weights", type=Path, help="first weights")
    output = Path("diabetes.keras")
    parser.add_argument("--output", type=Path, default=output)
    parser.add_argument("--epochs", type=int, default=40)
    arguments = parser.parse_args()
    if arguments.output.suffix != ".keras":
        parser.error("--output: the name has to end in .keras")
    if arguments.epochs < 1:
        parser.error("--epochs: at least one is expected")

    keras.utils.set_random_seed(0)
    model = diabetes()
    if arguments.weights is not None:
        try:
            if arguments.weights.suffix == ".keras":
                saved = keras.saving.load_model(arguments.weights)
                model.set_weights(saved.get_weights())
            else:
                model.load_weights(arguments.weights)
        except (KeyError, OSError, TypeError, ValueError) as error:
            parser.error(f"--weights: {arguments.weights}: {error}")
    best = arguments.output.with_suffix(".best.weights.h5")
    pattern = str(best).replace("{", "{{").replace("}", "}}")
    try:
        require_writable(arguments.output, arguments.data, arguments.weights)
        require_writable(best, arguments.data, arguments.weights)
        data, record = load_data(arguments.data)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    inputs, target = data["train"]
    network = compiled(model)
    network.fit(
        Batches(inputs, target),
        epochs=arguments.epochs,
        shuffle=False,
        validation_data=data["validation"],
        validation_batch_size=16,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_end=require_finite),
            keras.callbacks.ModelCheckpoint(
                pattern,
                monitor="val_loss",
                save_best_only=True,
                save_weights_only=True,
                initial_value_threshold=np.inf,
            ),
            keras.callbacks.TerminateOnNaN(),
        ],
    )
    network.load_weights(best)
    save(model, record, arguments.output)
    best.unlink()
    for part, (inputs, target) in data.items():
        measured = network.evaluate(
            inputs, target, batch_size=16, verbose=0, return_dict=True
        )
        print(part, measured)


if __name__ == "__main__":
    main()
