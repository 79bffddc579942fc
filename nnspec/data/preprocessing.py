"""Turns rows into the network's inputs; kept with the weights, so that prediction does the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from nnspec.data.arrays import fit_shape, in_array, require_equal_lengths
from nnspec.data.images import Pictured
from nnspec.data.named_files import Files
from nnspec.data.pictures import Pictures
from nnspec.data.prepared import Prepared
from nnspec.data.sounds import Sounded, Sounds
from nnspec.data.tables import Rows, missing_column, numbers, require_fitting, where
from nnspec.errors import DataError
from nnspec.language.schema import DType
from nnspec.language.texts import Cut
from nnspec.language.training_schema import Task, kind_of
from nnspec.language.windows import Windows
from nnspec.layers.fields import Flag, Frozen, Number, Positive, Size, Text
from nnspec.layers.shapes import show
from nnspec.network.domain import Place

if TYPE_CHECKING:
    from nnspec.data.windows import Rolled

Array = NDArray[Any]
Raw = Array | pl.DataFrame | Files
"""Gathered values: an array, columns that are still to be prepared, or images and sounds."""

KEY = "preprocessing"
"""The record's key in the metadata of weights and of an ONNX file."""
MOST = 12
"""Columns whose widths a message tells."""

Numbers = Annotated[tuple[Number, ...], Field(strict=False)]


