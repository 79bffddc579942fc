"""Emitted source reads as a good engineer of the framework writes it, and means what it says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.emit.code import root_or_literal
from nnspec.emit.loading import load_source
from nnspec.loader import Spec, loads

ZOO = Path(__file__).parent.parent / "specs" / "zoo"


def spec_of(layers: list[dict[str, Any]], **more: Any) -> Spec:
    return loads(
        json.dumps({"nnspec": 1, "name": "Tested", "layers": layers, **more}), is_json=True
    )


def test_tables_of_positions_are_buffers_that_no_file_keeps() -> None:
    """They are exact at a late position in float32, and in float64 after a move to it."""
    import torch

    layers = [{"type": "rotary_position", "name": "turned", "max_length": 9000}]
    spec = spec_of(layers, inputs={"x": {"shape": ["time", 8]}})
    source = nnspec.compile(spec, "torch").source
    model = load_source(source, "Tested").Tested()
    assert not model.state_dict()
    assert {name for name, _ in model.named_buffers()} == {"turned.cos", "turned.sin"}
    angle = 8999 * 10000 ** (-2 / 8)
    assert model.turned.cos[-1, 1].item() == pytest.approx(math.cos(angle), abs=2**-24)
    program = nnspec.compile(spec, "torch").build(dtype="float64")
    assert program.model.turned.cos[-1, 1].item() == pytest.approx(math.cos(angle), abs=1e-12)
    with pytest.raises(RuntimeError, match="size of tensor"):
        model(torch.zeros(1, 9001, 8))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.sqrt(512), "math.sqrt(512)"),
        (1 / math.sqrt(80), "1 / math.sqrt(80)"),
        (8.0, "8.0"),
        (0.125, "0.125"),
        (22.6274, "22.6274"),
        (0.1, "0.1"),
    ],
)
def test_a_root_stays_a_root(value: float, text: str) -> None:
    assert root_or_literal(value) == text


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_scale_of_a_transformers_embedding_stays_a_root(backend: str) -> None:
    source = nnspec.compile(nnspec.load(ZOO / "transformer.yaml"), backend).source
    assert "x * math.sqrt(512)" in source
    assert "22.62" not in source
