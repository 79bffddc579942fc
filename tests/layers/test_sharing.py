"""A block that is called again: one owner of the weights, in the graph and in every backend."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec import verify
from nnspec.backend import Options, Trainable, get_backend
from nnspec.network.graph import BlockNode, inline
from nnspec.network.loader import Spec, loads
from nnspec.show.plot import svg
from nnspec.show.summary import summarize
from nnspec.verification.report import Report

TWINS = """
nnspec: 1
name: Twins
inputs: {left: {shape: [6]}, right: {shape: [6]}}
blocks:
  unit:
    layers:
      - {name: hidden, type: dense, units: 4, activation: relu}
      - {name: norm, type: batch_normalization}
  tower:
    layers:
      - {name: first, type: unit}
      - {name: again, type: dense, units: 4}
      - {name: drop, type: dropout, rate: 0.5}
      - {name: rest, type: unit, repeat: 2}
layers:
  - {name: left_code, type: tower, inputs: [left]}
  - {name: right_code, type: shared, layer: left_code, inputs: [right]}
  - {name: twice, type: shared, layer: right_code, inputs: [right]}
  - {name: distance, type: subtract, inputs: [left_code, right_code]}
  - {name: total, type: add, inputs: [distance, twice]}
  - {name: score, type: dense, units: 1}
training: {task: regression}
"""

ORDER = """
nnspec: 1
name: Twins
inputs: {left: {shape: [3]}, right: {shape: [3]}}
blocks:
  tower: {layers: [{name: norm, type: batch_normalization}]}
layers:
  - {name: left_code, type: tower, inputs: [left]}
  - {name: right_code, type: shared, layer: left_code, inputs: [right]}
  # Keras runs first what is farthest from the output.
  - {name: deep, type: dense, units: 3}
  - {name: distance, type: subtract, inputs: [deep, left_code]}
"""

OWNED = 6 * 4 + 4 + 4 * 4 + 4 + 4 * 4 + 2 * (4 * 4 + 4 + 4 * 4)


def functions(backend: str, spec: Spec) -> str:
    """Return the source after its imports."""
    source = get_backend(backend).compile(spec).source
    return source[source.index("\n\n\n") :].strip("\n")


def text(source: str) -> str:
    return textwrap.dedent(source).strip("\n")


def rows(spec: Spec, seed: int = 0) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    return {name: draw.normal(size=(5, *kind.shape)) for name, kind in spec.graph.inputs.items()}


def test_the_owner_alone_has_parameters() -> None:
    graph = loads(TWINS).graph
    owner, right, twice = graph.nodes[:3]
    assert isinstance(owner, BlockNode)
    for node in (right, twice):
        assert isinstance(node, BlockNode)
        assert node.owner == "left_code"
        assert node.bodies[0] is owner.bodies[0]
    names = [name for name, _ in graph.parameters()]
    assert names[0] == "left_code.first.hidden.weight"
    assert {name.partition(".")[0] for name in names} == {"left_code", "score"}
    assert len(set(names)) == len(names)


def test_each_layer_of_a_shared_block_knows_its_owner() -> None:
    graph = loads(TWINS).graph
    owners = {at.path: at.owner for at in graph.walk()}
    assert owners["left_code.rest.1.hidden"] is None
    assert owners["right_code.rest.1.hidden"] == "left_code.rest.1.hidden"
    assert owners["twice.first.norm"] == "left_code.first.norm"
    assert owners["right_code.drop"] is None, "it has no weights to share"
    assert {at.path: at.owner for at in inline(graph).walk()} == owners


def test_the_summary_counts_parameters_once_and_work_each_time() -> None:
    summary = summarize(loads(TWINS))
    assert summary.parameters == OWNED + 4 + 1
    by_name = {layer.name: layer for layer in summary.layers}
    assert by_name["twice.first.hidden"].parameters == 0
    assert by_name["twice.first.hidden"].multiply_adds == 6 * 4


def test_sharing_is_part_of_what_a_network_is() -> None:
    apart = TWINS.replace("type: shared, layer: left_code", "type: tower")
    assert loads(apart).sha256 != loads(TWINS).sha256


def test_a_block_without_weights_has_none_to_share() -> None:
    spec = """
        nnspec: 1
        name: Bends
        inputs: {left: {shape: [6]}, right: {shape: [6]}}
        blocks: {bend: {layers: [{type: relu}, {type: softmax}]}}
        layers:
          - {name: one, type: bend, inputs: [left]}
          - {name: two, type: TYPE, inputs: [right]}
          - {type: add, inputs: [one, two]}
        """
    shared = loads(text(spec.replace("TYPE", "shared, layer: one")))
    apart = loads(text(spec.replace("TYPE", "bend")))
    assert shared.sha256 == apart.sha256
    assert functions("keras", shared) == functions("keras", apart)


def test_a_shared_tied_layer_has_the_bias_of_its_owner() -> None:
    spec = loads(
        text("""
        nnspec: 1
        name: Tied
        inputs: {tokens: {shape: [3], dtype: int64}}
        layers:
          - {name: table, type: embedding, input_dim: 5, output_dim: 2}
          - {name: scores, type: tied_dense, layer: table, use_bias: true}
          - {name: more, type: shared, layer: scores, inputs: [table]}
          - {type: add, inputs: [scores, more]}
        """)
    )
    assert [name for name, _ in spec.graph.parameters()] == ["table.weight", "scores.bias"]


def test_a_bias_is_dead_only_if_every_call_takes_it_away() -> None:
    both = """
        nnspec: 1
        name: Biased
        inputs: {left: {shape: [3]}, right: {shape: [3]}}
        layers:
          - {name: one, type: dense, units: 3, inputs: [left]}
          - {name: norm, type: batch_normalization}
          - {name: two, type: shared, layer: one, inputs: [right]}
          - {name: other, type: batch_normalization, inputs: [two]}
          - {type: add, inputs: [norm, other]}
        """
    (advice,) = {problem.message for problem in loads(text(both)).advice}
    assert 'the bias of "one"' in advice
    assert not loads(text(both.replace("batch_normalization, inputs", "relu, inputs"))).advice


def test_the_limit_of_layers_counts_every_call() -> None:
    many = "\n".join(f"  - {{name: n{i}, type: shared, layer: n}}" for i in range(2))
    spec = f"""
