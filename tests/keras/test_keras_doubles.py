"""What TensorFlow cannot compute as PyTorch does, and what stands in for it."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nnspec.backend import get_backend
from nnspec.network.loader import loads

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")


def equal_numbers(*shape: int, dtype: str = "float64") -> Any:
    """Return whole numbers, many of them equal."""
    return np.random.default_rng(0).integers(0, 2, shape).astype(dtype)


@pytest.mark.parametrize("name", ["MaxPooling3D", "AveragePooling3D"])
def test_tensorflow_has_no_double_kernel(name: str) -> None:
    """The day this fails for averages, nnspec_keras/doubles.py can go."""
    with pytest.raises(tf.errors.OpError):
        getattr(keras.layers, name)(2, dtype="float64")(tf.constant(equal_numbers(1, 4, 4, 4, 2)))


def test_tensorflow_gives_every_largest_element_the_gradient() -> None:
    """The day this fails, Keras's own MaxPooling3D will do in float32."""
    given = tf.Variable(np.ones((1, 2, 2, 2, 1), "float32"))
    with tf.GradientTape() as tape:
        pooled = keras.layers.MaxPooling3D(2)(given)
    assert np.sum(tape.gradient(pooled, given)) == 8


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        ({"type": "max_pooling1d", "pool_size": 3, "strides": 2, "padding": 1}, (2, 9)),
        ({"type": "max_pooling2d", "pool_size": 3, "strides": 2, "ceil_mode": True}, (2, 6, 7)),
        ({"type": "max_pooling3d"}, (2, 4, 6, 5)),
        ({"type": "max_pooling3d", "pool_size": 3, "strides": [2, 1, 2]}, (2, 5, 6, 7)),
        ({"type": "max_pooling3d", "pool_size": 3, "strides": 2, "padding": "same"}, (1, 4, 5, 4)),
        ({"type": "global_max_pooling1d"}, (2, 9)),
        ({"type": "global_max_pooling2d", "keepdims": True}, (2, 4, 5)),
        ({"type": "global_max_pooling3d"}, (2, 4, 5, 6)),
        ({"type": "adaptive_max_pooling1d", "output_size": 3}, (2, 7)),
        ({"type": "adaptive_max_pooling2d", "output_size": [3, 2]}, (2, 7, 6)),
        ({"type": "adaptive_max_pooling2d", "output_size": [3, 2]}, (2, 6, 6)),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else "x".join(map(str, value)),
)
def test_equal_elements_share_the_gradient_alike(
    layer: dict[str, Any], shape: tuple[int, ...]
) -> None:
    text = {"nnspec": 1, "name": "Tied", "inputs": {"image": {"shape": shape}}, "layers": [layer]}
    spec = loads(json.dumps(text), is_json=True)
    image = equal_numbers(3, *shape)
    given = torch.tensor(image, requires_grad=True)
    (get_backend("torch").compile(spec).build(dtype="float64").model(given) * 1.5).sum().backward()
    variable = tf.Variable(image)
    model = get_backend("keras").compile(spec).build(dtype="float64").model
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(variable) * 1.5)
    gradient = tf.convert_to_tensor(tape.gradient(loss, variable))
    np.testing.assert_allclose(gradient, given.grad, rtol=1e-12)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(2, 2), (3, 2), ((2, 1, 3), (1, 2, 1))])
def test_the_stand_in_is_the_layer(
    padding: str, size: int | tuple[int, ...], strides: int | tuple[int, ...]
) -> None:
    """Verification compares the stand-in in float64; Keras's own layer is what users run."""
    from nnspec_keras.doubles import lend_doubles

    emitted = ModuleType("emitted")
    vars(emitted)["layers"] = keras.layers
    lend_doubles(emitted)
    stood_in = vars(emitted)["layers"]
    assert stood_in.Dense is keras.layers.Dense
    outputs, gradients = [], []
    for layers, dtype in ((keras.layers, "float32"), (stood_in, "float64")):
        given = tf.Variable(equal_numbers(2, 5, 6, 7, 2, dtype=dtype))
        layer = layers.AveragePooling3D(size, strides, padding=padding, dtype=dtype)
        with tf.GradientTape() as tape:
            output = layer(given)
            loss = tf.reduce_sum(output**2)
        outputs.append(np.asarray(output))
        gradients.append(np.asarray(tape.gradient(loss, given)))
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-6)
