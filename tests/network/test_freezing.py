"""Training leaves alone what a layer, the use of a block or a pattern of names says is frozen."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import nnspec
import nnspec_keras.functions
import nnspec_torch.module
from nnspec import Block, Call, Input, Model, layers, verify
from nnspec.cli import main
from nnspec.layers import LAYERS, Layer
from nnspec.layers.base import Trained
from nnspec.network.identity import canonical_text
from nnspec.show.summary import summarize

HEAD = """
nnspec: 1
name: Frozen
data_format: channels_first
inputs: {image: {shape: [2, 5, 5]}}
blocks:
  cell:
    layers:
      - {name: conv, type: conv2d, filters: 3, kernel_size: 3, padding: same}
      - {name: norm, type: batch_normalization}
      - {name: bend, type: relu}
  stage: {layers: [{name: first, type: cell}, {name: rest, type: cell, repeat: 2}]}
"""
TAIL = """
  - {name: pooled, type: global_average_pooling2d}
  - {name: score, type: dense, units: 2}
training: {task: regression, optimizer: {type: adam}}
"""
WHOLE = f"""{HEAD}
freeze: [top.rest.1, "*.first.norm"]
layers:
  - {{name: stem, type: cell, trainable: false}}
  - {{name: base, type: stage, repeat: 2, trainable: false}}
  - {{name: top, type: stage}}
  - {{name: again, type: shared, layer: top}}
  - {{name: twice, type: cell, trainable: false}}
  - {{name: once_more, type: shared, layer: twice}}
{TAIL}"""


def frozen_of(spec: nnspec.Spec) -> set[str]:
    return {name.rpartition(".")[0] for name, each in spec.graph.parameters() if each.is_frozen}


def test_every_layer_with_parameters_may_be_frozen() -> None:
    for record in LAYERS.values():
        owns = record.parameters is not Layer.parameters
        assert issubclass(record, Trained) is owns, record


def test_what_is_frozen_is_frozen_as_a_whole_and_equal_blocks_stay_one() -> None:
    spec = nnspec.loads(WHOLE)
    parts = ("conv", "norm")
    assert frozen_of(spec) == {
        *(f"stem.{part}" for part in parts),
        *(f"base.{i}.first.{part}" for i in range(2) for part in parts),
        *(f"base.{i}.rest.{j}.{part}" for i in range(2) for j in range(2) for part in parts),
        "top.first.norm",
        *(f"top.rest.1.{part}" for part in parts),
        *(f"twice.{part}" for part in parts),
    }
    base = next(node for node in spec.graph.nodes if node.name == "base")
    assert base.bodies[0] is base.bodies[1]


@pytest.mark.parametrize(
    "layer",
    ["{name: d, type: dense, units: 3, trainable: false}", "{name: d, type: dense, units: 3}"],
)
def test_frozen_parameters_are_counted_apart(layer: str) -> None:
    spec = nnspec.loads(
        "nnspec: 1\nname: Net\ninputs: {x: {shape: [4]}}\n"
        f"layers: [{layer}, {{type: dense, units: 1}}]\n"
    )
    summary = summarize(spec)
    assert summary.parameters == 15 + 4
    assert summary.trainable_parameters == (4 if "false" in layer else 19)


def test_python_freezes_layers_and_uses_of_blocks() -> None:
    model = Model(
        name="Net",
        inputs={"x": Input(shape=(4,))},
        blocks={"two": Block(layers=[layers.Dense(name="a", units=4), layers.Dense(units=3)])},
        layers=[
            layers.Dense(name="first", units=4, trainable=False),
            Call(type="two", name="second", trainable=False),
            Call(type="two", name="third"),
        ],
        freeze=["third.a"],
    )
    spec = nnspec.check(model)
    assert frozen_of(spec) == {"first", "second.a", "second.dense_1", "third.a"}


def test_a_pattern_that_names_nothing_is_an_error() -> None:
    with pytest.raises(nnspec.SpecError, match=r'called "stemm"; did you mean "stem"'):
        nnspec.loads(WHOLE.replace("top.rest.1", "stemm"))


def test_what_training_alone_decides_is_no_other_network_at_inference() -> None:
    free = nnspec.loads(
        WHOLE.replace(", trainable: false", "")
        .replace("freeze:", "variables: {f:")
        .replace('norm"]', 'norm"]}')
    )
    spec = nnspec.loads(WHOLE)
    assert not frozen_of(free)
    assert spec.inference_sha256 == free.inference_sha256
    assert spec.sha256 != free.sha256
    assert canonical_text(spec.graph) != canonical_text(free.graph)
    assert canonical_text(spec.graph, inference=True) == canonical_text(free.graph, inference=True)


@pytest.mark.usefixtures("network_alone")
def test_frozen_layers_of_both_frameworks_stay_as_they_are() -> None:
    report = verify(nnspec.loads(WHOLE), steps=2, exporters=False)
    assert report.passed, report.to_json()
    against = [c.pair for c in report.checks if c.pair[-1] == "the spec, of what is frozen"]
    assert against == [("torch, keras", "the spec, of what is frozen")]


@pytest.mark.usefixtures("network_alone")
def test_a_backend_that_trains_what_is_frozen_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    head = HEAD.partition("  stage:")[0]
    spec = nnspec.loads(f"{head}layers:\n  - {{name: stem, type: cell, trainable: false}}{TAIL}")
    monkeypatch.setattr(nnspec_torch.module, "frozen_lines", lambda graph: [])
    monkeypatch.setattr(nnspec_torch.module, "train_lines", lambda graph, name: [])
    monkeypatch.setattr(nnspec_keras.functions, "frozen_lines", lambda *given: [])
    report = verify(spec, steps=1, exporters=False)
    found = [c for c in report.checks if c.pair[-1] == "the spec, of what is frozen"]
    assert {each.pair[0] for each in found} == {"torch", "keras"}
    for each in found:
        assert not each.passed
        assert "stem.conv.weight, which is frozen, has a gradient" in each.detail


def test_training_says_where_nothing_is_left_to_train(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b,y\n" + "1,2,3\n4,5,7\n" * 8)
    path = tmp_path / "net.yaml"
    path.write_text(
        "nnspec: 1\nname: Net\ninputs: {x: {shape: [2]}}\n"
        "layers: [{name: score, type: dense, units: 1, trainable: false}]\n"
        "data: {source: rows.csv, features: {x: [a, b]}, target: y}\n"
        "training: {task: regression}\n"
    )
    result = CliRunner().invoke(
        main, ["train", str(path), "--backend", "torch", "-o", str(tmp_path / "run")]
    )
    assert result.exit_code == 2
    assert "every parameter is frozen" in result.output


PARTS = """
nnspec: 1
name: Parts
inputs: {x: {shape: [4, 6]}}
freeze: ["a.bias", "att.q.*", "*.rnn.weight_*", "n.weight", "both.bias_*", "norm.*", e.weight_g]
blocks:
  part: {layers: [{name: d, type: dense, units: 6}, {name: rnn, type: gru, units: 6, return_sequences: true}]}
