"""What ends a residual branch begins smaller; the weights of an attention have own laws."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.errors import SpecError
from nnspec.layers.base import Parameter
from nnspec.layers.initializers import INITIALIZERS
from nnspec.network.depth import scaled
from nnspec.network.loader import Spec, loads
from nnspec.weights.canonical import initial_weights

LAW = {"type": "normal", "stddev": 0.02}
ENCODER = {"type": "transformer_encoder_pre_norm", "width": 8, "heads": 2, "hidden": 16}


def spec_of(layers: list[dict[str, Any]], shape: tuple[int, ...] = (5, 8), **more: Any) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": shape}},
        "depth_scaling": True,
        "layers": layers,
        **more,
    }
    return loads(json.dumps(document))


def laws(spec: Spec) -> dict[str, float]:
    """Return by weight the deviation of the normal laws."""
    found = {name: parameter.initializer for name, parameter in spec.graph.parameters()}
    return {name: law.stddev for name, law in found.items() if law.type == "normal"}  # type: ignore[attr-defined]


def test_the_projections_of_a_transformer_begin_as_those_of_gpt_2() -> None:
    layers = [{"name": "first", "type": "dense", "units": 8}, {**ENCODER, "name": "h", "repeat": 3}]
    found = laws(spec_of([*layers, {"type": "dense", "units": 4}], initializer=LAW))
    ends = {f"h.{i}.{name}.weight" for i in range(3) for name in ("attention.out", "narrow")}
    assert len(found) == 2 + 3 * 6
    for name, deviation in found.items():
        expected = 0.02 / math.sqrt(2 * 3) if name in ends else 0.02
        assert deviation == pytest.approx(expected, rel=1e-12), name


DENSE = {"type": "dense", "units": 8, "kernel_initializer": LAW}
BLOCK = {"layers": [{**DENSE, "name": "a"}, {"type": "relu"}, {**DENSE, "name": "b"}]}


@pytest.mark.parametrize(
    ("layers", "blocks", "ends"),
    [
        # The branch is a block, its skip stands outside.
        (
            [
                {"name": "branch", "type": "part", "repeat": 2},
                {"type": "dropout", "rate": 0.1},
                {"type": "add", "inputs": ["x", "dropout_1"]},
            ],
            {"part": BLOCK},
            {"branch.1.b.weight": 1},
        ),
        # Two branches beside one another.
        (
            [
                {**DENSE, "name": "a"},
                {**DENSE, "name": "b", "inputs": "x"},
                {"type": "add", "inputs": ["x", "a", "b"]},
            ],
            {},
            {"a.weight": 2, "b.weight": 2},
        ),
        # One layer ends two of them.
        (
            [
                {**DENSE, "name": "a"},
                {"name": "one", "type": "add", "inputs": ["x", "a"]},
                {"name": "again", "type": "shared", "layer": "a"},
                {"name": "two", "type": "add", "inputs": ["one", "again"]},
            ],
            {},
            {"a.weight": 2},
        ),
        # What is normalised afterwards does not depend on its size, and is no end.
        (
            [
                {**DENSE, "name": "a"},
                {"name": "one", "type": "add", "inputs": ["x", "a"]},
                {**DENSE, "name": "b"},
                {"name": "norm", "type": "layer_normalization"},
                {"name": "two", "type": "add", "inputs": ["one", "norm"]},
                {**DENSE, "name": "c"},
                {**DENSE, "name": "d", "inputs": "two"},
                {"name": "sum", "type": "add", "inputs": ["c", "d"]},
            ],
            {},
            {"a.weight": 1},
        ),
    ],
    ids=["block", "parallel", "shared", "normalised"],
)
def test_what_ends_a_branch_is_scaled_by_the_number_of_branches(
    layers: list[dict[str, Any]], blocks: dict[str, Any], ends: dict[str, int]
) -> None:
    for name, deviation in laws(spec_of(layers, blocks=blocks)).items():
        expected = 0.02 / math.sqrt(ends.get(name, 1))
        assert deviation == pytest.approx(expected, rel=1e-12), name


def test_a_network_without_branches_is_told_so() -> None:
    with pytest.raises(SpecError, match="residual branches, and this network has none"):
        spec_of([{"type": "dense", "units": 3}])


GIVEN: dict[str, dict[str, Any]] = {
    "constant": {"value": 0.5},
    "uniform": {"low": -0.1, "high": 0.3},
}
MADE_BY_LAYERS = {"unit_forget_bias", "length_of_weight"}


@pytest.mark.parametrize("kind", sorted(set(INITIALIZERS) - MADE_BY_LAYERS))
def test_every_law_is_scaled(kind: str) -> None:
    law = INITIALIZERS[kind].model_validate({"type": kind, **GIVEN.get(kind, {})})
    less = scaled(law, 0.25)
    assert less is not None
    dense = {"name": "a", "type": "dense", "units": 64, "use_bias": False}
    values = [
        initial_weights(
            spec_of(
                [{**dense, "kernel_initializer": each.model_dump()}], (64,), depth_scaling=False
            ).graph,
            1,
        )["a.weight"]
        for each in (law, less)
    ]
    assert np.abs(values[1] - 0.25 * values[0]).max() <= 1e-6 * np.abs(values[0]).max()


def test_each_weight_of_an_attention_has_a_law_of_its_own() -> None:
    own = {
        "query_initializer": {"type": "constant", "value": 0.1},
        "value_initializer": {"type": "constant", "value": 0.3},
        "output_initializer": {"type": "constant", "value": 0.4},
    }
    layers = [
        {"name": "a", "type": "multi_head_attention", "num_heads": 2, **own},
        {"name": "b", "type": "multi_head_attention", "num_heads": 2},
    ]
    spec = spec_of(layers, depth_scaling=False, initializer={"type": "constant", "value": 0.2})
    found: dict[str, Parameter] = dict(spec.graph.parameters())
    values = {name: getattr(found[name].initializer, "value", None) for name in found}
    wanted = dict(zip(("q", "k", "v", "out"), (0.1, 0.2, 0.3, 0.4), strict=True))
    assert {name: values[f"a.{name}.weight"] for name in wanted} == pytest.approx(wanted)
    assert {values[f"b.{name}.weight"] for name in wanted} == {0.2}


@pytest.mark.slow
def test_the_sources_draw_by_these_laws() -> None:
    attention = {"type": "grouped_query_attention", "num_heads": 2, "num_kv_heads": 1}
    layers = [
        {**ENCODER, "name": "h"},
        {"name": "own", **attention, "key_initializer": "he_normal", "query_initializer": LAW},
    ]
    report = nnspec.verify(spec_of(layers))
    assert [check.kind for check in report.checks if not check.passed] == []
    assert any(check.kind == "first_weights" for check in report.checks)
