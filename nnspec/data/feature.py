"""One input of a network: the columns or the array that it comes from, and what they become."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field, model_validator

from nnspec.data.arrays import fit_shape, in_array
from nnspec.data.images import Pictured
from nnspec.data.named_files import Files
from nnspec.data.pictures import Pictures
from nnspec.data.prepared import Prepared
from nnspec.data.sounds import Sounded, Sounds
from nnspec.data.tables import Rows, missing_column, numbers, require_fitting, where
from nnspec.errors import DataError
from nnspec.language.schema import DType
from nnspec.layers.fields import Flag, Frozen, Number, Positive, Size, Text
from nnspec.layers.shapes import show
from nnspec.network.domain import Place

Array = NDArray[Any]
Raw = Array | pl.DataFrame | Files
"""Gathered values: an array, columns that are still to be prepared, or images and sounds."""

MOST = 12
"""Columns whose widths a message tells."""
NEAR = 2**15
"""Numbers that are shifted and scaled at once."""

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
            return self._scaled(values, input_name, file, rows)
        return np.ascontiguousarray(values, self.dtype)

    def _scaled(self, values: Array, input_name: str, file: object, rows: Rows) -> Array:
        """Return values shifted and scaled in double precision, and cast.

        Some rows at a time: what stays near the processor takes a third of the time.
        """
        flat = values.reshape(len(values), -1)
        mean, scale = np.array(self.mean), np.array(self.scale)
        if not flat.shape[1] == len(mean) == len(scale):
            raise DataError(
                f'{file}: input "{input_name}" has {flat.shape[1]} elements, and was '
                f"standardised with {len(mean)}"
            )
        place = self.place(rows, input_name, file)
        found = np.empty(flat.shape, self.dtype)
        size = max(NEAR // max(flat.shape[1], 1), 1)
        for first in range(0, len(flat), size):
            part = flat[first : first + size].astype(np.float64)
            with np.errstate(over="ignore"):
                part -= mean
                part /= scale
            require_fitting(part, self.dtype, partial(_after, place, first))
            found[first : first + size] = part
        return found.reshape(values.shape)

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


def _after(
    place: Callable[[int, int | None], str], first: int, row: int, position: int | None
) -> str:
    """Return where a value stands of rows that begin after so many others."""
    return place(first + row, position)


def places(features: Mapping[str, Feature], rows: Rows, file: object) -> Place:
    """Return what says where a value of an input stands in the rows."""

    def place(name: str, row: int, position: int | None) -> str:
        return features[name].place(rows, name, file)(row, position)

    return place
