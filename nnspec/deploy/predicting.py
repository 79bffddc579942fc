"""Runs an exported model on raw rows, by what its metadata say of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import polars as pl

from nnspec.backend import onnx_backend
from nnspec.data.arrays import admit_arrays, require_arrays
from nnspec.data.domain_record import RECORD
from nnspec.data.files import read
from nnspec.data.preprocessing import Answer, Preprocessing, predicted
from nnspec.data.streaming import SUFFIXES, parts
from nnspec.data.tables import Rows
from nnspec.data.windows import leading
from nnspec.deploy.batching import Batching, OnRows
from nnspec.deploy.whole import WholeProgram
from nnspec.errors import DataError, UsageError, printable
from nnspec.language.training_schema import kind_of
from nnspec.network.domain import Domain
from nnspec.support import files, html

if TYPE_CHECKING:
    from nnspec.backend import Array


class _OnnxProgram(Protocol):
    model: Any
    metadata: dict[str, str]
    inputs: dict[str, str]
    domain: Domain | None
    batch: int | None

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]: ...


@dataclass(frozen=True, repr=False)
class Predictions:
    """The predictions of a model, row by row.

    outputs: each output of the network by name, shaped (rows, ...).
    numbers: what is predicted, by the task: a number, or the number of a class; None where the
    model does not say what it predicts. labels: names of the classes, where they have some.
    `target` is what the answer is called; columns: names of its elements, where it has several.
    by_output: of a network that was trained on several outputs, what each says by itself.
    files: the images that the rows are of, where a folder of them was given. windows: of a network
    that takes windows over rows, where each ends: `row`, counted from 1, its series and its time.
    """

    outputs: dict[str, Array]
    numbers: Array | None
    target: str
    labels: tuple[str, ...] | None
    columns: tuple[str, ...] | None = None
    by_output: Mapping[str, Predictions] = field(default_factory=dict)
    files: tuple[str, ...] | None = None
    windows: pl.DataFrame | None = None

    @property
    def answer(self) -> Array | None:
        """The answer for a row: a number, or the class's name or number."""
        if self.numbers is None or self.labels is None:
            return self.numbers
        return np.array(self.labels)[self.numbers]

    @property
    def rows(self) -> int:
        """The number of rows predicted."""
        return len(next(iter(self.outputs.values())))

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {values.shape}" for name, values in self.outputs.items())
        return printable(f"<Predictions of {self.target}: {self.rows:,} rows; {shapes}>")

    def _repr_html_(self) -> str:
        table = self.table()
        rows = table.head(html.MOST_ROWS).rows()
        return html.titled(repr(self)[1:-1], html.table(table.columns, rows, total=self.rows))

    def table(self) -> pl.DataFrame:
        """Return the answer and, where that says less than they, every element of the outputs."""
        columns: dict[str, Any] = {} if self.files is None else {"file": self.files}
        if self.windows is not None:
            columns |= self.windows.to_dict()
        for output, each in self.by_output.items():
            for name, series in each.table().to_dict().items():
                columns[_free(name, columns, f"{output}_{name}")] = series
        if self.numbers is not None:
            answers: dict[str, Any] = _columns(self.target, self.numbers, None, self.columns)
            if self.labels is not None:
                labels = pl.Series(self.labels)
                answers = {name: labels.gather(numbers) for name, numbers in answers.items()}
            for name, series in answers.items():
                columns[_free(name, columns, f"{name}_output")] = series
        for name, values in self.outputs.items():
            if values is not self.numbers and name not in self.by_output:
                names = self.columns if self.labels is None else self.labels
                for column, numbers in _columns(name, values, names).items():
                    columns[_free(column, columns, f"{column}_output")] = numbers
        return pl.DataFrame(columns)

    def write(self, path: str | Path) -> Path:
        """Write the table to a .csv or .parquet file, whole or not at all; raises UsageError."""
        path = Path(path)
        require_table(path)
        table = self.table()
        with files.replacing(path) as temporary:
            if path.suffix.lower() == ".csv":
                table.write_csv(temporary)
            else:
                table.write_parquet(temporary)
        return path


