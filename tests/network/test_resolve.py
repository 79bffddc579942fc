"""A document becomes a graph: ordered, named, wired, with its blocks opened."""

import json

import pytest

import nnspec
from nnspec import Block, Call, Input, Model, layers
from nnspec.network.graph import BlockNode, LayerNode, inline
from nnspec.network.rules.normalization import dead_biases

HEAD = "nnspec: 1\nname: Net\ninputs: {features: {shape: [4]}}\n"


def problems_of(text: str) -> list[str]:
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(text)
    return [problem.code for problem in caught.value.problems]


def test_layers_may_be_listed_in_any_order_if_they_name_their_inputs() -> None:
    spec = nnspec.loads(
        HEAD
        + "layers:\n"
        + "  - {name: last, type: add, inputs: [left, right]}\n"
        + "  - {name: right, type: dense, units: 3, inputs: left}\n"
        + "  - {name: left, type: dense, units: 3, inputs: features}\n"
        + "outputs: last\n"
    )
    assert [node.name for node in spec.graph.nodes] == ["left", "right", "last"]
    assert spec.graph.outputs == ("last",)


def test_listed_order_is_kept_where_it_can_be() -> None:
    spec = nnspec.loads(
        HEAD
        + "layers:\n"
        + "  - {name: b, type: dense, units: 3}\n"
        + "  - {name: a, type: dense, units: 3, inputs: features}\n"
        + "  - {type: add, inputs: [a, b]}\n"
    )
    assert [node.name for node in spec.graph.nodes] == ["b", "a", "add_1"]


def test_a_name_that_is_given_is_not_made_up_again() -> None:
    spec = nnspec.loads(HEAD + "layers: [{type: relu}, {name: relu_1, type: relu}, {type: relu}]\n")
    assert [node.name for node in spec.graph.nodes] == ["relu_2", "relu_1", "relu_3"]


REPEATED = (
    HEAD
    + """
variables: {width: 3}
blocks:
  step:
    variables: {units: 1, slope: 0.1}
    layers:
      - {name: inner, type: dense, units: "${units + width - 3}"}
      - {type: leaky_relu, negative_slope: "${slope}"}
layers:
  - {name: stem, type: dense, units: 2}
  - {name: body, type: step, repeat: 3, units: "${2 ** index}"}
  - {name: same, type: step, repeat: 1000, units: 4}
"""
)


def test_repeat_feeds_each_body_from_the_one_before_and_counts_with_index() -> None:
    spec = nnspec.loads(REPEATED)
    body = spec.graph.nodes[1]
    assert isinstance(body, BlockNode)
    assert body.is_repeated
    assert [each.types["inner"].shape for each in body.bodies] == [(1,), (2,), (4,)]
    assert [each.inputs["x"].shape for each in body.bodies] == [(2,), (1,), (2,)]
    assert spec.graph.types["body"].shape == (4,)
    paths = [at.path for at in spec.graph.walk()]
    assert paths[:4] == ["stem", "body.0.inner", "body.0.leaky_relu_1", "body.1.inner"]


def test_equal_uses_share_one_body() -> None:
    same = nnspec.loads(REPEATED).graph.nodes[2]
    assert isinstance(same, BlockNode)
    assert len(same.bodies) == 1000
    assert len({id(body) for body in same.bodies}) == 1


def test_blocks_may_use_blocks_with_the_variables_of_the_spec_and_their_own() -> None:
    spec = nnspec.loads(
        HEAD
        + """
variables: {width: 5}
blocks:
  outer:
    variables: {units: 2}
    inputs: [first, second]
    layers:
      - {name: left, type: inner, units: "${units * 2}", inputs: first}
      - {name: right, type: inner, inputs: second}
    outputs: [right, left]
  inner:
    variables: {units: 3}
    layers: [{type: dense, units: "${units * width}"}]
layers:
  - {name: two, type: outer, inputs: [features, features], units: 7}
  - {name: end, type: relu, inputs: two.1}
outputs: [two, end]
"""
    )
    assert spec.graph.types["two"].shape == (15,)
    assert spec.graph.types["two.1"].shape == (70,)
    assert spec.graph.types["end"].shape == (70,)
    flat = inline(spec.graph)
    assert [node.name for node in flat.nodes] == ["two.left.dense_1", "two.right.dense_1", "end"]
    assert flat.outputs == ("two.right.dense_1", "end")
    assert all(isinstance(node, LayerNode) for node in flat.nodes)