class Feature(Frozen):
    """The source of one input of the network, and the shift and scale of its values."""

    columns: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
    """Columns of a table in the order of the input's elements, or the name of one array."""
    is_array: Flag = False
    """Whether `columns` names an array of an .npz file."""
    shape: Annotated[tuple[Size | Text, ...], Field(strict=False)]
    """The input's shape without the batch axis; of windows without that of their rows too."""
    steps: Size | None = None
    """Rows of each window; None where a row of the file is a row of the input."""
    dtype: DType
    """The input's dtype."""
    mean: Numbers | None = None
    """Subtracted from each element of the input; None for nothing."""
    scale: Annotated[tuple[Positive, ...], Field(strict=False)] | None = None
    """The divisor of each element after that; None for nothing."""
    prepared: Annotated[tuple[Prepared, ...], Field(strict=False)] | None = None
    """The columns one by one, where they are no plain numbers; None where all are."""
    image: Pictured | None = None
    """The way to numbers of the images that the one column names; None where it names none."""
    sound: Sounded | None = None
    """The same of sounds."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Feature:
        if self.prepared is not None:
            if len(self.prepared) != len(self.columns) or self.mean is not None:
                raise ValueError("each column is prepared once, and nothing else shifts it")
            if self.is_array:
                raise ValueError("an array has no columns that are prepared")
        if self.image is not None and self.sound is not None:
            raise ValueError("files are images or sounds")
        if self.is_of_files:
            is_alone = len(self.columns) == 1 and self.mean is None and self.prepared is None
            if not is_alone or self.is_array or self.steps is not None:
                raise ValueError("files are of one column, which nothing else prepares")
        return self

    @property
    def is_of_files(self) -> bool:
        """Whether the one column names files."""
        return self.image is not None or self.sound is not None

    def gather(self, rows: Rows, input_name: str, file: object) -> Raw:
        """Return the raw values, shaped (rows, *shape), of any numeric type.

        Of columns that are prepared a table of them, with what is missing left out; of images
        these, not yet decoded.
        """
        if self.is_of_files:
            return self._files(rows, input_name, file)
        if self.prepared is not None:
            return self._columns(rows, input_name, file)
        if isinstance(rows, pl.DataFrame):
            if self.is_array:
                raise DataError(
                    f'{file}: input "{input_name}" is fed by the array "{self.columns[0]}"; '
                    "give an .npz file"
                )
            for name in self.columns:
                if name not in rows.columns:
                    raise missing_column(rows.columns, name, file)
            whole = "int" in self.dtype
            values = numbers(rows, self.columns, whole=whole, file=file)
            what = f"{len(self.columns)} columns"
        else:
            name = self.columns[0] if self.is_array else input_name
            if name not in rows:
                raise missing_column(list(rows), name, file, "array")
            values = np.asarray(rows[name])
            if values.ndim == 0:
                raise DataError(f'{file}: array "{name}" is a single value; rows are expected')
            what = f'array "{name}"'
        if not len(values):
            raise DataError(f"{file}: there are no rows")
        shape = fit_shape(values.shape[1:], self.shape)
        if shape is None:
            raise DataError(
                f'{file}: input "{input_name}" is {show(self.shape)}, and {what} '
                f"{'gives' if not isinstance(rows, pl.DataFrame) else 'give'} "
                f"{show(values.shape[1:])} for each row"
            )
        values = values.reshape(len(values), *shape)
        require_fitting(values, self.dtype, self.place(rows, input_name, file))
        return values

    def _files(self, rows: Rows, input_name: str, file: object) -> Files:
        (name,) = self.columns
        what = "images" if self.sound is None else "sounds"
        if not isinstance(rows, pl.DataFrame):
            raise DataError(
                f'{file}: input "{input_name}" takes {what} by the paths in "{name}"; give a table '
                "that has them, or a folder"
            )
        if name not in rows.columns:
            raise missing_column(rows.columns, name, file)
        if not rows.height:
            raise DataError(f"{file}: there are no rows")
        if self.sound is not None:
            return Sounds(rows[name], file, self.sound, self.shape, self.dtype)
        return Pictures(rows[name], file, self.image, self.shape, self.dtype)

    def _columns(self, rows: Rows, input_name: str, file: object) -> pl.DataFrame:
        assert self.prepared is not None
        if not isinstance(rows, pl.DataFrame):
            raise DataError(
                f'{file}: input "{input_name}" is prepared of {len(self.columns)} columns; give '
                "the table that has them"
            )
        for name in self.columns:
            if name not in rows.columns:
                raise missing_column(rows.columns, name, file)
        if not rows.height:
            raise DataError(f"{file}: there are no rows")
        given = zip(self.columns, self.prepared, strict=True)
        return pl.DataFrame([each.read(rows[name], file) for name, each in given])

    def _applied(self, columns: pl.DataFrame, input_name: str, file: object) -> Array:
        """Return what prepared columns become, shaped (rows, *shape), in float64."""
        assert self.prepared is not None
        parts = [
            each.apply(columns[name], file)
            for name, each in zip(self.columns, self.prepared, strict=True)
        ]
        values = np.concatenate(parts, axis=1)
        shape = fit_shape(values.shape[1:], self.shape)
        if shape is None:
            widths = zip(self.columns, [each.names for each in self.prepared], strict=True)
            raise DataError(
                f'{file}: input "{input_name}" is {show(self.shape)}, and its '
                f"{told_widths(list(widths), values.shape[1])}"
            )
        return values.reshape(len(values), *shape)

    def finish(self, values: Raw, input_name: str, file: object, rows: Rows) -> Array:
        """Return gathered values shifted, scaled and cast, as the network takes them.

        Images become an array when NumPy is asked for one (`np.asarray`), which decodes them.
        """
        if isinstance(values, Files):
            return cast(Array, values.made(self.image if self.sound is None else self.sound))
        if isinstance(values, pl.DataFrame):
            values = self._applied(values, input_name, file)
            require_fitting(values, self.dtype, self.place(rows, input_name, file))
        if self.mean is not None and self.scale is not None:
            flat = values.reshape(len(values), -1).astype(np.float64)
            if not flat.shape[1] == len(self.mean) == len(self.scale):
                raise DataError(
                    f'{file}: input "{input_name}" has {flat.shape[1]} elements, and was '
                    f"standardised with {len(self.mean)}"
                )
            with np.errstate(over="ignore"):
                flat -= np.array(self.mean)
                flat /= np.array(self.scale)
            values = flat.reshape(values.shape)
            require_fitting(values, self.dtype, self.place(rows, input_name, file))
        return np.ascontiguousarray(values, self.dtype)

    def standardised(self, values: Array) -> Feature:
        """Return this feature with the mean and the deviation that these gathered rows have.

        The deviation is that of the rows themselves (divisor n); a constant element is only
        shifted. Integer and boolean inputs stay as they are.
        """
        if not self.dtype.startswith("float"):
            return self
        mean, scale = mean_and_scale(values)
        return self.model_copy(update={"mean": mean, "scale": scale})

    @property
    def width(self) -> int:
        """The number of elements of a row, whose axes are all of fixed sizes."""
        return math.prod(int(size) for size in self.shape)

    def _element_columns(self) -> Sequence[str]:
        """Return the column of each element."""
        if self.prepared is None:
            return self.columns
        given = zip(self.columns, self.prepared, strict=True)
        return [name for name, each in given for _ in each.names]

    def place(
        self, rows: object, input_name: str, file: object
    ) -> Callable[[int, int | None], str]:
        """Return what says where a value stands: (row, position among its elements) -> text."""

        def place(row: int, position: int | None) -> str:
            if self.is_array or not isinstance(rows, pl.DataFrame):
                name = self.columns[0] if self.is_array else input_name
                return in_array(file, name, rows, row, position)
            columns = self._element_columns()
            if position is None or position >= len(columns):
                return where(file, f'input "{input_name}"', row)
            return where(file, f'column "{columns[position]}"', row)

        return place


class Answer(Frozen):
    """The meaning of one output of a network that is trained on several."""

    task: Task
    """The task of the output."""
    target: Text
    """Name of what it predicts."""
    columns: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    """Names of the numbers of each row, where they come from several columns."""
    labels: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    """Names of the classes in the order of their numbers; None where the data hold numbers."""
    class_axis: int | None = None
    """The axis of the output that holds a score for each class; None for the last."""


class Preprocessing(Frozen):
    """All that a trained network needs beside its weights to take raw rows and name its answers."""

    inputs: dict[str, Feature]
    """The source of each input of the network."""
    task: Task
    """The task of the network."""
    target: Text
    """Name of what it predicts."""
    columns: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    """Names of the elements that it predicts; None where it is one, or an array."""
    labels: Annotated[tuple[Text, ...], Field(strict=False)] | None = None
    """Names of the classes in the order of their numbers; None where the data hold numbers."""
    class_axis: int | None = None
    """The axis of the classes where that is not the last one, the batch not counted."""
    target_mean: Numbers | None = None
    """Subtracted from each element of the target before it is learnt; None for nothing."""
    target_scale: Annotated[tuple[Positive, ...], Field(strict=False)] | None = None
    """The divisor of each element after that; None for nothing."""
    answers: dict[str, Answer] | None = None
    """By name what each trained output means, where it is not one output alone."""
    windows: Windows | None = None
    """The rows that follow one another, where the network takes windows over them."""

    @model_validator(mode="after")
    def _both_of_the_target(self) -> Preprocessing:
        mean, scale = self.target_mean, self.target_scale
        if (mean is None) != (scale is None) or len(mean or ()) != len(scale or ()):
            raise ValueError("target_mean and target_scale do not fit together")
        if mean is not None and kind_of(self.task) != "regression":
            raise ValueError(f"the target of a {self.task} task has no mean")
        if len({feature.steps for feature in self.inputs.values()}) > 1 or any(
            (feature.steps is None) != (self.windows is None) for feature in self.inputs.values()
        ):
            raise ValueError("windows are of every input, and equally long")
        return self

    @property
    def cut(self) -> Cut | None:
        """The way in which a plain text is cut into windows; None for lines."""
        for feature in self.inputs.values():
            for each in feature.prepared or ():
                if each.windows and each.length is not None:
                    return Cut(each.tokens or "words", each.length, each.lower, each.tokenizer)
        return None

    def restored(self, output: Array) -> Array:
        """Return a network's output, shaped (rows, ...), in the units of the target (float64)."""
        if self.target_mean is None or self.target_scale is None:
            return output
        flat = output.reshape(len(output), -1).astype(np.float64)
        if flat.shape[1] != len(self.target_mean):
            raise DataError(
                f"the preprocessing record has the means of {len(self.target_mean)} elements of "
                f'"{self.target}", and the network gives {flat.shape[1]}'
            )
        return (flat * self.target_scale + self.target_mean).reshape(output.shape)

    def apply(self, rows: Rows, *, file: object = "the rows") -> dict[str, Array]:
        """Return the network's inputs from a table, or from arrays by name; raises DataError.

        A network trained on a table takes arrays too, one per input under the input's name. An
        input of images is decoded when NumPy is asked for an array of it.
        """
        raw = {name: feature.gather(rows, name, file) for name, feature in self.inputs.items()}
        require_equal_lengths({name: len(values) for name, values in raw.items()}, file)
        found = {
            name: feature.finish(raw[name], name, file, rows)
            for name, feature in self.inputs.items()
        }
        windows = self.rolled(rows, file=file)
        return found if windows is None else windows.inputs(found)

    def rolled(self, rows: Rows, *, file: object = "the rows") -> Rolled | None:
        """Return the windows over rows, one that ends at each, where the network takes windows."""
        if self.windows is None:
            return None
        from nnspec.data.windows import rolled  # which few networks need

        name, feature = next(iter(self.inputs.items()))
        assert feature.steps is not None
        array = feature.columns[0] if feature.is_array else name
        count = len(rows if isinstance(rows, pl.DataFrame) else rows[array])
        return rolled(rows, self.windows, count, file, length=feature.steps, stride=1)

    def place(self, rows: Rows, file: object) -> Place:
        """Return what says where a value of the network's inputs stands in the rows."""
        of_rows = places(self.inputs, rows, file)
        if self.windows is None:
            return of_rows

        def place(name: str, row: int, position: int | None) -> str:
            windows = self.rolled(rows, file=file)  # what is wrong alone needs it again
            assert windows is not None
            widths = {name: each.width for name, each in self.inputs.items()}
            return windows.place(of_rows, widths)(name, row, position)

        return place

    def changes_since(self, before: Preprocessing) -> list[str]:
        """Return what means something else here than in an earlier record, a sentence for each."""
        changes = []
        if before.labels != self.labels:
            changes.append(
                f"the weights were trained on the classes {_listed(before.labels)}, and here they "
                f"are {_listed(self.labels)}: each score begins as that of the class in its place"
            )
        if (before.target_mean is None) != (self.target_mean is None):
            was, is_ = ("raw", "standardised")[:: 1 if before.target_mean is None else -1]
            changes.append(
                f'the weights were trained on the {was} "{before.target}", and here it is {is_}'
            )
        changes += [
            f'the weights were trained on an input "{name}" made of '
            f"{_listed(before.inputs[name].columns)}, and here it is {_listed(feature.columns)}"
            for name, feature in self.inputs.items()
            if name in before.inputs and before.inputs[name].columns != feature.columns
        ]
        for name, feature in self.inputs.items():
            earlier = before.inputs.get(name)
            if earlier is None or earlier.columns != feature.columns:
                continue
            made: list[Any] = [
                [each.meaning for each in one.prepared]
                if one.prepared is not None
                else one.image or one.sound
                for one in (earlier, feature)
            ]
            if made[0] != made[1]:
                changes.append(
                    f'the columns of the input "{name}" become other numbers than those that the '
                    "weights were trained on"
                )
        return changes

    def to_json(self) -> str:
        """Return the record as JSON, numbers exact to the last bit."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """Read what `to_json` wrote; raises DataError for anything else."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise DataError(
                f"the preprocessing record cannot be read: {place or 'it'}: {first['msg']}"
            ) from None


