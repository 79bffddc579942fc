"""Sizes of dynamic axes: whatever layers made them, equal ones are one text, and it is right."""

from __future__ import annotations

import ast
import random
from operator import add, floordiv, mul, sub, truediv

import pytest

import nnspec
from nnspec.language.expressions import MAX_LENGTH
from nnspec.layers.shapes import (
    Dim,
    added,
    divided,
    scaled,
    shifted,
    transposed_output,
    window_output,
)
from nnspec.layers.sizes import product_of, size_of
from nnspec.network.domain import size_of as size_at
from nnspec.network.domains import domain_of

SEED = 20
NAMES = ("time", "height", "w_1")
OPERATORS = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.FloorDiv: floordiv, ast.Div: truediv}


def value_of(size: Dim, values: dict[str, int]) -> float:
    """Return the number that a size is."""

    def of(node: ast.AST) -> float:
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](of(node.left), of(node.right))  # type: ignore[no-any-return]
        if isinstance(node, ast.Name):
            return values[node.id]
        assert isinstance(node, ast.Constant)
        return int(str(node.value))

    return of(ast.parse(str(size), mode="eval").body)


def grown(draw: random.Random, values: dict[str, int], depth: int) -> tuple[Dim, int]:
    """Return a size as a chain of layers makes it, and what it is computed to be."""
    if depth == 0 or draw.random() < 0.2:
        name = draw.choice(NAMES)
        return name, values[name]
    size, value = grown(draw, values, depth - 1)
    step = draw.randrange(6)
    if step == 0:
        pads = draw.randint(0, 3), draw.randint(0, 3)
        window = draw.randint(1, 5), draw.randint(1, 4), draw.randint(1, 2)
        return window_output(size, *window, pads), int(window_output(value, *window, pads))
    if step == 1 and isinstance(size, str):
        amount = draw.randint(-3, 5)
        return shifted(size, amount), value + amount
    if step == 2:
        factor = draw.randint(1, 4)
        return scaled(size, factor), value * factor
    if step == 3:
        divisor = draw.randint(1, 4)
        return divided(size, divisor), -(-value // divisor)
    if step == 4:
        stride, surplus = draw.randint(1, 3), draw.randint(0, 2)
        return transposed_output(size, stride, surplus), value * stride + surplus
    other, second = grown(draw, values, depth - 1)
    return added([size, other]), value + second


def test_sizes_are_what_the_layers_compute_and_read_as_they_are_written() -> None:
    draw = random.Random(SEED)
    for _ in range(1500):
        values = {name: draw.randint(5, 60) for name in NAMES}
        size, value = grown(draw, values, 6)
        assert value_of(size, values) == value, f"seed {SEED}: {size} at {values}"
        if isinstance(size, str):
            assert str(size_of(size)) == size
            assert product_of([size]).dim() == size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("(time - 1) // 2 + 1", "(time + 1) // 2"),
        ("(((time - 1) // 2 + 1) - 1) // 2 + 1", "(time + 3) // 4"),
        ("(time * 2 + 3) // 2", "time + 1"),
        ("(time * 4 + 2) // 6", "(time * 2 + 1) // 3"),
        ("height * 2 + time - height", "height + time"),
        ("(time + 1) / 2 + 1", "(time + 3) / 2"),
        ("width * height * 3", "height * width * 3"),
        ("max(time, 3)", "max(time, 3)"),
    ],
)
def test_equal_sizes_are_one_text(size: str, expected: str) -> None:
    assert str(size_of(size)) == expected


@pytest.mark.parametrize(
    "items",
    [
        ["reflection_padding2d, padding: 1", "conv2d, filters: 4, kernel_size: 3"],
        ["zero_padding2d, padding: 1", "conv2d, filters: 4, kernel_size: 3"],
        ["up_sampling2d, size: 2", "max_pooling2d, pool_size: 2"],
        ["conv2d, filters: 4, kernel_size: 3", "conv2d_transpose, filters: 4, kernel_size: 3"],
    ],
    ids=lambda items: items[0].split(",")[0],
)
def test_what_gets_back_to_its_size_is_added_to_what_it_was(items: list[str]) -> None:
    lines = "".join(f"  - {{type: {item}}}\n" for item in items)
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {x: {shape: [3, height, width]}}\nlayers:\n"
        "  - {type: conv2d, filters: 4, kernel_size: 3, strides: 2, padding: 1}\n"
        "  - {name: a, type: conv2d, filters: 4, kernel_size: 3, strides: 2, padding: same}\n"
        f"{lines}  - {{name: b, type: relu}}\n  - {{type: add, inputs: [a, b]}}\n"
    )
    (output,) = spec.graph.outputs
    assert spec.graph.types[output].shape == (4, "(height + 3) // 4", "(width + 3) // 4")


def joined(layers: int, *, doubles: bool) -> nnspec.Spec:
    """Return a network of which each pooling is of all, or of two, that came before."""
    lines = "  - {name: j0, type: concatenate, axis: 0, inputs: [x, y]}\n"
    for i in range(1, layers + 1):
        other = f"j{i - 1}" if doubles else "x"
        lines += (
            f"  - {{name: p{i}, type: max_pooling1d, pool_size: 3, inputs: j{i - 1}}}\n"
            f"  - {{name: j{i}, type: concatenate, axis: 0, inputs: [p{i}, {other}]}}\n"
        )
    return nnspec.loads(
        "nnspec: 1\nname: Net\ndata_format: channels_last\n"
        f"inputs: {{x: {{shape: [time, 2]}}, y: {{shape: [other, 2]}}}}\nlayers:\n{lines}"
    )


def test_a_size_that_nests_as_deep_as_its_network_is_computed() -> None:
    """Deeper, and longer, than an expression that somebody writes may be."""
    spec = joined(40, doubles=False)
    size = spec.graph.types["j40"].shape[0]
    expected = 5000 + 400
    for _ in range(40):
        expected = expected // 3 + 5000
    assert isinstance(size, str)
    assert len(size) > MAX_LENGTH
    assert size_at(size, {"time": 5000, "other": 400}) == expected


def test_a_size_that_doubles_with_each_layer_is_refused() -> None:
    with pytest.raises(nnspec.SpecError, match=r"error\[too-large\].*characters to write"):
        joined(60, doubles=True)


def test_reflection_bounds_each_axis_by_what_it_pads_there() -> None:
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ndata_format: channels_first\n"
        "inputs: {x: {shape: [3, height, width]}}\n"
        "layers: [{type: reflection_padding2d, padding: [[1, 4], [2, 1]]}]\n"
    )
    limits = domain_of(spec.graph).limits
    assert {(each.size, each.least) for each in limits} >= {("height", 5), ("width", 3)}
    assert ("width", 5) not in {(each.size, each.least) for each in limits}


def test_a_transposed_convolution_may_crop_a_dynamic_axis() -> None:
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {x: {shape: [2, time]}}\nlayers:\n"
        "  - {name: y, type: conv1d_transpose, filters: 2, kernel_size: 3, padding: 2}\n"
    )
    assert spec.graph.types["y"].shape == (2, "time - 2")
    report = nnspec.verify(spec, backends=("torch", "onnx"))
    assert report.passed, report.to_json()
