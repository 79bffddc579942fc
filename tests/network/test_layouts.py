"""The plan of layouts: fewest transposes, by what comes after a layer too."""

from __future__ import annotations

import pytest

import nnspec
from nnspec.layers import Conv2D, ReduceMean, Relu
from nnspec.layers.shapes import TensorType
from nnspec.network.layouts import (
    DECLARED,
    NATIVE,
    Layout,
    Taker,
    cheapest,
    laid_out,
    permutation,
    placement_of,
    wanted_layouts,
)

IMAGE = TensorType((4, 8, 8))


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_there_and_back_is_where_it_was(data_format: str) -> None:
    shape = (3, 5, 7, 9)
    there = laid_out(shape, data_format, NATIVE)  # type: ignore[arg-type]
    back = permutation(4, data_format, DECLARED)  # type: ignore[arg-type]
    assert there != shape
    assert tuple(there[axis] for axis in back) == shape


@pytest.mark.parametrize(
    ("present", "wanted", "expected"),
    [
        ([{NATIVE}], [set()], NATIVE),
        ([{NATIVE}], [{DECLARED}], NATIVE),  # as many: it stays
        ([{NATIVE, DECLARED}], [{DECLARED}], DECLARED),
        ([{NATIVE}, {DECLARED}], [{DECLARED}], DECLARED),
        ([{NATIVE}, {DECLARED}], [{NATIVE}], NATIVE),
        ([{DECLARED}], [{NATIVE}], DECLARED),
        ([{DECLARED}, {DECLARED, NATIVE}], [{NATIVE}], NATIVE),
        ([{NATIVE}], [{DECLARED}, {DECLARED}], DECLARED),  # each part would be transposed
        ([{NATIVE}], [{NATIVE}, {DECLARED}], NATIVE),
    ],
)
def test_a_pointwise_layer_works_where_it_costs_least(
    present: list[set[Layout]], wanted: list[set[Layout]], expected: Layout
) -> None:
    assert cheapest(dict(zip("ab", present, strict=False)), wanted) is expected


def test_what_comes_later_is_seen_through_pointwise_layers() -> None:
    takers = [
        Taker(("x",), ("a",), "pointwise"),
        Taker(("a",), ("b",), "pointwise"),
        Taker(("b",), ("c",), "spatial"),
        Taker(("b",), ("d",), "positional", (frozenset({DECLARED}),)),
    ]
    wanted = wanted_layouts(takers, {"c": DECLARED}, dict.fromkeys("xabcd", IMAGE))
    assert wanted["x"] == wanted["a"] == wanted["b"] == {NATIVE, DECLARED}
    assert wanted["c"] == {DECLARED}


def test_axes_that_go_leave_a_layer_free_where_no_layout_is_left() -> None:
    reduce = ReduceMean(axes=(0, 1, 2))
    assert placement_of(reduce, [IMAGE], [TensorType((1,))]) == "pointwise"
    assert placement_of(reduce, [IMAGE], [TensorType((4, 8))]) == "positional"
    assert placement_of(Relu(), [IMAGE, TensorType((8,))], [IMAGE]) == "positional"
    conv = Conv2D(filters=1, kernel_size=1)
    assert placement_of(conv, [IMAGE], [IMAGE]) == "spatial"
    assert placement_of(conv, [IMAGE], [IMAGE], (Conv2D,)) == "pointwise"


SPEC = """
nnspec: 1
name: Mixed
inputs: {x: {shape: [4, 4, 4]}}
data_format: channels_first
layers:
  - {name: conv, type: conv2d, filters: 4, kernel_size: 3, padding: same}
  - {name: added, type: add, inputs: [x, conv]}
  - {name: flat, type: flatten}
  - {name: mean, type: reduce_mean, inputs: [conv], axes: [1, 2]}
outputs: [flat, mean]
"""


def test_both_source_backends_follow_the_plan() -> None:
    source = nnspec.compile(nnspec.loads(SPEC), "keras").source
    # One for x, one for the sum: the mean takes what the convolution gives, as it lies.
    assert source.count("layers.Permute(") == 2
    last = nnspec.loads(SPEC.replace("channels_first", "channels_last"))
    assert nnspec.compile(last, "torch").source.count(".permute(0,") == 2


def test_parts_of_a_map_stay_where_the_convolutions_want_them() -> None:
    text = """
nnspec: 1
name: Spectrum
data_format: channels_first
inputs: {x: {shape: [1, 64]}}
layers:
  - {type: conv1d, filters: 8, kernel_size: 16, strides: 4}
  - {type: square}
  - {name: parts, type: split, sizes: [4, 4], axis: 0}
  - {name: power, type: add, inputs: [parts, parts.1]}
  - {type: conv1d, filters: 4, kernel_size: 3}
  - {type: global_average_pooling1d}
"""
    source = nnspec.compile(nnspec.loads(text), "keras").source
    assert source.count("Permute") == 1
    assert "ops.split(y, [4], axis=2)" in source