nnspec: 1
name: Big
inputs: {{given: {{shape: [3]}}}}
blocks: {{bend: {{layers: [{{type: dense, units: 3}}]}}}}
layers:
  - {{name: n, type: bend, repeat: 70000}}
{many}
"""
    with pytest.raises(nnspec.SpecError, match="more than 200,000 layers"):
        loads(spec)


def test_in_pytorch_one_submodule_is_called_again() -> None:
    assert functions("torch", loads(TWINS)).partition("class Twins")[2] == text('''
        (nn.Module):
            """left (batch, 6), right (batch, 6) -> score (batch, 1)."""

            def __init__(self) -> None:
                super().__init__()
                self.left_code = Tower()
                self.score = nn.Linear(4, 1)
                self.reset_parameters()

            def reset_parameters(self) -> None:
                nn.init.xavier_uniform_(self.score.weight)
                nn.init.zeros_(self.score.bias)

            def forward(self, left: Tensor, right: Tensor) -> Tensor:
                left_code = self.left_code(left)
                right_code = self.left_code(right)
                twice = self.left_code(right)
                x = left_code - right_code
                return self.score(x + twice)
        ''')


def test_in_keras_the_block_becomes_a_model_that_is_called_again() -> None:
    spec = loads(TWINS.replace("- {name: norm, type: batch_normalization}", "- {type: tanh}"))
    assert functions("keras", spec).partition("def twins")[2] == text('''
        () -> keras.Model:
            """left (batch, 6), right (batch, 6) -> score (batch, 1)."""
            left = keras.Input((6,), name="left")
            right = keras.Input((6,), name="right")
            x_in = keras.Input(left.shape[1:])
            left_code_model = keras.Model(x_in, tower(x_in, name="left_code"), name="left_code")
            left_code = left_code_model(left)
            right_code = left_code_model(right)
            twice = left_code_model(right)
            x = layers.Subtract(name="distance")([left_code, right_code])
            x = layers.Add(name="total")([x, twice])
            score = layers.Dense(1, name="score")(x)
            return keras.Model([left, right], score, name="Twins")
        ''')


def test_in_keras_a_repeated_block_becomes_one_model() -> None:
    spec = loads(ORDER.replace("type: tower,", "type: tower, repeat: 3,"))
    assert functions("keras", spec).partition('name="right")\n')[2] == "\n".join(
        [
            "    x_in = keras.Input(left.shape[1:])",
            "    x_out = x_in",
            "    for i in range(3):",
            '        x_out = tower(x_out, name=f"left_code.{i}")',
            '    left_code_model = keras.Model(x_in, x_out, name="left_code")',
            "    left_code = left_code_model(left)",
            "    x = After()([right, left_code])",
            "    x = left_code_model(x)",
            '    x = layers.Dense(3, name="deep")(x)',
            '    distance = layers.Subtract(name="distance")([x, left_code])',
            '    return keras.Model([left, right], distance, name="Twins")',
        ]
    )


def test_onnx_stores_each_tensor_once() -> None:
    compiled = get_backend("onnx").compile(loads(TWINS))
    header, _, operators = compiled.source.partition("\n>\n")
    assert header.count("left_code.first.hidden.weight") == 1
    assert operators.count("left_code.first.hidden.weight") == 3
    assert "right_code.first.hidden.weight" not in compiled.source


def test_the_picture_shows_the_inside_where_it_is_called_first() -> None:
    picture = svg(loads(TWINS).graph)
    assert picture.count(">tower of left_code<") == 2
    assert picture.count(">again<") == 1


@pytest.mark.usefixtures("network_alone")
def test_the_backends_agree() -> None:
    report = verify(loads(TWINS), steps=3)
    assert report.passed, report.to_json()


# Keras's own writer of weights calls NumPy so.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_model_with_a_shared_block_is_saved_and_read_again(tmp_path: Path) -> None:
    import keras

    spec = loads(ORDER)
    program = get_backend("keras").compile(spec).build()
    program.model.save(tmp_path / "model.keras")
    inputs = {name: array.astype(np.float32) for name, array in rows(spec).items()}
    read = keras.models.load_model(tmp_path / "model.keras")
    given = read(list(inputs.values()), training=False)
    np.testing.assert_array_equal(np.asarray(given), program.forward(inputs)["distance"])


def test_dropout_inside_a_shared_block_starts_anew_with_its_seed() -> None:
    spec = loads(TWINS)
    program = get_backend("keras").compile(spec, Options(training=True)).build()
    assert isinstance(program, Trainable)
    losses = []
    for seed in (1, 1, 2):
        program.reseed(seed)
        losses.append(program.gradients(rows(spec), np.zeros((5, 1)))[0])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.usefixtures("network_alone")
def test_statistics_are_those_of_calls_in_the_order_of_the_spec() -> None:
    report = verify(loads(ORDER), steps=1, exporters=False)
    assert report.passed, report.to_json()


def failed(report: Report, kind: str) -> set[str | None]:
    return {c.layer for c in report.checks if c.kind == kind and not c.passed}


def test_statistics_in_another_order_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    import nnspec_keras.module

    monkeypatch.setattr(nnspec_keras.module, "order_updates", lambda network: None)
    report = verify(loads(ORDER), steps=1, exporters=False)
    assert failed(report, "training") == {"left_code.norm"}


def test_a_wrong_layer_inside_is_blamed_at_its_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    import nnspec_keras.lowerings
    from nnspec.layers import BatchNormalization

    table = nnspec_keras.lowerings.LOWERINGS
    original = table[BatchNormalization]
    monkeypatch.setitem(
        table,  # type: ignore[arg-type]
        BatchNormalization,
        lambda layer, context: original(layer.model_copy(update={"epsilon": 0.1}), context),
    )
    report = verify(loads(TWINS), steps=1, exporters=False)
    assert failed(report, "forward") == {"left_code.first.norm"}


def test_the_steps_of_uses_that_share_different_layers_are_no_one_definition() -> None:
    block = {
        "variables": {"which": "one"},
        "layers": [
            {"name": "one", "type": "dense", "units": 3, "inputs": ["x"]},
            {"name": "two", "type": "dense", "units": 3, "inputs": ["x"]},
            {"name": "again", "type": "shared", "layer": "${which}", "inputs": ["x"]},
            {"name": "all_three", "type": "add", "inputs": ["one", "two", "again"]},
        ],
    }
    spec = {
        "nnspec": 1,
        "name": "Choice",
        "inputs": {"given": {"shape": [3]}},
        "blocks": {"choice": block},
        "layers": [{"type": "choice"}, {"type": "choice", "which": "two"}],
    }
    report = verify(loads(json.dumps(spec), is_json=True), steps=1, exporters=False)
    assert report.passed, report.to_json()