layers:
  - {name: a, type: dense, units: 6}
  - {name: att, type: multi_head_attention, num_heads: 2}
  - {name: n, type: layer_normalization}
  - {name: b, type: part, repeat: 2}
  - {name: again, type: shared, layer: b}
  - {name: both, type: bidirectional, layer: {type: gru, units: 3}}
  - {name: norm, type: batch_normalization}
  - {name: e, type: dense, units: 1, weight_normalization: true}
training: {task: regression}
"""  # noqa: E501


@pytest.mark.slow
def test_parameters_are_frozen_one_by_one() -> None:
    spec = nnspec.loads(PARTS)
    frozen = {name for name, each in spec.graph.parameters() if each.is_frozen}
    assert frozen == {
        "a.bias",
        "att.q.bias",
        "att.q.weight",
        *(f"b.{i}.rnn.weight_{side}_l0" for i in (0, 1) for side in ("ih", "hh")),
        "n.weight",
        "e.weight_g",
        *(f"both.bias_{side}_l0{way}" for side in ("ih", "hh") for way in ("", "_reverse")),
        *(f"norm.{part}" for part in ("weight", "bias", "running_mean", "running_var")),
    }
    report = verify(spec, backends=["torch", "keras"], steps=2, exporters=False)
    assert report.passed, report.to_json()


@pytest.mark.parametrize(
    ("pattern", "message", "hint"),
    [
        ("a.biass", 'is called "a.biass"; did you mean "a.bias"?', ""),
        ("norm.running_mean", 'nothing that training changes is called "norm.running_mean"', ""),
        ("both.bias_ih_l0", "one variable in Keras, and bias_ih_l0 alone", "both.bias_*"),
    ],
)
def test_a_parameter_that_cannot_be_frozen_is_told(pattern: str, message: str, hint: str) -> None:
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(PARTS.replace('"a.bias"', f'"{pattern}"').replace('"both.bias_*", ', ""))
    (problem,) = caught.value.problems
    assert message in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize("patterns", ["[d, d.bias]", "['*', d.weight]", "['*.bias', d.bias]"])
def test_a_pattern_may_be_of_what_another_freezes(patterns: str) -> None:
    spec = nnspec.loads(
        f"nnspec: 1\nname: Net\nfreeze: {patterns}\ninputs: {{x: {{shape: [3]}}}}\nlayers:\n"
        "  - {name: d, type: dense, units: 2}\n"
    )
    frozen = {name for name, each in spec.graph.parameters() if each.is_frozen}
    assert "d.bias" in frozen