def require_table(path: str | Path) -> None:
    """Raise UsageError for a file that predictions are not written to."""
    if Path(path).suffix.lower() not in (".csv", ".parquet"):
        raise UsageError(f"{path}: predictions go to a .csv or a .parquet file")


def _free(name: str, taken: Collection[str], instead: str) -> str:
    """Return a name that no column has yet: this, or the other, with a _ or more."""
    if name not in taken:
        return name
    while instead in taken:
        instead += "_"
    return instead


def predict(
    model: str | Path,
    rows: Rows | str | Path | None = None,
    *,
    samples: int | None = None,
    seed: int = 0,
    on_rows: OnRows | None = None,
) -> Predictions:
    """Run an .onnx file on raw rows: a file of them, a table, or arrays by name.

    The file is a .csv, .parquet, .jsonl or .npz one.

    The rows are prepared as for training, by the record in the model's metadata; a model without
    one takes arrays named after its inputs. samples: of a generator among several networks, how
    many rows to make of noise, which depends on the seed alone. on_rows: called after each batch
    with how many rows are done, and how many there are or may be. Raises DataError for rows that do
    not fit, UsageError for a file that is no model, or no generator, and MissingDependencyError
    without ONNX Runtime.
    """
    if (rows is None) == (samples is None):
        raise UsageError("give either rows to run it on, or how many samples it is to make")
    program = _loaded(model)
    batching = Batching(on_rows, partial(onnx_backend().bytes_of_a_row, model))
    if samples is not None:
        from nnspec.deploy.sampling import noise_of  # which few models take

        return Predictions(
            batching.forward(program, noise_of(program, model, samples, seed)), None, "", None
        )
    assert rows is not None
    record = program.metadata.get("nnspec.preprocessing")
    if record is None:
        return _without_record(program, model, rows, batching)
    preprocessing = _read(record, program, model)
    file = rows if isinstance(rows, str | Path) else "the rows"
    outputs = files = windows = None
    if isinstance(rows, str | Path) and Path(rows).suffix.lower() in SUFFIXES:
        outputs = _streamed(program, preprocessing, Path(rows), batching)
    if outputs is None:
        table = read(rows, preprocessing.cut) if isinstance(rows, str | Path) else rows
        batching.done = 0  # where a part has failed, the whole is read
        outputs = batching.forward(program, _inputs(program, preprocessing, table, file))
        found = preprocessing.rolled(table, file=file)
        if found is not None and preprocessing.windows is not None:
            windows = leading(table, preprocessing.windows, found)
        if isinstance(rows, str | Path) and isinstance(table, pl.DataFrame) and Path(rows).is_dir():
            files = tuple(table["file"])
    if preprocessing.answers is not None:
        for name in preprocessing.answers.keys() & outputs.keys():
            _require_numbers(outputs[name], model, file, "row")
        several = _several(outputs, preprocessing.answers, program, model)
        return replace(several, files=files)
    numbers = None
    if len(outputs) == 1:
        (values,) = outputs.values()
        _require_numbers(values, model, file, "row" if windows is None else "window")
        values = preprocessing.restored(values)
        outputs = dict.fromkeys(outputs, values)
        threshold = _threshold(program.metadata.get("nnspec.threshold", "0.5"), model)
        numbers = _answer(values, preprocessing, threshold)
    labels = preprocessing.labels if kind_of(preprocessing.task) != "regression" else None
    named = preprocessing.columns
    if named is not None and numbers is not None and _has_steps(numbers, named, preprocessing):
        steps = numbers.shape[1]
        named = tuple(f"{name}_{step}" for step in range(steps) for name in named)
    if named is not None and numbers is not None and numbers[0].size != len(named):
        raise DataError(
            f"{model}: the preprocessing record names {len(named)} elements of the target, and "
            "the model gives another number"
        )
    return Predictions(
        outputs, numbers, preprocessing.target, labels, named, files=files, windows=windows
    )


