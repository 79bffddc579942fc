"""`repeat` of layers and unrolled blocks, and `when`: one item for several layers, or for none."""

from __future__ import annotations

import pytest

import nnspec
from tests.network.test_resolve import HEAD, problems_of


def loaded(*items: str, head: str = HEAD, rest: str = "") -> nnspec.Spec:
    listed = "".join(f"  - {{{item}}}\n" for item in items)
    return nnspec.loads(f"{head}layers:\n{listed}{rest}")


def names(spec: nnspec.Spec) -> list[tuple[str, tuple[str, ...]]]:
    return [(node.name, node.inputs) for node in spec.graph.nodes]


def test_a_layer_is_repeated_each_time_with_a_name_and_weights_of_its_own() -> None:
    spec = loaded('name: h, type: dense, units: "${8 - index}", repeat: 3', "type: relu")
    assert names(spec) == [
        ("h_0", ("features",)),
        ("h_1", ("h_0",)),
        ("h", ("h_1",)),
        ("relu_1", ("h",)),
    ]
    assert [spec.graph.types[name].shape for name in ("h_0", "h_1", "h")] == [(8,), (7,), (6,)]


def test_a_repeated_layer_without_a_name_is_numbered() -> None:
    spec = loaded("type: dense, units: 3, repeat: 2", "type: dense, units: 2")
    assert [name for name, _ in names(spec)] == ["dense_1", "dense_2", "dense_3"]


def test_a_repetition_takes_what_the_one_before_gives_and_else_the_same() -> None:
    spec = loaded("name: total, type: add, inputs: [features, features], repeat: 2")
    assert names(spec) == [
        ("total_0", ("features", "features")),
        ("total", ("total_0", "features")),
    ]


BLOCK = (
    "blocks:\n  part:\n    variables: {units: 4, wide: false}\n    layers:\n"
    '      - {type: dense, units: "${units}"}\n'
    '      - {name: bent, type: dense, units: 9, when: "${wide}"}\n'
)


def test_every_step_of_an_unrolled_block_can_be_taken() -> None:
    spec = loaded(
        'name: stage, type: part, units: "${4 + index}", repeat: 3, unroll: true',
        "name: joined, type: concatenate, inputs: [stage_0, stage_1, stage]",
        head=HEAD + BLOCK,
    )
    assert [name for name, _ in names(spec)] == ["stage_0", "stage_1", "stage", "joined"]
    assert spec.graph.types["joined"].shape == (15,)
    assert "stage_1.dense_1.weight" in dict(spec.graph.parameters())


def test_a_block_that_is_not_unrolled_is_as_ever() -> None:
    spec = loaded("name: stage, type: part, repeat: 3, unroll: false", head=HEAD + BLOCK)
    assert "stage.2.dense_1.weight" in dict(spec.graph.parameters())


def test_what_a_left_out_layer_takes_stands_for_what_it_gives() -> None:
    spec = loaded(
        "name: a, type: dense, units: 4",
        "name: b, type: dense, units: 0, when: false",
        "name: c, type: add, inputs: [b, features], when: false",
        "name: d, type: relu",
        "name: e, type: add, inputs: [c, d]",
    )
    assert names(spec) == [("a", ("features",)), ("d", ("a",)), ("e", ("a", "d"))]


def test_a_left_out_output_gives_what_it_takes() -> None:
    spec = loaded("name: a, type: dense, units: 4", "name: b, type: softmax, when: false")
    assert spec.graph.outputs == ("b",)
    assert spec.graph.nodes[-1].layer.type == "linear"  # type: ignore[union-attr]


@pytest.mark.parametrize(("wide", "size"), [("true", 9), ("false", 4), ("${1 > 2}", 4)])
def test_a_block_has_optional_parts(wide: str, size: int) -> None:
    spec = loaded(
        f'name: p, type: part, wide: "{wide}"'.replace('"true"', "true").replace(
            '"false"', "false"
        ),
        head=HEAD + BLOCK,
    )
    assert spec.graph.types["p"].shape == (size,)


