"""`time_distributed`: a layer, or the use of a block, works on each element of the first axis."""

from __future__ import annotations

import numpy as np
import pytest

import nnspec
from nnspec import layers
from nnspec.emit.lowering import Lowered
from nnspec.emit.tree import X, apply
from nnspec.errors import Problem
from nnspec.network.domains import domain_of
from nnspec.network.graph import LayerNode
from nnspec.network.rules.normalization import normalised_alone
from nnspec.show.summary import summarize
from nnspec_torch.lowerings import LOWERINGS

HEAD = """nnspec: 1
name: Clip
inputs: {clip: {shape: [frames, 2, 4, 4]}}
"""
CONV = "type: conv2d, filters: 3, kernel_size: 3"
EACH = "time_distributed: true"


def written(*items: str, head: str = HEAD, rest: str = "") -> str:
    listed = "".join(f"  - {{{item}}}\n" for item in items)
    return f"{head}layers:\n{listed}{rest}"


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(text)
    return list(caught.value.problems)


def kinds(spec: nnspec.Spec) -> list[tuple[str, str]]:
    nodes = spec.graph.nodes
    return [(node.name, node.layer.type) for node in nodes if isinstance(node, LayerNode)]


def test_rows_are_merged_before_the_first_and_parted_after_the_last() -> None:
    spec = nnspec.loads(
        written(
            f"name: conv, {CONV}, {EACH}",
            f"name: pooled, type: max_pooling2d, {EACH}",
            "name: bent, type: relu",
        )
    )
    assert kinds(spec) == [
        ("clip_rows", "merge_rows"),
        ("conv", "conv2d"),
        ("pooled", "max_pooling2d"),
        ("pooled_parted", "part_rows"),
        ("bent", "relu"),
    ]
    assert spec.graph.types["bent"].shape == ("frames", 3, 1, 1)


def test_what_is_also_an_output_is_parted_too() -> None:
    items = f"name: conv, {CONV}, {EACH}", f"name: pooled, type: max_pooling2d, {EACH}"
    spec = nnspec.loads(written(*items, rest="outputs: [pooled, conv]\n"))
    assert [name for name, kind in kinds(spec) if kind == "part_rows"] == [
        "conv_parted",
        "pooled_parted",
    ]


def test_its_own_values_take_no_name_of_the_spec() -> None:
    spec = nnspec.loads(
        written(
            f"name: conv, {CONV}, inputs: clip, {EACH}",
            "name: clip_rows, type: relu, inputs: conv",
            "name: conv_rows, type: relu, inputs: clip_rows",
            "name: conv_parted, type: relu, inputs: conv_rows",
        )
    )
    names = [name for name, _ in kinds(spec)]
    assert len(set(names)) == len(names)
    assert spec.graph.types["conv_parted"].shape == ("frames", 3, 2, 2)


def test_a_use_in_python_says_it_of_layers_without_weights_too() -> None:
    model = nnspec.Model(
        name="Clip",
        inputs={"clip": nnspec.Input(shape=["frames", 2, 4, 4])},
        layers=[
            nnspec.Call(type="max_pooling2d", time_distributed=True),
            nnspec.Call(type="relu", name="bent", repeat=2),
            nnspec.Call(type="flatten", when=True),
        ],
    )
    assert [kind for _, kind in kinds(nnspec.check(model))][1:3] == ["max_pooling2d", "part_rows"]


def test_it_may_be_false_or_an_expression() -> None:
    text = "variables: {each: true}\n" + written(
        f'name: conv, {CONV}, time_distributed: "${{each}}"',
        "name: bent, type: relu, time_distributed: false",
    )
    assert kinds(nnspec.loads(text))[1] == ("conv", "conv2d")


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            (f"name: conv, {CONV}",),
            "conv2d takes (channels, height, width) (channels_first), and got (frames, 2, 4, 4)",
        ),
        ((f"name: conv, {CONV}, time_distributed: 1",), "`time_distributed` is 1, and true or"),
        ((f"name: conv, {CONV}, time_distribute: true",), 'did you mean "time_distributed"?'),
        (
            (f"name: v, type: flatten, {EACH}", f"name: s, type: lstm, units: 2, {EACH}"),
            "lstm takes a sequence (time, features)",
        ),
        (
            (
                "name: flat, type: flatten",
                f"name: conv, {CONV}, inputs: clip, {EACH}",
                f"name: both, type: add, inputs: [conv, flat], {EACH}",
            ),
            "it works on each element along the first axis, and "
            '"conv", "flat" are (frames, 3, 2, 2) and (frames * 32,)',
        ),
    ],
)
def test_what_it_cannot_be(items: tuple[str, ...], message: str) -> None:
    (problem,) = problems_of(written(*items))
    assert message in problem.message


