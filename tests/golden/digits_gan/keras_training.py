"""DigitsGan, compiled from digits_gan.yaml."""

import argparse
import csv
import hashlib
import json
import math
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

import keras
import numpy as np
import polars as pl
import tensorflow as tf
from keras import layers, ops


@keras.saving.register_keras_serializable()
class Rescale(layers.Layer):
    """Scales and moves; outside a layer Keras would call the product sparse."""

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale
        self.offset = offset

    def call(self, x):
        return x * self.scale + self.offset

    def get_config(self):
        own = {"scale": self.scale, "offset": self.offset}
        return {**super().get_config(), **own}


def hidden_block(x, name):
    """x (batch, features) -> relu_1 (batch, 256)."""
    x = layers.Dense(256, use_bias=False, name=f"{name}.dense")(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}.norm")(x)
    return layers.Activation("relu", name=f"{name}.relu_1")(x)


def generator_model() -> keras.Model:
    """noise (batch, 8) -> pixels (batch, 1, 8, 8)."""
    noise = keras.Input((8,), name="noise")
    x = noise
    for i in range(5):
        x = hidden_block(x, name=f"hidden.{i}")
    x = layers.Dense(64, activation="sigmoid", name="grey")(x)
    x = layers.Reshape((1, 8, 8), name="reshape_1")(x)  # (batch, 1, 8, 8)
    pixels = Rescale(16.0, name="pixels")(x)
    return keras.Model(noise, pixels, name="Generator")


def discriminator_model() -> keras.Model:
    """image (batch, 1, 8, 8) -> rescaling_2 (batch, 1)."""
    image = keras.Input((1, 8, 8), name="image")
    x = Rescale(0.125, -1.0, name="rescaling_1")(image)
    x = layers.Flatten(data_format="channels_last", name="flatten_1")(x)
    x = layers.Dense(256, name="look1")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="look1.leaky_relu")(x)
    x = layers.Dense(256, name="look2")(x)
    x = layers.LeakyReLU(negative_slope=0.2, name="look2.leaky_relu")(x)
    x = layers.Dense(1, name="score")(x)
    rescaling_2 = Rescale(16.0, name="rescaling_2")(x)
    return keras.Model(image, rescaling_2, name="Discriminator")


def discriminator_loss(real, fake):
    """Return how much more made rows score than real ones, in the mean."""
    return ops.mean(fake) - ops.mean(real)


def generator_loss(fake):
    """Return minus the mean score of the made rows."""
    return -ops.mean(fake)