def test_a_block_that_is_left_out_counts_as_used() -> None:
    head = HEAD + BLOCK + "  outer:\n    layers:\n      - {type: part}\n"
    spec = loaded("type: outer, when: false", "type: relu", head=head)
    assert names(spec) == [("relu_1", ("features",))]


def test_a_mask_may_be_left_out_with_what_makes_it() -> None:
    spec = loaded(
        "name: a, type: dense, units: 4",
        "name: steps, type: dense, units: 4, inputs: features, when: false, repeat: 2",
        "name: e, type: add, inputs: [a, steps]",
    )
    assert names(spec) == [("a", ("features",)), ("e", ("a", "features"))]


WRONG = {
    "bad-size": "name: h, type: dense, units: 3, repeat: 0",
    "wrong-type": "name: h, type: dense, units: 3, when: maybe",
    "missing-argument": "type: add, inputs: [features, features], repeat: 2",
    "out-of-range": "name: h, type: dropout, rate: 2, repeat: 3",
    "undefined-variable": 'name: h, type: dense, units: "${missing}", repeat: 3',
    "unknown-layer": "name: h, type: dens, units: 3, when: false",
}


@pytest.mark.parametrize(("code", "item"), WRONG.items(), ids=WRONG)
def test_a_mistake_is_said_once(code: str, item: str) -> None:
    found = problems_of(f"{HEAD}layers:\n  - {{{item}}}\n")
    assert len(found) == 1
    assert found[0] in (code, "bad-size")


def test_what_feeds_a_left_out_layer_alone_is_unused() -> None:
    assert problems_of(
        HEAD
        + "layers:\n  - {name: a, type: dense, units: 4}\n"
        + "  - {type: add, inputs: [features, a], when: false}\n  - {type: relu}\n"
    ) == ["unused-layer"]


def test_the_second_value_of_a_left_out_layer_is_none() -> None:
    assert "unknown-input" in problems_of(
        HEAD
        + "layers:\n  - {name: a, type: split, sizes: [2, 2], when: false}\n"
        + "  - {type: add, inputs: [a, a.1]}\n"
    )


def test_a_python_call_may_be_unrolled_or_left_out() -> None:
    block = nnspec.Block(layers=[nnspec.layers.Dense(units=4)])
    spec = nnspec.check(
        nnspec.Model(
            name="Net",
            inputs={"x": nnspec.Input(shape=(4,))},
            blocks={"part": block},
            layers=(
                nnspec.Call(type="part", name="p", repeat=2, unroll=True),
                nnspec.Call(type="part", name="q", when=False),
            ),
            outputs=("p_0", "p"),
        )
    )
    assert [node.name for node in spec.graph.nodes] == ["p_0", "p"]


def test_a_shared_layer_may_be_called_again_and_again() -> None:
    spec = loaded(
        "name: step, type: dense, units: 4", "name: more, type: shared, layer: step, repeat: 2"
    )
    assert [name for name, _ in names(spec)] == ["step", "more_0", "more"]
    assert [name for name, _ in spec.graph.parameters()] == ["step.weight", "step.bias"]


def test_inputs_that_a_left_out_layer_loses_are_refused_unless_others_take_them() -> None:
    text = (
        "nnspec: 1\nname: Net\nvariables: {skip: false}\ninputs: {x: {shape: [4]}}\nlayers:\n"
        "  - {name: body, type: dense, units: 4}\n"
        '  - {name: sum, type: add, inputs: [INPUTS], when: "${skip}"}\n'
        "  - {type: relu}\n"
    )
    assert not nnspec.loads(text.replace("INPUTS", "body, x")).advice
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(text.replace("INPUTS", "x, body"))
    (problem,) = caught.value.problems
    assert problem.code == "unused-layer"
    assert 'put "body" first there' in problem.hint
