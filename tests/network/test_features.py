"""Where a spec does not say its layout, a layer that would take the wrong axis is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec import layers
from nnspec.errors import Problem
from nnspec.network.loader import check, load_any, loads

TOKENS = {"tokens": {"shape": [12], "dtype": "int32"}}
EMBEDDED = "{name: e, type: embedding, input_dim: 9, output_dim: 8}"


def problems_of(inputs: str, items: list[str], head: str = "") -> list[Problem]:
    text = f"nnspec: 1\nname: Net\n{head}inputs: {inputs}\nlayers:\n"
    text += "".join(f"  - {item}\n" for item in items)
    try:
        return list(loads(text).advice)
    except nnspec.SpecError as error:
        return list(error.problems)


def codes(inputs: str, items: list[str], head: str = "") -> list[str]:
    return [problem.code for problem in problems_of(inputs, items, head)]


SPATIAL = [
    "{name: t, type: conv1d, filters: 4, kernel_size: 3}",
    "{name: t, type: conv1d_transpose, filters: 4, kernel_size: 3}",
    "{name: t, type: depthwise_conv1d, kernel_size: 3}",
    "{name: t, type: separable_conv1d, filters: 4, kernel_size: 3}",
    "{name: t, type: max_pooling1d, pool_size: 2}",
    "{name: t, type: average_pooling1d, pool_size: 2}",
    "{name: t, type: global_max_pooling1d}",
    "{name: t, type: global_average_pooling1d}",
    "{name: t, type: adaptive_average_pooling1d, output_size: 2}",
    "{name: t, type: batch_normalization}",
    "{name: t, type: group_normalization, groups: 2}",
    "{name: t, type: instance_normalization}",
    "{name: t, type: spatial_dropout1d, rate: 0.5}",
    "{name: t, type: up_sampling1d, size: 2}",
    "{name: t, type: zero_padding1d, padding: 1}",
    "{name: t, type: reflection_padding1d, padding: 1}",
    "{name: t, type: cropping1d, cropping: 1}",
    "{name: t, type: prelu}",
]


@pytest.mark.parametrize("item", SPATIAL, ids=lambda item: item.split("type: ")[1].split(",")[0])
def test_spatial_layers_after_a_sequence(item: str) -> None:
    inputs = "{tokens: {shape: [12], dtype: int32}}"
    assert codes(inputs, [EMBEDDED, item]) == ["ambiguous-layout"]
    assert codes(inputs, [EMBEDDED, item], "data_format: channels_first\n") == ["mixed-layouts"]
    assert codes(inputs, [EMBEDDED, item], "data_format: channels_last\n") == []
    permuted = [EMBEDDED, "{type: permute, axes: [1, 0]}", item]
    assert codes(inputs, permuted) == []


@pytest.mark.parametrize(
    "items",
    [
        [EMBEDDED],
        [EMBEDDED, "{type: position_embedding, max_length: 12}"],
        [EMBEDDED, "{type: lstm, units: 8, return_sequences: true}"],
        [EMBEDDED, "{type: bidirectional, layer: {type: gru, units: 4, return_sequences: true}}"],
        [EMBEDDED, "{type: multi_head_attention, num_heads: 2}"],
        [EMBEDDED, "{type: grouped_query_attention, num_heads: 2, num_kv_heads: 1}"],
        [EMBEDDED, "{type: layer_normalization}"],
        [EMBEDDED, "{type: rms_normalization}"],
        [EMBEDDED, "{name: d, type: dense, units: 8}", "{type: add, inputs: [e, d]}"],
        [EMBEDDED, "{type: dropout, rate: 0.1}", "{type: relu}", "{type: rescaling, scale: 2.0}"],
        [EMBEDDED, "{type: dense, units: 6, activation: gelu}", "{type: glu}"],
        [EMBEDDED, "{type: slice, axis: 0, stop: 6}", "{type: flip, axis: 0}"],
        [EMBEDDED, "{name: f, type: tanh}", "{type: concatenate, inputs: [e, f]}"],
        [EMBEDDED, "{name: again, type: shared, layer: e, inputs: tokens}"],
    ],
    ids=lambda items: items[-1].split("type: ")[1].split(",")[0].rstrip("}"),
)
def test_features_are_followed_through_layers(items: list[str]) -> None:
    inputs = "{tokens: {shape: [12], dtype: int32}}"
    items = [*items, "{name: t, type: max_pooling1d, pool_size: 2}"]
    used = [item if item != EMBEDDED or "shared" not in items[1] else EMBEDDED for item in items]
    found = problems_of(inputs, used)
    assert [p.code for p in found if p.code != "unused-layer"] == ["ambiguous-layout"]
    assert '"t" takes (channels, length)' in found[-1].message


@pytest.mark.parametrize(
    ("shape", "items", "expected"),
    [
        ([28, 28, 1], ["{type: conv2d, filters: 4, kernel_size: 3}"], "ambiguous-layout"),
        ([64, 48, 3], ["{type: max_pooling2d, pool_size: 2}"], "ambiguous-layout"),
        ([64, 48, 4], ["{type: batch_normalization}"], "ambiguous-layout"),
        ([8, 16, 16, 1], ["{type: conv3d, filters: 4, kernel_size: 1}"], "ambiguous-layout"),
        (["height", "width", 3], ["{type: global_average_pooling2d}"], "ambiguous-layout"),
        (["time", 16], ["{type: conv1d, filters: 4, kernel_size: 3}"], "ambiguous-layout"),
        ([128, 1], ["{type: conv1d, filters: 4, kernel_size: 3}"], "ambiguous-layout"),
        ([128, 3], ["{type: conv1d, filters: 4, kernel_size: 3}"], "mixed-layouts"),
        (
            [784],
            ["{type: reshape, shape: [28, 28, 1]}", "{type: conv2d, filters: 4, kernel_size: 3}"],
            "ambiguous-layout",
        ),
        (
            [28, 28],
            ["{type: expand_dims, axis: -1}", "{type: conv2d, filters: 4, kernel_size: 3}"],
            "ambiguous-layout",
        ),
        (
            [28, 28, 1],
            ["{type: permute, axes: [2, 0, 1]}", "{type: conv2d, filters: 4, kernel_size: 3}"],
            None,
        ),
        (
            [28, 28, 1],
            ["{type: reshape, shape: [1, 28, 28]}", "{type: conv2d, filters: 4, kernel_size: 3}"],
            None,
        ),
        ([28, 28, 1], ["{type: coordinate_grid}"], "ambiguous-layout"),
        ([28, 28], ["{type: expand_dims, axis: 0}", "{type: spatial_dropout2d, rate: 0.1}"], None),
        ([28, 28, 1], ["{type: flatten}", "{type: dense, units: 4}"], None),
        ([1, 28, 28], ["{type: conv2d, filters: 4, kernel_size: 3}"], None),
        ([3, 32, 32], ["{type: conv2d, filters: 4, kernel_size: 3}"], None),
        ([3, 224, 3], ["{type: conv2d, filters: 4, kernel_size: 3}"], None),
        ([3, "height", "width"], ["{type: conv2d, filters: 4, kernel_size: 3}"], None),
        ([512, 4, 4], ["{type: conv2d, filters: 4, kernel_size: 3}"], None),
        ([100, 1, 1], ["{type: conv2d_transpose, filters: 4, kernel_size: 4}"], None),
        ([16, 50], ["{type: conv1d, filters: 4, kernel_size: 3}"], None),
        ([16, "time"], ["{type: conv1d, filters: 4, kernel_size: 3}"], None),
    ],
    ids=str,
)
def test_images_by_their_sizes(shape: list[Any], items: list[str], expected: str | None) -> None:
    inputs = f"{{x: {{shape: {json.dumps(shape)}}}}}"
    found = codes(inputs, items)
    assert found == ([expected] if expected else [])


def test_an_image_with_channels_first_where_the_spec_says_last_is_advised_against() -> None:
    item = "{type: conv2d, filters: 4, kernel_size: 3}"
    assert codes("{x: {shape: [3, 32, 32]}}", [item], "data_format: channels_last\n") == [
        "mixed-layouts"
    ]
    assert codes("{x: {shape: [4, 4, 3]}}", [item], "data_format: channels_last\n") == []


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("{type: lstm, units: 2}", "ambiguous-layout"),
        ("{type: layer_normalization}", "ambiguous-layout"),
        ("{type: rms_normalization}", "ambiguous-layout"),
        ("{type: unit_normalization}", "ambiguous-layout"),
        ("{type: l2_normalize}", "ambiguous-layout"),
        ("{type: glu}", "ambiguous-layout"),
        ("{type: swiglu}", "ambiguous-layout"),
        ("{type: argmax}", "mixed-layouts"),
        ("{type: layer_normalization, axis: 0}", None),
        ("{type: layer_normalization, axis: -1}", None),
        ("{type: glu, axis: 0}", None),
        ("{type: unit_normalization, axis: -1}", None),
        ("{type: coordinate_grid}", None),
        ("{type: multi_head_attention, num_heads: 2}", "ambiguous-layout"),
        ("{type: softmax}", "mixed-layouts"),
        ("{type: dense, units: 3}", "mixed-layouts"),
        ("{type: softmax, axis: 0}", None),
        ("{type: softmax, axis: -1}", None),
        ("{type: layer_normalization, axis: [0, 1]}", None),
        ("{type: relu}", None),
    ],
)
def test_what_reads_features_after_channels(last: str, expected: str | None) -> None:
    conv = "{name: c, type: conv1d, filters: 6, kernel_size: 3}"
    assert codes("{x: {shape: [4, 12]}}", [conv, last]) == ([expected] if expected else [])
    assert codes("{x: {shape: [12, 4]}}", [conv, last], "data_format: channels_last\n") == []
    permuted = [conv, "{type: permute, axes: [1, 0]}", last]
    assert codes("{x: {shape: [4, 12]}}", permuted) == []


def test_a_softmax_within_a_convolution_is_along_the_width_too() -> None:
    conv = "{type: conv2d, filters: 6, kernel_size: 3, activation: A}"
    inputs = "{x: {shape: [3, 12, 10]}}"
    (advice,) = problems_of(inputs, [conv.replace("A", "softmax")])
    assert advice.code == "mixed-layouts"
    assert advice.message.startswith('softmax "conv2d_1" takes')
    assert codes(inputs, [conv.replace("A", "{type: softmax, axis: 0}")]) == []
    assert codes(inputs, [conv.replace("A", "relu")]) == []


def test_channels_that_are_normalised_along_the_length_stay_in_doubt() -> None:
    conv = "{type: conv1d, filters: 6, kernel_size: 3}"
    inputs = "{x: {shape: [4, 12]}}"
    found = problems_of(inputs, [conv, "{type: layer_normalization}", conv])
    assert [problem.code for problem in found] == ["ambiguous-layout"]
    assert 'layer_normalization "layer_normalization_1" takes' in found[0].message
    for way in ("axis: 0", "axis: -1"):
        assert way in found[0].hint
        assert codes(inputs, [conv, f"{{type: layer_normalization, {way}}}", conv]) == []
    assert codes(
        inputs, [conv, "{type: layer_normalization}"], "data_format: channels_first\n"
    ) == ["mixed-layouts"]


def test_what_stretches_is_no_map_of_channels() -> None:
    """A bias of scores, or a mask of them, has axes of 1 to stretch along."""
    inputs = "{scores: {shape: [64, 3, 49, 49]}, table: {shape: [7203]}}"
    items = [
        "{name: bias, type: reshape, shape: [1, 3, 49, 49], inputs: table}",
        "{type: add, inputs: [scores, bias]}",
        "{type: softmax}",
    ]
    assert problems_of(inputs, items, "data_format: channels_last\n") == []


def test_blocks_and_repeats_are_followed() -> None:
    head = """blocks:
  mixing:
    layers:
      - {name: norm, type: layer_normalization}
      - {name: joined, type: add, inputs: [x, norm]}
  pooling:
    layers: [{name: pool, type: max_pooling1d, pool_size: 2}]
  idle:
    layers: [{name: bend, type: relu}]
