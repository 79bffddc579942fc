"""Sizes of dynamic axes are found from what the layers take, or given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import nnspec
from nnspec.backend import get_backend
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.network.graph import LayerNode
from nnspec.network.loader import Spec, loads
from nnspec.network.opened import all_values, as_spec
from nnspec.verification.networks import one_layer
from nnspec.verification.sizes import find_sizes
from nnspec.weights.canonical import initial_weights


def network(inputs: str, *layers: str, rest: str = "") -> Spec:
    listed = "\n".join(f"  - {{{layer}}}" for layer in layers)
    return loads(f"nnspec: 1\nname: Net\ninputs: {inputs}\nlayers:\n{listed}\n{rest}\n")


def sound(*layers: str) -> Spec:
    return network("{x: {shape: [1, time]}}", *layers)


FOUND = {
    "any size": (["type: relu"], 7, (1, 4, 17)),
    "a kernel of 5": (["type: conv1d, filters: 2, kernel_size: 5"], 7, (5, 6, 17)),
    "a kernel of 8": (["type: conv1d, filters: 2, kernel_size: 8"], 8, (9, 17)),
    "a dilated kernel": (
        ["type: conv1d, filters: 2, kernel_size: 3, dilation_rate: 20"], 41, (42, 43)
    ),
    "two pools": (
        ["type: max_pooling1d, pool_size: 2", "type: max_pooling1d, pool_size: 3"], 7, (6, 17)
    ),
    "a stack of strides": (
        ["type: conv1d, filters: 2, kernel_size: 10, strides: 5"] * 4, 1405, (1406, 1407)
    ),
    "a table of six positions": (
        ["type: permute, axes: [1, 0]", "type: position_embedding, max_length: 6"], 6, (1, 5)
    ),
    "a table of one position": (
        ["type: permute, axes: [1, 0]", "type: position_embedding, max_length: 1"], 1, ()
    ),
    "cropped": (["type: cropping1d, cropping: 6"], 13, (14, 17)),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "base", "others"), FOUND.values(), ids=FOUND)
def test_sizes_are_found(layers: list[str], base: int, others: tuple[int, ...]) -> None:
    sizes = find_sizes(sound(*layers).graph, {})
    assert (sizes.base, sizes.others) == ({"time": base}, {"time": others})


def test_each_axis_has_sizes_of_its_own() -> None:
    spec = network(
        "{x: {shape: [3, height, width]}}",
        "type: conv2d, filters: 2, kernel_size: [1, 20]",
        "type: max_pooling2d, pool_size: [3, 1]",
    )
    sizes = find_sizes(spec.graph, {})
    assert sizes.base == {"height": 7, "width": 20}
    assert sizes.others == {"height": (3, 4, 17), "width": (21, 22)}


def test_one_axis_has_a_least_and_another_a_largest_size() -> None:
    spec = network(
        "{x: {shape: [short, 4]}, y: {shape: [4, long]}}",
        "name: a, type: position_embedding, max_length: 5, inputs: x",
        "name: b, type: conv1d, filters: 4, kernel_size: 2, dilation_rate: 30, inputs: y",
        rest="outputs: [a, b]",
    )
    sizes = find_sizes(spec.graph, {})
    assert sizes.base == {"short": 5, "long": 31}
    assert sizes.others == {"short": (1, 4, 3), "long": (32, 33)}


def test_sizes_that_are_given() -> None:
    graph = sound("type: relu").graph
    assert find_sizes(graph, {"time": (64,)}).base == {"time": 64}
    assert find_sizes(graph, {"time": (64,)}).others == {"time": (1, 65)}
    assert find_sizes(graph, {"time": (64, 3, 9)}).others == {"time": (3, 9)}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tmie": (4,)}, 'no dynamic axis "tmie"; did you mean "time"'),
        ({"time": (4,)}, "time = 4 does not fit the network: conv1d with a window of 5"),
        ({"time": (9, 2)}, "time = 2 does not fit the network"),
        ({"time": (0,)}, "at least 1, and --size time gives 0"),
    ],
)
def test_sizes_that_do_not_fit(given: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        find_sizes(sound("type: conv1d, filters: 2, kernel_size: 5").graph, given)


def test_no_size_is_found() -> None:
    layers = [
        "type: conv1d, filters: 2, kernel_size: 5000",
        "type: permute, axes: [1, 0]",
        "type: position_embedding, max_length: 9",
    ]
    with pytest.raises(UsageError, match="no size of the axis time from 1 to 4096 fits"):
        find_sizes(sound(*layers).graph, {})


def test_a_long_kernel_is_verified_and_takes_the_sizes_of_the_call(tmp_path: Path) -> None:
    spec = sound("name: c, type: conv1d, filters: 2, kernel_size: 8")
    report = nnspec.verify(spec, backends=("torch", "onnx"), steps=1)
    assert report.passed, report.to_json()
    assert any(check.pair[0] == "onnx-via-torch" for check in report.checks)
    shown = {check.pair[0] for check in report.checks if check.kind == "dynamic_shape"}
    assert {"onnx, time = 9", "onnx, time = 17"} <= shown
    path = tmp_path / "net.yaml"
    path.write_text("nnspec: 1\nname: N\ninputs: {x: {shape: [time]}}\nlayers: [{type: relu}]\n")
    call = ["verify", str(path), "--backends", "torch,onnx", "--no-exporters", "--json"]
    call.append("--no-processes")
    sized = CliRunner().invoke(main, [*call, "--size", "time=64", "--size", "time=30"])
    assert sized.exit_code == 0, sized.output
    assert "onnx, time = 30" in sized.output
    wrong = CliRunner().invoke(main, [*call, "--size", "time"])
    assert wrong.exit_code == 2
    assert "not AXIS=SIZE" in wrong.stderr


def test_a_layer_alone_takes_sizes_that_layers_before_it_have_changed() -> None:
    spec = loads(
        """
nnspec: 1
name: Net
data_format: channels_last
inputs: {x: {shape: [time, 3]}}
layers:
  - {name: a, type: conv1d, filters: 3, kernel_size: 3}
  - {name: b, type: conv1d, filters: 3, kernel_size: 3, activation: relu}
  - {name: c, type: up_sampling1d, size: 2}
  - {name: d, type: max_pooling1d, pool_size: 2, strides: 1}
  - {name: e, type: zero_padding1d, padding: 1}
  - {name: f, type: add, inputs: [e, e]}
  - {name: g, type: gru, units: 2, return_sequences: true}
outputs: [g, b]
"""
    )
    opened = as_spec(spec, all_values(spec.graph), is_trained=False)
    weights = initial_weights(opened.graph, 0)
    rows = {"x": np.random.default_rng(0).normal(size=(2, 9, 3)).astype("float32")}
    backend = get_backend("onnx")
    values = rows | backend.compile(opened).build(weights).forward(rows)
    for node in opened.graph.nodes:
        assert isinstance(node, LayerNode)
        alone = one_layer(opened.graph, node)
        own = {name: w for name, w in weights.items() if name.startswith(f"{node.name}.")}
        given = dict.fromkeys(alone.inputs, values[node.inputs[0]])
        program = backend.compile(as_spec(opened, alone, is_trained=False)).build(own)
        (output,) = program.forward(given).values()
        np.testing.assert_allclose(output, values[node.name], atol=1e-6)
