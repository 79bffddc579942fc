"""The domain of a network: the inputs that it takes, the same wherever data enter.

derivation.py derives it from the graph alone; domain_record.py keeps it with an exported model.
docs/domain.md states it in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nnspec.errors import DataError
from nnspec.language.expressions import SIZE_DEPTH, SIZE_LENGTH, evaluate
from nnspec.layers.base import Layer
from nnspec.layers.shapes import DataFormat, Dim, TensorType, show

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

Place = Callable[[str, int, int | None], str]
"""(input, row from 0, position among the row's elements or None) -> where that value stands."""


@dataclass(frozen=True, slots=True)
class Range:
    """The whole numbers that a layer allows: of an input, or of what steps make of inputs.

    most: a number, or the size that bounds it, as the time of a sequence bounds its length.
    """

    value: str
    least: int
    most: Dim
    layer: str
    kind: str


@dataclass(frozen=True, slots=True)
class Limit:
    """The smallest and the largest value of a size that depends on dynamic axes."""

    size: str
    least: int
    most: int | None
    layer: str
    kind: str


@dataclass(frozen=True, slots=True)
class IntegerLayer:
    """A layer that whole numbers pass on their way from the inputs to a table."""

    layer: Layer
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Domain:
    """The inputs that a network takes. Arrays have the batch axis first."""

    inputs: Mapping[str, TensorType]
    ranges: tuple[Range, ...] = ()
    limits: tuple[Limit, ...] = ()
    steps: tuple[IntegerLayer, ...] = ()
    data_format: DataFormat = "channels_last"

    # Sizes

    def fits(self, axes: Mapping[str, int]) -> bool:
        """Whether the network takes dynamic axes of these sizes."""
        return self.misfit(axes) is None

    def misfit(self, axes: Mapping[str, int]) -> str | None:
        """Return what is wrong with dynamic axes of these sizes, or None."""
        for name, size in axes.items():
            if size < 1:
                return f'the axis "{name}" has size {size}; at least 1 is expected'
        for limit in self.limits:
            found = size_of(limit.size, axes)
            given = " and ".join(f"{name} = {size}" for name, size in axes.items())
            who = f'the layer "{limit.layer}" ({limit.kind})'
            shown = "" if limit.size in axes else f", so that {limit.size} is {found:g}"
            if found != int(found):
                return f"{given}{shown}; {who} needs a whole number"
            if found < limit.least:
                return f"{given}{shown}; {who} needs at least {limit.least}"
            if limit.most is not None and found > limit.most:
                return f"{given}{shown}; {who} takes at most {limit.most}"
        return None

    # Arrays

    def admit(
        self, inputs: Mapping[str, Array], place: Place | None = None, *, file: object = ""
    ) -> dict[str, Array]:
        """Return the inputs in their dtypes, floats in the one that they have.

        Raises DataError for the first thing outside the domain. place: says where a value stands.
        file: where all of them come from.
        """
        import numpy as np

        place = place or _place
        arrays: dict[str, Array] = {}
        for name in self.inputs:
            if name not in inputs:
                raise DataError(f'{_of(file)}there is no value for the input "{name}"')
            arrays[name] = np.asarray(inputs[name])
        self._require_shapes(arrays, file)
        for name, type_ in self.inputs.items():
            arrays[name] = _typed(name, arrays[name], type_.dtype, place)
        self.require(arrays, place, file=file)
        return arrays

    def require(
        self, arrays: Mapping[str, Array], place: Place | None = None, *, file: object = ""
    ) -> None:
        """Raise DataError for sizes or whole numbers outside the domain.

        The arrays have the dtypes of the inputs, and floats are finite; `admit` takes any.
        """
        self._require_shapes(arrays, file)
        axes = self._axes(arrays)
        wrong = self.misfit(axes)
        if wrong is not None:
            raise DataError(f"{_of(file)}{wrong}")
        if not self.ranges:
            return
        values = self._computed(arrays)
        for allowed in self.ranges:
            self._require_range(allowed, values[allowed.value], arrays, axes, place or _place)

    def _require_range(
        self,
        allowed: Range,
        values: Array,
        arrays: Mapping[str, Array],
        axes: Mapping[str, int],
        place: Place,
    ) -> None:
        most = allowed.most
        if isinstance(most, str):
            most = int(size_of(most, axes))
        if values.min() >= allowed.least and values.max() <= most:
            return
        import numpy as np

        flat = values.reshape(len(values), -1)
        row, position = (int(i) for i in np.argwhere((flat < allowed.least) | (flat > most))[0])
        size = f" ({allowed.most})" if isinstance(allowed.most, str) else ""
        source = self._source(allowed.value, position, arrays)
        number = flat[row, position]
        where = place(source[0], row, source[1])
        derived = "" if source[1] is not None else f' gives "{allowed.value}"'
        raise DataError(
            f"{where}{derived}: {number} is not within {allowed.least} to {most}{size}, which the "
            f'layer "{allowed.layer}" ({allowed.kind}) takes'
        )

    def _require_shapes(self, arrays: Mapping[str, Array], file: object) -> None:
        of = _of(file)
        sizes: dict[tuple[bool, str], tuple[int, str]] = {}
        for name, type_ in self.inputs.items():
            given = arrays[name].shape
            expected = ("rows", *type_.shape)
            if len(given) != len(expected) or any(
                isinstance(size, int) and size != found
                for size, found in zip(expected, given, strict=True)
            ):
                raise DataError(
                    f'{of}the inputs do not fit: "{name}" is {show(given)}, and '
                    f"{show(expected)} is expected"
                )
            if 0 in given:
                what = "no rows" if given[0] == 0 else f"an axis of size 0: {show(given)}"
                raise DataError(f'{of}input "{name}" has {what}')
            for axis, (size, found) in enumerate(zip(expected, given, strict=True)):
                if isinstance(size, str):
                    # An axis may be called rows, too.
                    before, owner = sizes.setdefault((axis == 0, size), (found, name))
                    if before != found:
                        raise DataError(
                            f'{of}input "{name}" has {size} = {found}, and "{owner}" has '
                            f"{size} = {before}"
                        )

    def _axes(self, arrays: Mapping[str, Array]) -> dict[str, int]:
        return {
            size: found
            for name, type_ in self.inputs.items()
            for size, found in zip(type_.shape, arrays[name].shape[1:], strict=True)
            if isinstance(size, str)
        }

    def _computed(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """Return the inputs and what the steps make of them."""
        values = dict(arrays)
        if self.steps:
            from nnspec.network.integers import COMPUTED

            for step in self.steps:
                given = [values[name] for name in step.inputs]
                results = COMPUTED[type(step.layer)](step.layer, given, self.data_format)
                values.update(zip(step.outputs, results, strict=True))
        return values

    def _source(
        self, value: str, position: int, arrays: Mapping[str, Array]
    ) -> tuple[str, int | None]:
        """Return the input and the element of its rows from which an element of a value comes."""
        if value in self.inputs:
            return value, position
        places = self.places({name: array.shape[1:] for name, array in arrays.items()})
        if value in places:
            place = int(places[value].reshape(-1)[position])
            for name, array in arrays.items():
                size = array[0].size
                if place < size:
                    return name, place
                place -= size
        return next(iter(self._sources(value))), None

    def _sources(self, value: str) -> dict[str, None]:
        """Return the inputs that a value is made of."""
        if value in self.inputs:
            return {value: None}
        step = next(step for step in self.steps if value in step.outputs)
        return {name: None for each in step.inputs for name in self._sources(each)}

    def places(self, shapes: Mapping[str, Sequence[int]]) -> dict[str, Array]:
        """Return, for values whose elements are inputs' own, which element each is.

        The elements of all inputs, of these shapes without the batch axis, count in one row.
        """
        import numpy as np

        values: dict[str, Array] = {}
        start = 0
        for name, shape in shapes.items():
            size = int(np.prod(shape, dtype=np.int64))
            values[name] = np.arange(start, start + size).reshape(1, *shape)
            start += size
        if self.steps:
            from nnspec.layers import Cast
            from nnspec.network.integers import MOVED

            for step in self.steps:
                moves = MOVED.get(type(step.layer))
                if all(name in values for name in step.inputs):
                    given = [values[name] for name in step.inputs]
                    if moves is not None:
                        results = moves(step.layer, given, self.data_format)
                        values.update(zip(step.outputs, results, strict=True))
                    elif isinstance(step.layer, Cast):
                        values[step.outputs[0]] = given[0]
        return values


def size_of(size: Dim, axes: Mapping[str, int]) -> int | float:
    """Return a size, its dynamic axes given numbers."""
    if isinstance(size, int):
        return size
    if size in axes:
        return axes[size]
    value = evaluate(size, axes.__getitem__, length=SIZE_LENGTH, depth=SIZE_DEPTH)
    assert isinstance(value, int | float)
    return value


def _typed(name: str, array: Array, dtype: str, place: Place) -> Array:
    """Return an array in the dtype of the input; raises DataError where that is not exact."""
    import numpy as np

    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{place(name, 0, None)}: values of type {array.dtype}; numbers are expected"
        )

    def refuse(wrong: Array, why: str) -> None:
        if wrong.any():
            flat = array.reshape(len(array), -1)
            row, position = (int(i) for i in np.argwhere(wrong.reshape(flat.shape))[0])
            raise DataError(f"{place(name, row, position)}: {flat[row, position]} {why}")

    is_float = array.dtype.kind == "f"
    wanted = np.dtype(dtype)
    if is_float:
        largest = float(np.finfo(wanted if wanted.kind == "f" else np.float64).max)
        # The least and the largest are nan if any is.
        if not (array.min() >= -largest and array.max() <= largest):
            refuse(~np.isfinite(array), "is not a finite number")
            refuse(np.abs(array) > largest, f"does not fit {dtype}")
    if array.dtype == wanted or (is_float and wanted.kind == "f"):
        return array
    if wanted.kind == "b":
        refuse((array != 0) & (array != 1), "is neither 0 nor 1")
    elif wanted.kind in "iu":
        if is_float:
            refuse(array != np.floor(array), f"is not whole, as {dtype} needs")
        bounds = np.iinfo(wanted)
        refuse((array < bounds.min) | (array > bounds.max), f"does not fit {dtype}")
    return array.astype(wanted)


def _of(file: object) -> str:
    return f"{file}: " if file else ""


def _place(name: str, row: int, position: int | None) -> str:
    return f'input "{name}", row {row + 1}'