def _has_steps(numbers: Array, named: tuple[str, ...], record: Preprocessing) -> bool:
    """Whether what is predicted of a window is of several rows after it, each of all columns."""
    has_steps = numbers.ndim == 3 and numbers.shape[1] > 1
    return record.windows is not None and has_steps and numbers.shape[2] == len(named)


def _require_numbers(values: Array, model: object, file: object, what: str) -> None:
    if np.isnan(values).any():
        row = int(np.argwhere(np.isnan(values))[0][0])
        raise DataError(
            f"{model} gives no number for {what} {row + 1} of {file}, though it is sound: "
            "its weights are damaged, or too large"
        )


def _several(
    outputs: dict[str, Array], answers: Mapping[str, Answer], program: _OnnxProgram, model: object
) -> Predictions:
    """Return what a network says that was trained on several outputs."""
    thresholds = _thresholds(program.metadata.get("nnspec.thresholds", "{}"), model)
    found = {}
    for name, answer in answers.items():
        if name not in outputs:
            raise DataError(
                f'{model}: the preprocessing record is of the output "{name}", and the model '
                f"gives {_listed(outputs)}"
            )
        numbers = _answer(outputs[name], answer, thresholds.get(name, 0.5))
        labels = answer.labels if kind_of(answer.task) != "regression" else None
        alone = {name: outputs[name]}
        found[name] = Predictions(alone, numbers, answer.target, labels, answer.columns)
    targets = ", ".join(answer.target for answer in answers.values())
    return Predictions(outputs, None, targets, None, by_output=found)


def _thresholds(text: str, model: object) -> dict[str, float]:
    try:
        given = json.loads(text)
        return {str(name): _threshold(str(value), model) for name, value in given.items()}
    except (ValueError, AttributeError):
        raise UsageError(f"{model}: its metadata give thresholds that cannot be read") from None


def _loaded(model: str | Path) -> _OnnxProgram:
    try:
        program: _OnnxProgram = onnx_backend().load(model)
        if RECORD in program.metadata:
            program = WholeProgram(program)
    except DataError as error:  # of a record within it
        raise DataError(f"{model}: {error}") from None
    return program


def _read(record: str, program: _OnnxProgram, model: object) -> Preprocessing:
    """Return the preprocessing record of a model; raises DataError where it is another's."""
    try:
        preprocessing = Preprocessing.from_json(record)
    except DataError as error:
        raise DataError(f"{model}: {error}") from None
    given, taken = set(preprocessing.inputs), set(program.inputs)
    if given != taken:
        raise DataError(
            f"{model}: the preprocessing record is of the inputs {_listed(given)}, and the model "
            f"takes {_listed(taken)}"
        )
    return preprocessing


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names)) or "of no name"


def _without_record(
    program: _OnnxProgram, model: str | Path, rows: Rows | str | Path, batching: Batching
) -> Predictions:
    file = rows if isinstance(rows, str | Path) else "the rows"
    if isinstance(rows, str | Path):
        rows = read(rows)
    if isinstance(rows, pl.DataFrame):
        raise UsageError(
            f"{model} does not say how rows become its inputs; export it with the weights of "
            "a training run (`nnspec export --weights`), or give an .npz file with its inputs"
        )
    return Predictions(batching.forward(program, _raw(program, rows, file)), None, "", None)


def _inputs(
    program: _OnnxProgram, preprocessing: Preprocessing, rows: Rows, file: object
) -> dict[str, Array]:
    """Return what the network takes for these rows; raises DataError."""
    inputs = preprocessing.apply(rows, file=file)
    if program.domain is not None:
        program.domain.require(inputs, preprocessing.place(rows, file), file=file)
    return program.columns(rows, file) if isinstance(program, WholeProgram) else inputs


