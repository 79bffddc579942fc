"""Two Where never share a scalar: OpenVINO 2026.4 does not compile a model in which they do."""

from collections import Counter

import pytest

from nnspec.backend import Options, get_backend
from nnspec.network.loader import loads

ATTENTION = """
nnspec: 1
name: Masked
inputs:
  x: {shape: [time, 8]}
  keep: {shape: [time], dtype: bool}
layers:
  - {name: a, type: multi_head_attention, num_heads: 2, key_padding: keep, inputs: [x]}
  - {name: b, type: multi_head_attention, num_heads: 2, key_padding: keep, inputs: [a]}
"""
THRESHOLDS = """
nnspec: 1
name: Thresholds
inputs: {x: {shape: [4]}}
layers:
  - {name: a, type: threshold, threshold: 0.5, default_value: 0.25}
  - {name: b, type: threshold, threshold: 0.5, default_value: 0.25}
"""


@pytest.mark.parametrize("text", [ATTENTION, THRESHOLDS])
def test_each_where_has_its_own_scalars(text):
    network = get_backend("onnx").compile(loads(text), Options()).network
    scalars = {tensor.name for tensor in network.initializers if tensor.shape == ()}
    wheres = [node for node in network.nodes if node.op_type == "Where"]
    assert len(wheres) > 1
    uses = Counter(name for node in wheres for name in node.inputs if name in scalars)
    assert set(uses.values()) == {1}
    if text is ATTENTION:
        # Layers of the same mask still have one bias.
        assert sum(node.name.endswith(".bias") for node in wheres) == 1