"""
    inputs = "{tokens: {shape: [16], dtype: int32}, x: {shape: [8, 16]}}"
    first = EMBEDDED.replace("{name", "{inputs: tokens, name")
    rows = [
        first,
        "{type: idle}",
        "{type: mixing, repeat: 3}",
        "{name: p, type: pooling}",
        "{type: flatten}",
        "{name: d, type: dense, units: 3}",
        "{name: other, type: conv1d, filters: 8, kernel_size: 1, inputs: x}",
        "{type: idle}",
        "{type: pooling}",
        "{type: flatten}",
        "{type: dense, units: 3}",
        "{type: add, inputs: [d, dense_1]}",
    ]
    (problem,) = problems_of(inputs, rows, head)
    assert problem.code == "ambiguous-layout"
    assert 'max_pooling1d "pool" takes' in problem.message
    assert 'embedding "e" gives (time, features)' in problem.message


def test_equal_uses_of_a_block_share_one_body_wherever_features_are() -> None:
    head = "blocks:\n  idle:\n    layers: [{name: bend, type: relu}]\n"
    text = f"""nnspec: 1
name: Net
{head}inputs: {{tokens: {{shape: [8], dtype: int32}}, x: {{shape: [8, 8]}}}}
layers:
  - {{name: e, type: embedding, input_dim: 9, output_dim: 8, inputs: tokens}}
  - {{name: a, type: idle}}
  - {{name: c, type: idle, inputs: x}}
  - {{type: add, inputs: [a, c]}}
