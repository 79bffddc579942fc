"""A block that is used at several ranks is written once, or once for each kind of steps."""

from __future__ import annotations

import pytest

import nnspec
from nnspec import verify

TEXT = """
nnspec: 1
name: Ranks
inputs: {one: {shape: [4]}, two: {shape: [3, 4]}, four: {shape: [2, 1, time, 4]}}
blocks:
  bend: {layers: [{type: softmax}, {type: tanh}]}
  mlp:
    variables: {units: 5}
    layers:
      - {name: widen, type: dense, units: "${units}"}
      - {name: bent, type: bend}
layers:
  - {name: a, type: mlp, inputs: [one]}
  - {name: b, type: mlp, inputs: [two], units: 6}
  - {name: c, type: mlp, inputs: [four], repeat: 2}
outputs: [a, b, c]
"""


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_every_backend_compiles_a_block_at_several_ranks(backend: str) -> None:
    spec = nnspec.loads(TEXT)
    source = nnspec.compile(spec, backend).source
    if backend != "onnx":
        assert "-> bent (batch, ..., units)" in source


def test_a_block_at_several_ranks_computes_the_same() -> None:
    assert verify(nnspec.loads(TEXT), steps=1, exporters=False).passed
