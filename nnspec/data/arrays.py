"""Arrays as rows: there, of numbers, equally many, in the shape that is declared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.data.tables import missing_column, where
from nnspec.errors import DataError
from nnspec.layers.shapes import Dim, Shape, product
from nnspec.network.domain import Domain

Array = NDArray[Any]


def in_array(file: object, name: str, rows: Any, row: int, position: int | None) -> str:
    """Return where a value of an array stands, its row from 1, the index within the row from 0."""
    place = where(file, f'array "{name}"', row)
    shape = np.shape(rows[name])[1:]
    if position is None or not math.prod(shape) > max(position, 1):
        return place
    return f"{place}, element {[int(i) for i in np.unravel_index(position, shape)]}"


def admit_arrays(domain: Domain, rows: Mapping[str, Array], file: object) -> dict[str, Array]:
    """Return the arrays that a network takes, by the names of its inputs; raises DataError."""
    arrays = require_arrays(list(domain.inputs), rows, file)

    def place(name: str, row: int, position: int | None) -> str:
        return in_array(file, name, arrays, row, position)

    return domain.admit(arrays, place, file=file)


def require_arrays(
    names: Sequence[str], rows: Mapping[str, Array], file: object
) -> dict[str, Array]:
    """Return the arrays of these names; raises DataError for what holds no rows of numbers."""
    absent = [name for name in names if name not in rows]
    if absent:
        raise missing_column(list(rows), absent[0], file, "array")
    arrays = {name: np.asarray(rows[name]) for name in names}
    for name, array in arrays.items():
        if array.ndim == 0:
            raise DataError(f'{file}: array "{name}" is a single value; rows are expected')
        if array.dtype.kind not in "biuf":
            raise DataError(
                f'{file}: array "{name}" holds values of type {array.dtype}; numbers are expected'
            )
    require_equal_lengths({name: len(array) for name, array in arrays.items()}, file)
    return arrays


def require_equal_lengths(lengths: Mapping[str, int], file: object) -> None:
    """Raise DataError unless all have the same number of rows, and some."""
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f'"{name}" has {length}' for name, length in lengths.items())
        raise DataError(f"{file}: the arrays have unequal numbers of rows: {listed}")
    if not all(lengths.values()):
        raise DataError(f"{file}: there are no rows")


def fit_shape(given: tuple[int, ...], declared: Shape) -> tuple[int, ...] | None:
    """Return the shape to give rows of shape `given`, or None where they do not fit `declared`.

    Axes of size 1 may come or go, and flat rows are folded; a fold that would mix axes, such as
    (32, 32, 3) for (3, 32, 32), is refused.
    """
    if 0 in given:
        return None
    if len(given) == len(declared):
        sizes: dict[Dim, int] = {}
        if all(
            sizes.setdefault(wanted, size) == size if isinstance(wanted, str) else wanted == size
            for size, wanted in zip(given, declared, strict=True)
        ):
            return given
    fixed = [size for size in declared if isinstance(size, int)]
    dynamic = len(declared) - len(fixed)
    if dynamic == 0:
        whole = tuple(fixed)
        without_ones = [size for size in given if size != 1]
        if without_ones == [size for size in whole if size != 1]:
            return whole
        return whole if len(given) <= 1 and math.prod(given) == math.prod(whole) else None
    if dynamic == 1 and len(given) == 1:
        rest = product(fixed) or 1
        if given[0] and given[0] % rest == 0:
            return tuple(size if isinstance(size, int) else given[0] // rest for size in declared)
    return None
