"""A law of first values for the whole network: the weights whose layers say none, and no others."""

from __future__ import annotations

import json

import pytest

import nnspec
from nnspec import Model
from nnspec.language.schema import Input
from nnspec.layers import Dense
from nnspec.layers.plain_initializers import Normal
from nnspec.network.loader import Spec

TEXT = """
nnspec: 1
name: Net
inputs: {ids: {shape: [10], dtype: int64}}
INITIALIZER
data_format: channels_last
blocks:
  part:
    layers:
      - {type: dense, units: 16}
      - {type: bidirectional, layer: {type: lstm, units: 8, return_sequences: true}}
layers:
  - {type: embedding, input_dim: 20, output_dim: 16}
  - {type: part, repeat: 2}
  - {type: multi_head_attention, num_heads: 2, key_dim: 8}
  - {type: transformer_encoder_pre_norm, width: 16, heads: 2, hidden: 32}
  - {name: own, type: dense, units: 16, kernel_initializer: he_normal}
  - {type: separable_conv1d, filters: 8, kernel_size: 3}
"""
LAW = "initializer: {type: normal, stddev: 0.03}"


def spec_of(line: str) -> Spec:
    return nnspec.loads(TEXT.replace("INITIALIZER", line))


def test_weights_begin_by_it_and_nothing_else_changes() -> None:
    plain, given = (dict(spec_of(line).graph.parameters()) for line in ("", LAW))
    changed = [name for name in given if given[name].initializer != plain[name].initializer]
    usual = {"glorot_uniform", "normal"}
    assert changed == [
        name
        for name, parameter in plain.items()
        if parameter.initializer.type in usual and not name.startswith("own.")
    ]
    assert {given[name].initializer.type for name in changed} == {"normal"}
    assert {given[name].initializer.stddev for name in changed} == {0.03}  # type: ignore[attr-defined]
    kept = [name for name in given if name not in changed]
    assert any(name.endswith("weight_hh_l0") for name in kept)
    assert {"own.weight", "own.bias"} < set(kept)


@pytest.mark.slow
def test_the_sources_draw_by_it() -> None:
    report = nnspec.verify(spec_of(LAW))
    assert [check.kind for check in report.checks if not check.passed] == []
    assert any(check.kind == "first_weights" for check in report.checks)


def test_layers_of_python_take_it_too() -> None:
    model = Model(
        name="Net",
        inputs={"x": Input(shape=[4])},
        layers=[Dense(units=3), Dense(units=2, kernel_initializer="ones")],
        initializer={"type": "constant", "value": 0.5},
    )
    spec = nnspec.loads(model.to_yaml())
    laws = [parameter.initializer.type for _, parameter in spec.graph.parameters()]
    assert laws == ["constant", "zeros", "ones", "zeros"]
    assert "initializer:" in model.to_yaml()


def test_structured_output_gives_it_as_a_record_with_arguments() -> None:
    law = {"type": "normal", "arguments": [{"name": "stddev", "value": 0.5}]}
    layer = {"type": "dense", "units": 3, "arguments": None}
    strict = {
        "nnspec": 1,
        "name": "Net",
        "inputs": [{"name": "x", "shape": [4], "dtype": None}],
        "layers": [layer],
        "initializer": law,
    }
    parameters = dict(nnspec.loads(json.dumps(strict)).graph.parameters())
    assert parameters["dense_1.weight"].initializer == Normal(stddev=0.5)
