"""What a largest difference can miss: who may look at whom."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.network.loader import loads

RNG = np.random.default_rng(0)
TOKENS = RNG.normal(size=(2, 5, 6))

KINDS: list[dict[str, Any]] = [
    {"type": "multi_head_attention", "num_heads": 2},
    {"type": "grouped_query_attention", "num_heads": 2, "num_kv_heads": 1, "key_dim": 4},
]


def outputs(
    layer: dict[str, Any], backend: str, tokens: Any, masks: dict[str, Any] | None = None
) -> Any:
    masks = masks or {}
    inputs: dict[str, Any] = {"tokens": {"shape": [5, 6]}}
    inputs |= {key: {"shape": list(m.shape[1:]), "dtype": "bool"} for key, m in masks.items()}
    layers = [{"name": "tested", "inputs": ["tokens"], **layer, **{key: key for key in masks}}]
    text = json.dumps({"nnspec": 1, "name": "Tested", "inputs": inputs, "layers": layers})
    program = nnspec.compile(loads(text, is_json=True), backend).build(dtype="float64")
    return program.forward({"tokens": tokens, **masks})["tested"]


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
@pytest.mark.parametrize("layer", KINDS, ids=lambda layer: layer["type"])
def test_a_later_token_does_not_move_earlier_outputs(layer: dict[str, Any], backend: str) -> None:
    moved = TOKENS.copy()
    moved[:, 3:] += 10.0
    first, second = (outputs({**layer, "causal": True}, backend, x) for x in (TOKENS, moved))
    np.testing.assert_array_equal(first[:, :3], second[:, :3])
    assert np.abs(first[:, 3:] - second[:, 3:]).min() > 1e-6


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
@pytest.mark.parametrize("layer", KINDS, ids=lambda layer: layer["type"])
def test_padding_does_not_matter(layer: dict[str, Any], backend: str) -> None:
    kept = np.array([[True, True, True, False, False]] * 2)
    moved = TOKENS.copy()
    moved[:, 3:] += 10.0
    masks = {"key_padding": kept}
    first, second = (outputs(layer, backend, x, masks) for x in (TOKENS, moved))
    np.testing.assert_array_equal(first[:, :3], second[:, :3])


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
@pytest.mark.parametrize("layer", KINDS, ids=lambda layer: layer["type"])
def test_who_may_attend_to_nothing_gets_zero(layer: dict[str, Any], backend: str) -> None:
    mask = np.ones((2, 5, 5), bool)
    mask[:, 2] = False
    given = outputs({**layer, "use_bias": False}, backend, TOKENS, {"mask": mask})
    assert (given[:, 2] == 0).all()
    assert (given[:, 1] != 0).all()


def test_torch_exports_what_a_mask_means() -> None:
    """torch.onnx lets a query that may attend to nothing attend to everything, left to itself."""
    spec = loads(
        "{nnspec: 1, name: Masked, inputs: {x: {shape: [time, 4]}, kept: {shape: [time], "
        "dtype: bool}}, layers: [{name: y, type: multi_head_attention, num_heads: 2, causal: true, "
        "inputs: [x], key_padding: kept}]}"
    )
    report = nnspec.verify(spec, backends=("torch", "onnx"), steps=1)
    assert report.passed, report.to_json()
    assert any("onnx-via-torch" in check.pair for check in report.checks)
