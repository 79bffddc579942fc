"""Inputs that the use of a block may give or leave out."""

from __future__ import annotations

import pytest

import nnspec
from nnspec import Block, Call, Input, Model, compile, layers
from nnspec.network.graph import BlockNode, inline

HEAD = """
nnspec: 1
name: Net
inputs: {x: {shape: [time, 4]}, seen: {shape: [time], dtype: bool}}
blocks:
  attend:
    optional: [mask, key_padding]
    layers:
      - {name: a, type: multi_head_attention, num_heads: 2, mask: mask, key_padding: key_padding}
  outer:
    optional: [padding]
    layers:
      - {name: first, type: attend, key_padding: padding}
      - {name: second, type: attend, repeat: 2, key_padding: padding}
layers:
"""


def test_what_is_given_reaches_the_layers_inside_of_blocks_and_repetitions() -> None:
    spec = nnspec.loads(
        HEAD
        + "  - {name: masked, type: outer, inputs: [x], padding: seen}\n"
        + "  - {name: plain, type: outer}\n"
    )
    taken = {node.name: node.inputs for node in inline(spec.graph).nodes}
    assert taken["masked.first.a"] == ("x", "seen")
    assert taken["masked.second.1.a"] == ("masked.second.0.a", "seen")
    assert taken["plain.second.1.a"] == ("plain.second.0.a",)


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_uses_with_and_without_compile_beside_each_other(backend: str) -> None:
    spec = nnspec.loads(
        HEAD
        + "  - {name: masked, type: outer, inputs: [x], padding: seen}\n"
        + "  - {name: plain, type: outer}\n"
    )
    assert compile(spec, backend).source


def test_python_gives_them_too() -> None:
    attention = layers.MultiHeadAttention(name="a", num_heads=2, key_padding="keep")
    model = Model(
        name="Net",
        inputs={"x": Input(shape=("time", 4)), "seen": Input(shape=("time",), dtype="bool")},
        blocks={"attend": Block(optional=["keep"], layers=[attention])},
        layers=[Call(type="attend", name="used", inputs="x", keep="seen")],
    )
    (node,) = nnspec.check(model).graph.nodes
    assert isinstance(node, BlockNode)
    assert node.inputs == ("x", "seen")


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("{type: outer, inputs: [x], padding: seenn}", 'no input or layer is called "seenn"'),
        ("{type: outer, inputs: [x], padding: 3}", "the name of an input or a layer is expected"),
        ("{type: outer, inputs: [x, seen]}", "takes 1 input, and got 2"),
        ("{type: outer, inputs: [x], paddin: seen}", 'did you mean "padding"'),
    ],
)
def test_mistakes_are_named(use: str, message: str) -> None:
    with pytest.raises(nnspec.SpecError, match=message):
        nnspec.loads(f"{HEAD}  - {use}\n  - {{name: b, type: outer, padding: seen}}\n")


LEFT_OUT = """
nnspec: 1
name: Net
variables: {n: 0}
inputs: {x: {shape: [3]}}
layers:
  - {name: c, type: parameter, shape: [3], when: "${n > 0}", inputs: []}
"""


def test_what_takes_nothing_leaves_nothing_behind() -> None:
    spec = nnspec.loads(LEFT_OUT + "  - {name: d, type: dense, units: 4, inputs: x}\n")
    assert [node.name for node in spec.graph.nodes] == ["d"]
    with pytest.raises(nnspec.SpecError, match='"c" is left out by its `when`, and "d" takes it'):
        nnspec.loads(LEFT_OUT + "  - {name: d, type: add, inputs: [x, c]}\n")


def test_an_optional_input_has_a_name_of_its_own() -> None:
    with pytest.raises(nnspec.SpecError, match="has the name of another input"):
        nnspec.loads(
            HEAD.replace("optional: [padding]", "optional: [padding, x]")
            + "  - {type: outer, inputs: [x], padding: seen}\n"
        )
