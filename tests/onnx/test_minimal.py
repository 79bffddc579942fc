"""No graph has an operator that an independent optimiser would take away."""

import json
from collections import Counter
from dataclasses import replace

import onnx
import onnx_ir as ir
import onnx_ir.passes.common as passes
import pytest
from graph_checks import assert_minimal, assert_well_named
from onnx_cases import spec_of
from onnxscript.optimizer import fold_constants, remove_unused_nodes
from onnxscript.rewriter import RewriteRule, RewriteRuleSet, rewrite
from onnxscript.rewriter.rules import common

from nnspec.layers import ReduceNorm
from nnspec.network.loader import loads
from nnspec.verification.samples import exercised_weights
from nnspec_onnx import backend
from nnspec_onnx.lower import lower
from nnspec_onnx.module import Module
from nnspec_onnx.options import DirectOptions
from tests.cases import CASES
from tests.project.test_zoo import PATHS, reduced

NO_GAIN = {
    # One operator for another, or for two.
    "flatten_to_reshape_rule",
    "gemm_to_matmul_add_rule",
    # Done on request: see test_folding.py.
    "fuse_batchnorm_into_conv_rule",
    "fuse_batchnorm_into_conv_transpose_rule",
    "fuse_batchnorm_into_gemm_rule",
}
RULES = {
    name: rule
    for name, rule in vars(common).items()
    if isinstance(rule, RewriteRule) and name not in NO_GAIN
}
LIMIT = 2**30
"""Bytes of the largest constant that is folded: more than any here."""


def optimised(proto, *, without=()):
    """Return what onnxscript makes of a model."""
    model = ir.serde.deserialize_model(proto)
    limits = {"input_size_limit": LIMIT, "output_size_limit": LIMIT}
    fold_constants(model, onnx_shape_inference=True, **limits)
    model = passes.ShapeInferencePass()(model).model
    rules = [rule for name, rule in RULES.items() if name not in without]
    model = rewrite(model, pattern_rewrite_rules=RewriteRuleSet(rules))
    model = passes.CommonSubexpressionEliminationPass()(model).model
    remove_unused_nodes(model)
    return ir.serde.serialize_model(model)


def operators(proto):
    """Count the operators. Identity is for assert_minimal: the rules leave one for what they take.

    And they take one that gives an output of the network its name.
    """
    return Counter(node.op_type for node in proto.graph.node if node.op_type != "Identity")


def axes(value):
    return [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim]


def assert_nothing_to_remove(spec, **options):
    compiled = backend.compile(spec, DirectOptions(**options))
    assert_well_named(compiled.network)
    assert_minimal(compiled.network)
    weights = exercised_weights(spec.graph, 0)
    proto = onnx.load_model_from_string(Module(compiled.network).to_bytes(weights))
    # Its epsilon of 1e-12 is 0 to that rule, and keeps the gradient finite elsewhere.
    has_epsilon = any(isinstance(at.node.layer, ReduceNorm) for at in spec.graph.walk())
    better = optimised(proto, without={"add_0_rule"} if has_epsilon else ())
    assert operators(better) == operators(proto)
    for model in (proto, better):
        for value, path in zip(model.graph.output, spec.graph.outputs, strict=True):
            assert axes(value) == ["batch", *spec.graph.types[path].shape]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_layers(case):
    for fed in (False, True):
        spec = loads(json.dumps(case.spec(fed=fed)), is_json=True)
        for opset in (21, 23):
            assert_nothing_to_remove(spec, opset=opset)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
@pytest.mark.parametrize("fold", [False, True])
def test_networks_of_the_literature(path, fold):
    for opset in (21, 23):
        assert_nothing_to_remove(reduced(path), opset=opset, fold=fold)


PLANTED = {
    "a constant": "c = Add(one, two)  y = Mul(x, c)",
    "a known size": "s = Shape<start = 1>(x)  y = Expand(x, s)",
    "a product with 1": "y = Mul(x, one)",
    "two transposes": "a = Transpose<perm = [0, 2, 1]>(x)  y = Transpose<perm = [0, 2, 1]>(a)",
    "two reshapes": "a = Reshape(x, turned)  y = Reshape(a, back)",
    "a cast to what it is": "a = Cast<to = 1>(x)  y = Relu(a)",
    "two alike": "a = Exp(x)  c = Exp(x)  y = Mul(a, c)",
    "an unused operator": "a = Exp(x)  y = Relu(x)",
    "a product and a sum": "f = Flatten(x)  p = MatMul(f, w)  q = Add(p, b)  y = Reshape(q, back)",
}