def test_a_named_axis_goes_through() -> None:
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {words: {shape: [time, 4]}}\n"
        "layers: [{type: dense, units: 3}, {type: softmax}]\n"
    )
    assert spec.graph.types["softmax_1"].shape == ("time", 3)


@pytest.mark.parametrize("written", [None, "channels_first", "channels_last"])
def test_dense_on_the_width_of_a_map_is_meant_where_the_layout_is_written(
    written: str | None,
) -> None:
    text = (
        "nnspec: 1\nname: Net\ninputs: {image: {shape: [5, 8, 6]}}\n"
        "blocks: {end: {layers: [{type: relu}, {name: d, type: dense, units: 4}]}}\n"
        "layers: [{type: conv2d, filters: 5, kernel_size: 1}, {name: ended, type: end}]\n"
    )
    if written is None:
        assert problems_of(text) == ["dense-on-image"]
        return
    spec = nnspec.loads(f"{text}data_format: {written}\n")
    assert spec.graph.types["ended"].shape[-1] == 4
    found = [each.code for each in spec.advice]
    assert found == (["dense-on-image"] if written == "channels_first" else [])


def test_dense_takes_the_last_axis_of_what_no_convolution_made() -> None:
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {boxes: {shape: [9, tracks, 4]}}\n"
        "layers: [{type: dense, units: 3}]\n"
    )
    assert spec.graph.types["dense_1"].shape == (9, "tracks", 3)
    assert not spec.advice


def test_what_follows_from_a_mistake_is_not_reported() -> None:
    assert problems_of(
        HEAD
        + "layers:\n"
        + "  - {name: a, type: dens, units: 3}\n"
        + "  - {name: b, type: dense, units: 3}\n"
        + "  - {name: c, type: add, inputs: [a, b]}\n"
        + "  - {type: conv2d, filters: 3, kernel_size: 3}\n"
    ) == ["unknown-layer"]


def test_two_circles_are_two_mistakes() -> None:
    assert problems_of(
        HEAD
        + "layers:\n"
        + "  - {name: a, type: add, inputs: [features, b]}\n"
        + "  - {name: b, type: relu, inputs: a}\n"
        + "  - {name: c, type: add, inputs: [features, d]}\n"
        + "  - {name: d, type: relu, inputs: c}\n"
        + "  - {name: e, type: add, inputs: [b, d]}\n"
    ) == ["cycle", "cycle"]


YAML = """
nnspec: 1
name: Both
data_format: channels_last
variables: {width: 4}
inputs: {image: {shape: [8, 8, 3]}}
blocks:
  step:
    variables: {filters: 2}
    layers:
      - {name: conv, type: conv2d, filters: "${filters}", kernel_size: 3, padding: same}
      - {type: relu}
layers:
  - {name: body, type: step, filters: "${width}", repeat: 2}
  - {type: flatten}
  - {name: scores, type: dense, units: 5, activation: softmax, kernel_initializer: he_normal}
outputs: [scores]
training: {task: multiclass, optimizer: sgd}
"""


def test_yaml_json_and_python_mean_the_same() -> None:
    from nnspec.language.optimizers.sgd import Sgd
    from nnspec.language.source import parse
    from nnspec.language.training_schema import Training

    first = nnspec.loads(YAML)
    second = nnspec.loads(json.dumps(parse(YAML)), is_json=True)
    third = nnspec.check(
        Model(
            name="Both",
            data_format="channels_last",
            variables={"width": 4},
            inputs={"image": Input(shape=(8, 8, 3))},
            blocks={
                "step": Block(
                    variables={"filters": 2},
                    layers=(
                        {
                            "name": "conv",
                            "type": "conv2d",
                            "filters": "${filters}",
                            "kernel_size": 3,
                            "padding": "same",
                        },
                        layers.Relu(),
                    ),
                )
            },
            layers=(
                Call.model_validate(
                    {"type": "step", "name": "body", "filters": "${width}", "repeat": 2}
                ),
                layers.Flatten(),
                layers.Dense.model_validate(
                    {
                        "name": "scores",
                        "units": 5,
                        "activation": "softmax",
                        "kernel_initializer": "he_normal",
                    }
                ),
            ),
            outputs=("scores",),
            training=Training(task="multiclass", optimizer=Sgd()),
        )
    )
    assert first.sha256 == second.sha256 == third.sha256
    assert first.model.training == second.model.training == third.model.training