"""
    graph = loads(text).graph
    first, second = (node for node in graph.nodes if node.name in "ac")
    assert first.bodies[0] is second.bodies[0]  # type: ignore[union-attr]


def test_a_block_of_the_library_is_refused_where_it_is_used() -> None:
    (problem,) = problems_of(
        "{x: {shape: [32, 32, 3]}}", ["{name: r, type: residual_basic_projected, filters: 8}"]
    )
    assert problem.code == "ambiguous-layout"
    assert problem.mark is not None
    assert problem.mark.line == 4


def test_json_and_python_say_their_layout_as_yaml_does() -> None:
    items: list[dict[str, Any]] = [
        {"type": "embedding", "input_dim": 9, "output_dim": 8},
        {"type": "global_max_pooling1d"},
    ]
    document: dict[str, Any] = {"nnspec": 1, "name": "Net", "inputs": TOKENS, "layers": items}
    with pytest.raises(nnspec.SpecError, match="ambiguous-layout"):
        loads(json.dumps(document), is_json=True)
    built = [layers.Embedding(input_dim=9, output_dim=8), layers.GlobalMaxPooling1D()]
    inputs = {"tokens": nnspec.Input(shape=(12,), dtype="int32")}
    with pytest.raises(nnspec.SpecError, match="ambiguous-layout"):
        check(nnspec.Model(name="Net", inputs=inputs, layers=built))
    for layout in ("channels_first", "channels_last"):
        loads(json.dumps({**document, "data_format": layout}), is_json=True)
        check(nnspec.Model(name="Net", inputs=inputs, layers=built, data_format=layout))


@pytest.mark.parametrize(
    "line",
    [
        "data_format: channel_last",
        "data_format: NHWC",
        "data_fromat: channels_last",
        "data_format: 3",
        'data_format: "${none}"',
    ],
)
def test_a_misspelt_layout_is_the_only_mistake(line: str) -> None:
    found = codes(
        "{tokens: {shape: [12], dtype: int32}}",
        [EMBEDDED, "{type: conv1d, filters: 3, kernel_size: 3}"],
        f"{line}\n",
    )
    assert len(found) == 1
    assert found[0] in ("wrong-value", "unknown-key", "undefined-variable", "wrong-type")


def test_both_ways_out_are_shown() -> None:
    items = [EMBEDDED, "{name: c, type: conv1d, filters: 4, kernel_size: 3}"]
    (problem,) = problems_of("{tokens: {shape: [12], dtype: int32}}", items)
    for way in ("channels_last", "channels_first", "{type: permute, axes: [1, 0]}"):
        assert way in problem.hint


def test_dynamic_channels_are_said_to_be_a_matter_of_layout() -> None:
    item = "{name: c, type: conv1d, filters: 4, kernel_size: 3}"
    found = problems_of("{x: {shape: [time, 16]}}", [item], "data_format: channels_first\n")
    assert "data_format" in found[0].hint


def test_examples_are_no_false_alarms() -> None:
    root = Path(__file__).parents[2] / "specs"
    for path in [*root.glob("*.yaml"), *(root / "zoo").glob("*.yaml")]:
        assert not [p for p in load_any(path).advice if p.code == "mixed-layouts"], path


def test_coordinates_have_their_channels_where_the_layout_has_them() -> None:
    grid, conv = "{type: coordinate_grid}", "{type: conv1d, filters: 4, kernel_size: 1}"
    tokens = "{tokens: {shape: [12], dtype: int32}}"
    assert codes(tokens, [EMBEDDED, grid]) == ["ambiguous-layout"]
    assert codes("{x: {shape: [8, 12]}}", [grid, conv]) == []
    last = "{type: lstm, units: 3}"
    assert codes("{x: {shape: [8, 12]}}", [grid, last]) == ["ambiguous-layout"]


@pytest.mark.parametrize("item", ["{type: expand_dims, axis: 0}", "{type: stack, inputs: [e, e]}"])
def test_a_sequence_that_is_made_a_map_of_one_channel_is_in_doubt(item: str) -> None:
    """Keras has its features as channels, and PyTorch the new axis."""
    inputs = "{tokens: {shape: [12], dtype: int32}}"
    items = [EMBEDDED, item, "{type: conv2d, filters: 4, kernel_size: 1}"]
    assert codes(inputs, items) == ["mixed-layouts"]
    for layout in ("channels_first", "channels_last"):
        assert codes(inputs, items, f"data_format: {layout}\n") == []


def test_what_is_reshaped_is_looked_at_anew() -> None:
    conv = "{type: conv1d, filters: 4, kernel_size: 1}"
    inputs = "{tokens: {shape: [12], dtype: int32}}"
    for shape, expected in (([6, 2, 8], 1), ([8, 12], 0), ([96, 1], 1)):
        kernel = conv if len(shape) == 2 else conv.replace("conv1d", "conv2d")
        found = codes(inputs, [EMBEDDED, f"{{type: reshape, shape: {shape}}}", kernel])
        assert found == ["ambiguous-layout"] * expected, shape


def test_layers_of_several_branches_are_told_at_once() -> None:
    items = [
        "{name: c, type: conv2d, filters: 4, kernel_size: 3}",
        "{name: a, type: dense, units: 6}",
        "{name: after, type: dense, units: 6}",
        "{name: b, type: dense, units: 6, inputs: c}",
        "{type: add, inputs: [after, b]}",
        "{type: dens, units: 2}",
    ]
    found = codes("{x: {shape: [3, 8, 8]}}", items)
    assert found == ["dense-on-image", "dense-on-image", "unknown-layer"]


def test_what_follows_from_a_wrong_layout_is_not_told() -> None:
    conv = "{type: conv1d, filters: 6, kernel_size: 3}"
    items = [conv, "{type: multi_head_attention, num_heads: 3}", "{type: relu}"]
    assert codes("{x: {shape: [4, 12]}}", items) == ["ambiguous-layout"]