def _streamed(
    program: _OnnxProgram, preprocessing: Preprocessing, path: Path, batching: Batching
) -> dict[str, Array] | None:
    """Return the outputs for a table that is read part by part, or None if it is not all in order.

    The whole is then read, so that the message names the row of the file.
    """
    if preprocessing.windows is not None:
        return None  # A window may begin in one part, and end in the next.
    features = preprocessing.inputs.values()
    floats: dict[str, None] = {}
    others: dict[str, None] = {}
    for feature in features:
        if feature.is_of_files:
            return None  # It is the files that take memory, and they are decoded batch by batch.
        is_plain = feature.dtype.startswith("float") and feature.prepared is None
        columns = floats if is_plain else others
        columns.update(dict.fromkeys(feature.columns))
    has_prepared = any(feature.prepared is not None for feature in features)
    is_array = any(feature.is_array for feature in features)
    if is_array or program.batch is not None or floats.keys() & others or not path.is_file():
        return None
    found: dict[str, list[Array]] = {}
    batching.expect(path)
    try:
        for table in parts(path, list(floats), list(others)):
            blank = pl.all_horizontal(pl.all().is_null())
            if has_prepared and table.select(blank).to_series().any():
                return None  # A line without values at the end of a file is no row.
            inputs = _inputs(program, preprocessing, table, path)
            for name, values in batching.forward(program, inputs).items():
                found.setdefault(name, []).append(values)
    except (DataError, OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException):
        return None
    return {name: np.concatenate(values) for name, values in found.items()} or None


def _raw(program: _OnnxProgram, rows: Mapping[str, Array], file: object) -> Mapping[str, Array]:
    """Return the arrays that a model without a record takes, by the names of its inputs."""
    if program.domain is not None:
        return admit_arrays(program.domain, rows, file)
    return require_arrays(list(program.inputs), rows, file)


def _threshold(text: str, model: object) -> float:
    try:
        threshold = float(text)
    except ValueError:
        threshold = np.nan
    if not np.isfinite(threshold):
        raise UsageError(f'{model}: its metadata give the threshold "{text}", which is no number')
    return threshold


def _answer(values: Array, preprocessing: Preprocessing | Answer, threshold: float) -> Array:
    kind = kind_of(preprocessing.task)
    if kind == "regression":
        return predicted(values, preprocessing.gives)
    scores: Any = values
    is_multiclass = kind == "multiclass"
    axis = -1 if preprocessing.class_axis is None else preprocessing.class_axis
    axis += axis >= 0  # the batch comes first
    if is_multiclass and not -values.ndim < axis < values.ndim:
        raise DataError(
            f"the preprocessing record has the classes on axis {axis - 1}, which is none"
        )
    numbers: Array = scores.argmax(axis) if is_multiclass else (scores > threshold).astype(int)
    if preprocessing.labels is None:
        return numbers
    classes = values.shape[axis] if is_multiclass else 2
    if len(preprocessing.labels) != classes:
        raise DataError(
            f"the preprocessing record names {len(preprocessing.labels)} classes, and the model "
            f"gives {classes}"
        )
    return numbers


def _columns(
    name: str,
    values: Array,
    labels: tuple[str, ...] | None,
    columns: tuple[str, ...] | None = None,
) -> dict[str, Array]:
    """Return the elements of each row by name; those on a last axis of classes by their labels.

    columns: names of the elements as they are.
    """
    shape = values.shape[1:]
    flat = values.reshape(len(values), -1)
    if flat.shape[1] == 1:
        return {name: flat[:, 0]}
    if columns is not None and flat.shape[1] == len(columns):
        return {column: flat[:, i] for i, column in enumerate(columns)}
    suffixes = ["_".join(map(str, place)) for place in np.ndindex(*shape)]
    if labels is not None and shape == (len(labels),):
        suffixes = list(labels)
    return {f"{name}_{suffix}": flat[:, i] for i, suffix in enumerate(suffixes)}
