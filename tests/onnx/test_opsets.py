"""Every operator set computes the same: what newer ones have operators for, older ones compose."""

import json
from collections import Counter

import pytest

import nnspec
from nnspec import verify
from nnspec.network.loader import loads
from nnspec_onnx.listing import listing
from nnspec_onnx.lower import lower
from tests.cases import CASES
from tests.golden_files import ROOT

DEFAULT = 21
OTHERS = (18, 19, 20, 22, 23)
GPT2 = ROOT / "specs" / "zoo" / "gpt2.yaml"


def operators_and_tensors(spec, opset):
    """Return the listing without its first line: the opset, and the format that follows it."""
    return listing(lower(spec, opset)).partition("\n")[2]


def differing():
    """Yield (id, spec, opset) where another opset than the default gives another model."""
    for case in CASES:
        spec = loads(json.dumps(case.spec(fed=True)), is_json=True)
        known = {operators_and_tensors(spec, DEFAULT)}
        for opset in OTHERS:
            text = operators_and_tensors(spec, opset)
            if text not in known:
                known.add(text)
                yield f"{case.id}-{opset}", spec, opset


@pytest.mark.slow
def test_opsets_that_differ_compute_what_torch_does():
    names = []
    for name, spec, opset in differing():
        names.append(name)
        report = verify(spec, backends=("torch", "onnx"), steps=1, exporters=False, opset=opset)
        assert report.passed, f"{name}: {report.to_json()}"
    for layer in ("multi_head_attention", "grouped_query_attention", "rotary_position"):
        assert any(name.startswith(layer) and name.endswith("-23") for name in names)


@pytest.mark.parametrize(("opset", "most"), [(21, 400), (23, 250)])
def test_gpt2_is_small(opset, most):
    network = lower(nnspec.load(GPT2), opset)
    assert len(network.nodes) <= most
    counts = Counter(node.op_type for node in network.nodes)
    assert counts["Attention"] == (12 if opset == 23 else 0)
    # One causal mask, made of the length of the input, serves every layer.
    assert (counts["GreaterOrEqual"], counts["Range"]) == ((0, 0) if opset == 23 else (1, 1))


def test_one_mask_serves_all_layers_that_are_given_it():
    attention = {"type": "multi_head_attention", "num_heads": 2, "key_padding": "padding"}
    layers = [{"name": f"a{i}", **attention} for i in range(3)]
    layers[0]["inputs"] = ["x"]
    spec = loads(
        json.dumps(
            {
                "nnspec": 1,
                "name": "Masked",
                "inputs": {
                    "x": {"shape": ["time", 4]},
                    "padding": {"shape": ["time"], "dtype": "bool"},
                },
                "layers": layers,
            }
        ),
        is_json=True,
    )
    for opset in (21, 23):
        counts = Counter(node.op_type for node in lower(spec, opset).nodes)
        assert counts["Unsqueeze"] == 1
        # The bias of opset 21, the rows of opset 23.
        assert counts["Where"] == (1 + 3 if opset == 21 else 0)
        assert counts["Expand"] == (0 if opset == 21 else 1)


def test_layers_that_do_the_same_keep_their_names():
    spec = loads(
        "{nnspec: 1, name: N, inputs: {x: {shape: [3]}}, layers: [{name: a, type: relu}, "
        "{name: b, type: relu, inputs: [x]}, {name: c, type: add, inputs: [a, b]}]}"
    )
    assert [node.outputs for node in lower(spec, DEFAULT).nodes] == [("a",), ("b",), ("c",)]
