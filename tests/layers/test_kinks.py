"""Where a function bends, its gradient is the one that its layer's docstring gives."""

import json

import numpy as np
import pytest

from nnspec.backend import get_backend
from nnspec.network.loader import loads

TIE = [1.0, 2.0, -3.0]


def spec_of(layer, number, output):
    names = [f"given_{i}" for i in range(number)]
    document = {
        "nnspec": 1,
        "name": "Kinked",
        "inputs": {name: {"shape": [3]} for name in names},
        "layers": [{**layer, "name": "tested", "inputs": names}],
    }
    spec = loads(json.dumps(document), is_json=True)
    assert spec.graph.types["tested"].shape == output
    return spec


def torch_gradients(spec, values):
    import torch

    model = get_backend("torch").compile(spec).build(dtype="float64").model
    tensors = [torch.tensor([row], dtype=torch.float64, requires_grad=True) for row in values]
    model(*tensors).sum().backward()
    return [tensor.grad.numpy()[0] for tensor in tensors]


def keras_gradients(spec, values):
    import tensorflow as tf

    model = get_backend("keras").compile(spec).build().model
    tensors = [tf.constant([row], tf.float32) for row in values]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        total = tf.reduce_sum(model(tensors if len(tensors) > 1 else tensors[0]))
    return [gradient.numpy()[0] for gradient in tape.gradient(total, tensors)]


@pytest.mark.parametrize("gradients", [torch_gradients, keras_gradients])
@pytest.mark.parametrize(
    ("layer", "values", "expected"),
    [
        ({"type": "maximum"}, [TIE, TIE], [[1, 1, 1], [0, 0, 0]]),
        ({"type": "minimum"}, [TIE, TIE], [[1, 1, 1], [0, 0, 0]]),
        ({"type": "maximum"}, [[0, 2, 0], TIE, [0, 2, 4]], [[0, 1, 0], [1, 0, 0], [0, 0, 1]]),
        ({"type": "minimum"}, [[0, 2, 0], TIE, [0, 2, 4]], [[1, 1, 0], [0, 0, 1], [0, 0, 0]]),
        ({"type": "clip", "min_value": -3, "max_value": 2}, [TIE], [[1, 1, 1]]),
        ({"type": "clip", "min_value": 1}, [TIE], [[1, 1, 0]]),
        ({"type": "clip", "max_value": 1}, [TIE], [[1, 0, 1]]),
        ({"type": "abs"}, [[0, 2, -3]], [[0, 1, -1]]),
        ({"type": "square"}, [[0, 2, -3]], [[0, 4, -6]]),
        ({"type": "reduce_max", "axes": 0}, [[2, 2, -3]], [[0.5, 0.5, 0]]),
        ({"type": "reduce_min", "axes": 0}, [[2, 2, 2]], [[1 / 3, 1 / 3, 1 / 3]]),
        ({"type": "reduce_norm", "axes": 0}, [[0, 0, 0]], [[0, 0, 0]]),
        ({"type": "l2_normalize", "epsilon": 0.25}, [[0, 0, 0]], [[2, 2, 2]]),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else None,
)
def test_gradient_at_a_kink(gradients, layer, values, expected):
    reduced = layer["type"].startswith("reduce")
    spec = spec_of(layer, len(values), () if reduced else (3,))
    given = gradients(spec, values)
    np.testing.assert_allclose(given, expected, rtol=1e-6)