def test_the_hash_tells_what_a_network_is_and_not_how_it_is_written() -> None:
    spec = nnspec.loads(YAML)
    assert nnspec.loads(YAML.replace("width: 4", "width: 8")).sha256 != spec.sha256
    respelt = YAML.replace("kernel_size: 3", "kernel_size: [3, 3]").replace(
        "width: 4", "width: 0x4"
    )
    assert nnspec.loads(respelt).sha256 == spec.sha256


def test_a_wrong_model_from_python_names_the_layer() -> None:
    model = Model(
        name="Net",
        inputs={"features": Input(shape=(4,))},
        layers=(layers.Dense(units=3, name="hidden"), layers.Conv2D(filters=3, kernel_size=(3, 3))),
    )
    with pytest.raises(nnspec.SpecError, match=r'"conv2d_1".*"hidden" .* gives \(3,\)'):
        nnspec.check(model)


def test_the_limit_of_layers_counts_every_block() -> None:
    uses = "\n".join(f"  - {{name: n{i}, type: bend, repeat: 70000}}" for i in range(3))
    spec = f"""
nnspec: 1
name: Big
inputs: {{given: {{shape: [3]}}}}
blocks: {{bend: {{layers: [{{type: relu}}]}}}}
layers:
{uses}
"""
    with pytest.raises(nnspec.SpecError, match="more than 200,000 layers") as caught:
        nnspec.loads(spec)
    (problem,) = caught.value.problems
    assert problem.mark is not None
    assert problem.mark.line == 8


TABLE_AND_RATES = """
nnspec: 1
name: Net
inputs: {image: {shape: [4]}, time: {shape: [3]}}
layers:
  - {name: rates, type: constant, value: [1, 2, 3]INPUTS}
  - {name: table, type: parameter, shape: [4], inputs: []}
  - {name: a, type: multiply, inputs: [rates, time]}
  - {name: b, type: add, inputs: [table, image]}
  - {type: concatenate, inputs: [a, b]}
"""


@pytest.mark.parametrize("inputs", ["", ", inputs: []"])
def test_what_takes_the_size_of_the_batch_alone_needs_no_input(inputs: str) -> None:
    graph = nnspec.loads(TABLE_AND_RATES.replace("INPUTS", inputs)).graph
    assert graph.nodes[0].inputs == graph.nodes[1].inputs == ("image",)


def test_an_input_of_which_the_size_of_the_batch_alone_is_taken_is_unused() -> None:
    text = TABLE_AND_RATES.replace("INPUTS", "").replace("[table, image]", "[table, table]")
    with pytest.raises(nnspec.SpecError, match='no layer takes the input "image"'):
        nnspec.loads(text)


def test_a_bias_in_a_repeated_block_is_advised_against_once() -> None:
    spec = nnspec.loads(
        HEAD
        + "blocks:\n  unit:\n    layers:\n      - {type: dense, units: 4}\n"
        + "      - {type: batch_normalization}\n      - {type: relu}\n"
        + "layers:\n  - {type: unit, repeat: 10}\n"
    )
    (advice,) = [each for each in spec.advice if each.code == "redundant-bias"]
    assert "and of 9 more" in advice.message


DENSE_AND_NORM = "  - {name: d, type: dense, units: 4}\n  - {name: n, type: batch_normalization}\n"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "layers:\n" + DENSE_AND_NORM + "  - {type: add, inputs: [d, n]}\n",
        HEAD + "freeze: [n]\nlayers:\n" + DENSE_AND_NORM + "  - {type: relu}\n",
        HEAD + "freeze: [d]\nlayers:\n" + DENSE_AND_NORM + "  - {type: relu}\n",
        HEAD + "outputs: [d, n]\nlayers:\n" + DENSE_AND_NORM,
        HEAD.replace("[4]", "[3, 6]") + "layers:\n" + DENSE_AND_NORM + "  - {type: relu}\n",
    ],
    ids=["seen by another", "frozen norm", "frozen bias", "an output", "along another axis"],
)
def test_a_bias_that_batch_normalization_does_not_take_away_is_compared(text: str) -> None:
    spec = nnspec.loads(text)
    assert not [each for each in spec.advice if each.code == "redundant-bias"]
    assert not list(dead_biases(spec.graph))


def test_a_bias_that_batch_normalization_takes_away_is_known() -> None:
    spec = nnspec.loads(HEAD + "layers:\n" + DENSE_AND_NORM + "  - {type: relu}\n")
    assert list(dead_biases(spec.graph)) == [("d", "n")]