@pytest.mark.parametrize("body", PLANTED.values(), ids=PLANTED)
def test_the_optimiser_finds_what_is_planted(body):
    proto = onnx.parser.parse_model(
        f"""<ir_version: 10, opset_import: ["" : 21]>
        planted (float[batch, 3, 4] x) => (float[batch, 3, 4] y)
        <float one = {{1}}, float two = {{2}}, float[12, 12] w = {{{", ".join(["1"] * 144)}}},
        float[12] b = {{{", ".join(["1"] * 12)}}}, int64[1] all = {{-1}},
        int64[3] ones = {{1, 1, 1}}, int64[3] turned = {{0, 4, 3}}, int64[3] back = {{0, 3, 4}}>
        {{ {body} }}"""
    )
    assert operators(optimised(proto)) != operators(proto)


PAIRS = (
    ("Transpose", "Transpose"),
    ("Reshape", "Reshape"),
    ("Cast", "Cast"),
    ("Unsqueeze", "Squeeze"),
    ("Squeeze", "Unsqueeze"),
)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_pairs_that_cancel_are_seen(pair):
    network = lower(spec_of([{"type": "relu"}, {"name": "out", "type": "tanh"}]), 21)
    assert_minimal(network)
    nodes = [node._replace(op_type=kind) for node, kind in zip(network.nodes, pair, strict=True)]
    with pytest.raises(AssertionError, match="and then"):
        assert_minimal(replace(network, nodes=tuple(nodes)))


def test_an_identity_in_the_middle_is_seen():
    network = lower(spec_of([{"type": "relu"}, {"name": "out", "type": "tanh"}]), 21)
    first, last = network.nodes
    nodes = (first._replace(op_type="Identity"), last)
    with pytest.raises(AssertionError, match="does nothing"):
        assert_minimal(replace(network, nodes=nodes))


def operators_of(layers, **settings):
    return [node.op_type for node in lower(spec_of(layers, **settings), 21).nodes]


def recurrent(kind, **settings):
    return {"type": kind, "units": 3, "return_sequences": True, **settings}


@pytest.mark.parametrize("kind", ["simple_rnn", "lstm", "gru"])
def test_stacked_recurrent_layers_stay_time_first(kind):
    found = operators_of([recurrent(kind), recurrent(kind)], inputs=("time", 4))
    assert found.count("Transpose") == 2
    both = {"type": "bidirectional", "layer": recurrent(kind), "merge_mode": "sum"}
    found = operators_of([both, both], inputs=("time", 4))
    assert found.count("Transpose") == 2


@pytest.mark.parametrize("return_sequences", [True, False])
def test_a_state_handed_on_keeps_its_axis(return_sequences):
    layers = [
        recurrent("gru", name="read", return_state=True, return_sequences=return_sequences),
        recurrent("gru", name="write", inputs=["x2", "read.1"]),
    ]
    inputs = {"x1": ("time", 4), "x2": ("steps", 4)}
    found = operators_of([{**layers[0], "inputs": "x1"}, layers[1]], inputs=inputs)
    assert found.count("Unsqueeze") == 0


def test_permutations_become_one_or_none():
    turn, back = {"type": "permute", "axes": [1, 2, 0]}, {"type": "permute", "axes": [2, 0, 1]}
    assert operators_of([turn, back], inputs=(2, 3, 4)) == ["Identity"]
    assert operators_of([turn, turn, {"type": "relu"}], inputs=(2, 3, 4)) == ["Transpose", "Relu"]
    again = {**turn, "name": "again", "inputs": "x1"}
    shared = [turn, again, {"type": "add", "inputs": ["permute_1", "again"]}]
    assert operators_of(shared, inputs=(2, 3, 4)) == ["Transpose", "Add"]
