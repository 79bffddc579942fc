"""Emitted source reads as a good engineer of the framework writes it, and means what it says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import nnspec
from nnspec.emit.alike import root_or_number
from nnspec.emit.code import printed
from nnspec.network.loader import Spec, loads

ZOO = Path(__file__).parents[2] / "specs" / "zoo"


def spec_of(layers: list[dict[str, Any]], **more: Any) -> Spec:
    return loads(
        json.dumps({"nnspec": 1, "name": "Tested", "layers": layers, **more}), is_json=True
    )


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
    assert printed(root_or_number(value)) == text


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_scale_of_a_transformers_embedding_stays_a_root(backend: str) -> None:
    source = nnspec.compile(nnspec.load(ZOO / "transformer.yaml"), backend).source
    assert {"torch": "x * math.sqrt(512)", "keras": "Rescale(math.sqrt(512), "}[backend] in source
    assert "22.62" not in source


def test_the_variables_of_a_block_stay_variables() -> None:
    """Of one use too, with what the spec computes from them; and sizes are those of any values."""
    source = nnspec.compile(nnspec.load(ZOO / "gpt2.yaml"), "torch").source
    assert "Transformer(width=768, heads=12, dropout=0.1) for _ in range(12)" in source
    assert "self.widen = nn.Linear(width, width * 4)" in source
    assert "x (batch, time, width) -> result (batch, time, width)." in source
    source = nnspec.compile(nnspec.load(ZOO / "llama.yaml"), "torch").source
    assert "rotary=RotaryPosition(width // heads, length)" in source
    source = nnspec.compile(nnspec.load(ZOO / "efficientnet_b0.yaml"), "keras").source
    assert "for i in range(depth - 1):" in source


@pytest.mark.parametrize(
    ("name", "backend", "block"),
    [
        ("wavenet", "torch", "class GatedConvolution"),
        ("wavenet", "keras", "def gated_convolution"),
        ("resnet50", "keras", "def residual_bottleneck_projected"),
        ("resnet50", "keras", "def stage"),
        ("mobilenet_v2", "keras", "def inverted_residual_entry"),
        ("efficientnet_b0", "keras", "def mb_conv_entry"),
    ],
)
def test_twins_that_differ_in_padding_are_one(name: str, backend: str, block: str) -> None:
    source = nnspec.compile(nnspec.load(ZOO / f"{name}.yaml"), backend).source
    assert source.count(f"\n{block}") == 1
