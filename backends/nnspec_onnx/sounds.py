"""Sounds as samples before a network: their channels mixed, cut or amid silence, made into numbers.

A model takes the samples that soundfile gives, (rows, samples, channels) of float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nnspec.language.sounds import channels_of, samples_of
from nnspec_onnx.columns import Columns

if TYPE_CHECKING:
    from nnspec.data.sounds import Sounded
    from nnspec.layers.shapes import Shape


def sizes_of(by: Sounded, column: str, shape: Shape) -> tuple[int | str, int | str]:
    """Return the samples and channels that the model takes; a name for any number."""
    channels = f"{column}_channels" if by.mix else channels_of(shape, by.layout)
    return f"{column}_samples", channels


def prepared_sounds(made: Columns, by: Sounded, column: str, shape: Shape, dtype: str) -> str:
    """Return sounds, float32 of (rows, samples, channels), as the network takes them."""
    values = _refusing(made, column)
    if by.mix:
        mean = made.node(
            "ReduceMean", made.cast(values, "float64"), made.constant([2], "int64"), keepdims=1
        )
        values = made.cast(mean, "float32")
    values = _fitted(made, values, by, int(samples_of(shape, by.layout)))
    values = made.cast(values, "float64")
    if by.peak:
        largest = made.node(
            "ReduceMax", made.node("Abs", values), made.constant([1, 2], "int64"), keepdims=1
        )
        is_silent = made.node("Equal", largest, made.constant(0.0))
        values = made.node(
            "Div", values, made.node("Where", is_silent, made.constant(1.0), largest)
        )
    if by.mean is not None and by.std is not None:
        values = made.node("Sub", values, made.constant(by.mean))
        values = made.node("Div", values, made.constant(by.std))
    values = made.cast(values, dtype)
    if by.layout == "channels_first":
        values = made.node("Transpose", values, perm=(0, 2, 1))
    return made.node("Reshape", values, made.constant([-1, *map(int, shape)], "int64"))


def _refusing(made: Columns, column: str) -> str:
    """Return samples, 0 for what is no finite number; note the rows with such, or without any."""
    # What is finite less itself is 0, and anything else NaN.
    is_wrong = made.node("IsNaN", made.node("Sub", column, column))
    axes = made.constant([1, 2], "int64")
    wrong = made.node("ReduceSum", made.cast(is_wrong, "float32"), axes, keepdims=0)
    silence = made.constant(0.0, "float32")
    count = made.node("Squeeze", made.node("Shape", column, start=1, end=2))
    is_empty = made.node("Equal", count, made.constant(0, "int64"))
    made.refused.append(made.node("Or", made.node("Greater", wrong, silence), is_empty))
    return made.node("Where", is_wrong, silence, column)


def _fitted(made: Columns, values: str, by: Sounded, count: int) -> str:
    """Return so many samples: a part of them, or with silence (0) beside them."""
    zero, wanted = made.constant([0], "int64"), made.constant([count], "int64")
    given = made.node("Shape", values, start=1, end=2)
    surplus = made.node("Max", made.node("Sub", given, wanted), zero)
    lack = made.node("Max", made.node("Sub", wanted, given), zero)
    first, before = (_share(made, each, by.keep) for each in (surplus, lack))
    end = made.node("Add", first, wanted)
    kept = made.node("Slice", values, first, end, made.constant([1], "int64"))
    after = made.node("Sub", lack, before)
    widths = made.node("Concat", zero, before, zero, zero, after, zero, axis=0)
    return made.node("Pad", kept, widths, made.constant(0.0, "float32"), mode="constant")


def _share(made: Columns, count: str, keep: str) -> str:
    """Return how many of so many samples stand before the ones that are kept."""
    if keep == "middle":
        return made.node("Div", count, made.constant([2], "int64"))
    return count if keep == "end" else made.constant([0], "int64")