@pytest.mark.parametrize(
    ("shape", "layer"),
    [
        ("frames, 2, 4, 4", "conv2d, filters: 2, kernel_size: 3"),
        ("parts, frames, 4", "gru, units: 2"),
        ("a, 2, 2, 4, 4", "batch_normalization"),
        ("a, 2, 2, 4, 4", "group_normalization, groups: 2"),
        ("a, 2, 2, 4, 4", "instance_normalization"),
        ("frames, 2, 4, 4", "max_pooling2d"),
    ],
)
def test_a_value_of_one_axis_more_is_led_to_it(shape: str, layer: str) -> None:
    head = HEAD.replace("frames, 2, 4, 4", shape) + "data_format: channels_first\n"
    (problem,) = problems_of(written(f"type: {layer}", head=head))
    assert "time_distributed: true" in problem.hint
    nnspec.loads(written(f"type: {layer}, {EACH}", head=head))


def test_channels_of_each_element_are_looked_for_in_its_own_axes() -> None:
    head = HEAD.replace("[frames, 2, 4, 4]", "[frames, 6, 8, 3]")
    (problem,) = problems_of(written(f"{CONV}, {EACH}", head=head))
    assert problem.code == "ambiguous-layout"
    text = written(
        f"type: global_average_pooling2d, {EACH}", "type: conv1d, filters: 2, kernel_size: 1"
    )
    (problem,) = problems_of(text.replace("frames, 2", "9, 2"))
    assert problem.code == "ambiguous-layout"


def test_work_and_statistics_are_those_of_all_elements() -> None:
    text = written(
        f"{CONV}, {EACH}", f"type: flatten, {EACH}", f"type: batch_normalization, {EACH}"
    )
    one = summarize(nnspec.loads(text))
    many = summarize(nnspec.loads(text.replace("frames", "5")))
    assert many.multiply_adds == 5 * one.multiply_adds
    # Rows are merged, seen by the layer, and parted again: each holds those of all five frames.
    assert many.activation_bytes == 5 * one.activation_bytes
    assert normalised_alone(nnspec.loads(text.replace("frames", "5")).graph) is None
    assert normalised_alone(nnspec.loads(text.replace("frames", "1")).graph) is not None


def test_ids_reach_a_table_through_the_rows() -> None:
    head = "nnspec: 1\nname: Lines\ninputs: {tokens: {shape: [lines, 3], dtype: int64}}\n"
    spec = nnspec.loads(written(f"type: embedding, input_dim: 5, output_dim: 2, {EACH}", head=head))
    with pytest.raises(nnspec.DataError, match="0 to 4"):
        domain_of(spec.graph).admit({"tokens": np.full((1, 2, 3), 5)})


def test_a_wrong_gradient_is_blamed_on_its_layer_at_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    relu = apply("F.relu", X)
    monkeypatch.setitem(
        LOWERINGS, layers.Relu, Lowered(relu + (relu - relu.method("detach")) * 0.5).forward
    )
    spec = nnspec.loads(
        written(
            f"name: conv, {CONV}, {EACH}",
            f"name: bent, type: relu, {EACH}",
            "name: flat, type: reduce_mean, axes: [0, 2, 3]",
            rest="training: {task: regression}\n",
        )
    )
    report = nnspec.verify(spec, backends=["torch", "keras"], steps=1, exporters=False)
    assert {check.layer for check in report.failures() if check.kind == "gradient"} == {"bent"}
