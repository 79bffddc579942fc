"""Every layer runs in Keras on what was scaled before: Keras calls such products sparse."""

import json

import numpy as np
import pytest

from nnspec.backend import get_backend
from nnspec.network.loader import loads
from nnspec.verification import samples
from tests.cases import CASES, Case

FIRST = {case.layer["type"]: case for case in reversed(CASES) if isinstance(case, Case)}
"""The first configuration of every layer in the table."""


def scaled(case):
    """Return the case's network with the inputs that hold floats scaled first."""
    document = case.spec()
    tested = next(layer for layer in document["layers"] if layer["name"] == "tested")
    before = [
        {"name": f"s_{name}", "type": "rescaling", "scale": 0.3, "inputs": [name]}
        for name in tested["inputs"]
        if document["inputs"][name]["dtype"] == "float32"
    ]
    made = {layer["inputs"][0]: layer["name"] for layer in before}
    tested["inputs"] = [made.get(name, name) for name in tested["inputs"]]
    return {**document, "layers": [*before, *document["layers"]]}


def assert_runs(cases):
    keras = get_backend("keras")
    for case in cases:
        spec = loads(json.dumps(scaled(case)))
        axes = dict.fromkeys(samples.dynamic_axes(spec.graph), 5)
        inputs = samples.random_inputs(spec.graph, 2, axes, 0)
        outputs = keras.compile(spec).build().forward(inputs)
        shape = samples.sizes_of(spec.graph.types["tested"].shape, axes)
        assert outputs["tested"].shape == (2, *shape), case.id


def test_layers_that_compare_or_rearrange_elements():
    names = ["celu", "threshold", "elu", "resize", "pixel_shuffle", "rotary_position"]
    names += ["multi_head_attention", "sinusoidal_position", "conv2d_transpose"]
    assert_runs([FIRST[name] for name in names])


@pytest.mark.slow
def test_every_layer():
    assert_runs(FIRST.values())


def test_the_product_is_exact_in_double_precision():
    spec = loads(json.dumps(scaled(FIRST["relu"])))
    inputs = samples.random_inputs(spec.graph, 2, {}, 0)
    program = get_backend("keras").compile(spec).build(dtype="float64")
    (given,) = inputs.values()
    (result,) = program.forward(inputs).values()
    np.testing.assert_array_equal(result, np.maximum(given * 0.3, 0))