def mean_and_scale(values: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and deviation (divisor n) of each element over the rows.

    One that never changes has the deviation 1, so that it is only shifted.
    """
    flat = values.reshape(len(values), -1).astype(np.float64)
    constant = (flat == flat[:1]).all(axis=0)
    # A computed mean of equal values may miss them by a rounding.
    mean = np.where(constant, flat[0], flat.mean(axis=0))
    scale = np.where(constant, 1.0, flat.std(axis=0))
    scale[scale == 0] = 1.0
    return tuple(mean.tolist()), tuple(scale.tolist())


def told_widths(columns: Sequence[tuple[str, Sequence[str]]], width: int) -> str:
    """Return what columns become, one after the other, and the shape that takes it."""
    shown = [
        f'"{name}" {len(each)}' + (f" ({_some(each)})" if len(each) > 1 else "")
        for name, each in columns
    ]
    if len(shown) > MOST:
        shown[MOST:] = [f"{len(shown) - MOST} more"]
    noun = "column becomes" if len(columns) == 1 else "columns become"
    numbers_ = "number" if width == 1 else "numbers"
    return f"{noun} {width} {numbers_}: {', '.join(shown)}; give it the shape [{width}]"


def _some(names: Sequence[str]) -> str:
    return ", ".join([*names[:4], *(["..."] if len(names) > 4 else [])])


def _listed(names: Sequence[str] | None) -> str:
    if names is None:
        return "that are numbers"
    more = ", ..." if len(names) > 8 else ""
    return ", ".join(f'"{name}"' for name in names[:8]) + more


def places(features: Mapping[str, Feature], rows: Rows, file: object) -> Place:
    """Return what says where a value of an input stands in the rows."""

    def place(name: str, row: int, position: int | None) -> str:
        return features[name].place(rows, name, file)(row, position)

    return place