@keras.saving.register_keras_serializable()
class CosineSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise from 0 to the peak, then half a cosine wave down to the end."""

    def __init__(self, peak, steps, warmup=0, end=0.0):
        self.peak = peak
        self.steps = steps
        self.warmup = warmup
        self.end = end

    def __call__(self, step):
        step = ops.cast(step, "float64")
        progress = (step - self.warmup) / (self.steps - self.warmup)
        wave = (1 + ops.cos(math.pi * ops.clip(progress, 0.0, 1.0))) / 2
        rise = self.peak * step / max(self.warmup, 1)
        fall = self.end + (self.peak - self.end) * wave
        return ops.where(step < self.warmup, rise, fall)

    def get_config(self):
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warmup": self.warmup,
            "end": self.end,
        }


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
        self.mean_correction = 1 - ops.power(self.beta_1, step)
        self.root_correction = ops.sqrt(1 - ops.power(self.beta_2, step))
        return super().apply(grads, trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        mean, square = self.means[index], self.squares[index]
        if hasattr(gradient, "indices"):  # sum repeated embedding rows
            gradient = ops.reshape(gradient, variable.shape)
        rate = ops.cast(learning_rate, "float64") / self.mean_correction
        rate = ops.cast(rate, variable.dtype)
        correction = ops.cast(self.root_correction, variable.dtype)
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


def make_generator_optimizer() -> keras.optimizers.Optimizer:
    """Adam, as the spec sets it."""
    return Adam(
        learning_rate=CosineSchedule(peak=0.001, steps=2320),
        beta_1=0.0,
        beta_2=0.9,
        epsilon=1e-8,
    )


def make_discriminator_optimizer() -> keras.optimizers.Optimizer:
    """Adam, as the spec sets it."""
    return Adam(
        learning_rate=CosineSchedule(peak=0.001, steps=4640),
        beta_1=0.0,
        beta_2=0.9,
        epsilon=1e-8,
    )


def batch_normalizations(network):
    """Yield the layers that keep running statistics."""
    for layer in network.layers:
        if isinstance(layer, keras.Model):
            yield from batch_normalizations(layer)
        elif isinstance(layer, layers.BatchNormalization):
            yield layer


@contextmanager
def statistics_kept(network):
    """Keep running statistics as they are, while batches are normalised by their own."""
    norms = list(batch_normalizations(network))
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def gradient_penalty(discriminator, real, fake, mix):
    """Return how far the slope of the scores between real and fake rows is from 1."""
    mixed = mix * real + (1 - mix) * fake
    with tf.GradientTape() as tape:
        tape.watch(mixed)
        scores = discriminator(mixed, training=True)
    slopes = tape.gradient(scores, mixed)
    squares = ops.sum(ops.square(slopes), axis=tuple(range(1, len(slopes.shape))))
    return ops.mean(ops.square(ops.sqrt(squares + 1e-12) - 1))


@tf.function(autograph=False, reduce_retracing=True)
def discriminator_step(generator, discriminator, optimizer, real, noise, mix):
    """Take one step of the discriminator; return its loss before it."""
    with statistics_kept(generator):
        fake = generator(noise, training=True)
    with tf.GradientTape() as tape:
        loss = discriminator_loss(
            discriminator(real, training=True), discriminator(fake, training=True)
        )
        loss += 10.0 * gradient_penalty(discriminator, real, fake, mix)
    variables = discriminator.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


@tf.function(autograph=False, reduce_retracing=True)
def generator_step(generator, discriminator, optimizer, noise):
    """Take one step of the generator; return its loss before it."""
    with tf.GradientTape() as tape:
        fake = generator(noise, training=True)
        loss = generator_loss(discriminator(fake, training=True))
    # Of the generator alone: the discriminator stays as it is.
    variables = generator.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)
    return loss


def is_generators_turn(steps: int) -> bool:
    """Whether the generator steps after so many steps of the discriminator."""
    return steps % 2 == 0


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


def matching(rows: pl.DataFrame, patterns: list[str], path: Path) -> list[str]:
    """Return the columns that names and patterns stand for."""
    columns: list[str] = []
    for pattern in patterns:
        found = [c for c in rows.columns if fnmatchcase(c, pattern)]
        found = [pattern] if pattern in rows.columns else found
        if not found:
            raise ValueError(f'{path}: no column matches "{pattern}"')
        columns += found
    if len(set(columns)) < len(columns):
        raise ValueError(f"{path}: a column is taken twice: {columns}")
    return columns


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


def load_rows(path: Path) -> np.ndarray:
    """Return the rows as the discriminator takes them."""
    rows = read_rows(path)
    largest = float(np.finfo("float32").max)
    values = numbers(rows, matching(rows, ["pixel_*"], path), path, -largest, largest)
    if not len(values):
        raise ValueError(f"{path}: there are no rows")
    if (len(values) % 64 or min(len(values), 64)) == 1:
        raise ValueError(
            f"{path}: {len(values)} rows in batches of 64 leave one row alone, "
            "whose variance batch normalization cannot take"
        )
    values = shaped(values, [1, 8, 8], f'{path}: "image"')
    return values.astype("float32")


def permutation(count: int, *key: str | int) -> np.ndarray:
    """Return 0 .. count - 1 in an order that depends on the key alone."""
    digest = hashlib.sha256(json.dumps(key).encode()).digest()
    bits = np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8"))
    return np.argsort(bits.random_raw(count), kind="stable")


def batches(count: int, epoch: int) -> Iterator[np.ndarray]:
    """Yield the rows of each batch; epochs count from 1."""
    order = permutation(count, "order", 0, epoch)
    for start in range(0, count, 64):
        yield order[start : start + 64]


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


def draw_noise(count: int):
    """Return what the generator makes so many rows of."""
    return keras.random.normal((count, 8))


def sample(path: Path, count: int) -> np.ndarray:
    """Return rows that a saved generator makes."""
    generator = keras.saving.load_model(path, compile=False)
    return ops.convert_to_numpy(generator(draw_noise(count), training=False))


def main() -> None:
    """Train both, and save the generator, and rows that it makes."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    source = Path(__file__).parent / "data/digits.csv"
    parser.add_argument("--data", type=Path, default=source)
    output = Path("digits_gan.keras")
    parser.add_argument("--output", type=Path, default=output)
    parser.add_argument("--epochs", type=int, default=160)
    parser.add_argument(
        "--samples", type=Path, help="a .npy file of rows that are made"
    )
    arguments = parser.parse_args()
    if arguments.samples and arguments.samples.suffix != ".npy":
        parser.error("--samples: the name has to end in .npy")
    if arguments.output.suffix != ".keras":
        parser.error("--output: the name has to end in .keras")
    if arguments.epochs < 1:
        parser.error("--epochs: at least one is expected")

    keras.utils.set_random_seed(0)
    last = arguments.output.with_suffix(".last.keras")  # of the epochs so far
    try:
        require_writable(arguments.output, arguments.data)
        require_writable(last, arguments.data)
        if arguments.samples:
            require_writable(arguments.samples, arguments.data)
        rows = load_rows(arguments.data)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    generator, discriminator = generator_model(), discriminator_model()
    generator_optimizer = make_generator_optimizer()
    generator_optimizer.build(generator.trainable_variables)
    discriminator_optimizer = make_discriminator_optimizer()
    discriminator_optimizer.build(discriminator.trainable_variables)
    steps = 0
    for epoch in range(1, arguments.epochs + 1):
        losses = {"discriminator": [], "generator": []}
        for positions in batches(len(rows), epoch):
            batch = rows[positions]
            loss = discriminator_step(
                generator,
                discriminator,
                discriminator_optimizer,
                batch,
                draw_noise(len(batch)),
                keras.random.uniform((len(batch), 1, 1, 1)),
            )
            losses["discriminator"].append(loss)
            steps += 1
            if is_generators_turn(steps):
                loss = generator_step(
                    generator,
                    discriminator,
                    generator_optimizer,
                    draw_noise(len(batch)),
                )
                losses["generator"].append(loss)
        means = {name: float(np.mean(found)) for name, found in losses.items() if found}
        print(epoch, means)
        if not np.isfinite(list(means.values())).all():
            raise SystemExit(f"in epoch {epoch} the losses are {means}")
        temporary = arguments.output.with_name(f"{arguments.output.stem}.part.keras")
        generator.save(temporary)
        temporary.replace(last)
    last.replace(arguments.output)
    if arguments.samples is not None:
        np.save(arguments.samples, sample(arguments.output, 64))


if __name__ == "__main__":
    main()
