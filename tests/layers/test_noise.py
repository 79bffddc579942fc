"""What random layers do in training, which a comparison of backends with noise off cannot see.

Each backend's emitted network sees the same numbers in training mode, and its outputs must follow
the law of the layer's docstring: the values that they may take, and how often, or their moments.
"""

import json
import math

import numpy as np
import pytest

from nnspec.backend import get_backend
from nnspec.network.loader import loads

BACKENDS = ("torch", "keras")
SEED = 0
ROWS = 2_000
SIGMAS = 5.0
"""A faithful backend fails one check in about two million."""
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def trained(backend, layer, shape, values, *, data_format="channels_first"):
    """Return what a network of this one layer gives in training mode."""
    spec = loads(
        json.dumps(
            {
                "nnspec": 1,
                "name": "Noisy",
                "data_format": data_format,
                "inputs": {"x": {"shape": shape}},
                "layers": [{"name": "y", **layer}],
            }
        ),
        is_json=True,
    )
    model = get_backend(backend).compile(spec).build(dtype="float64").model
    if backend == "torch":
        import torch

        torch.manual_seed(SEED)
        with torch.no_grad():
            return model.train()(torch.from_numpy(values)).numpy()
    import keras

    keras.utils.set_random_seed(SEED)
    return np.asarray(model(values, training=True))


def assert_share(flags, probability):
    """Assert that independent flags are set with this probability."""
    deviation = math.sqrt(probability * (1 - probability) / flags.size)
    assert abs(flags.mean() - probability) <= SIGMAS * deviation


def assert_normal(noise, deviation):
    """Assert mean 0, and the deviation, of independent normal numbers."""
    assert abs(noise.mean()) <= SIGMAS * deviation / math.sqrt(noise.size)
    assert abs(noise.std() / deviation - 1) <= SIGMAS / math.sqrt(2 * noise.size)
    # Of a normal law 0.3173 lies outside one deviation; of a uniform one 0.4226.
    assert_share(np.abs(noise) > deviation, math.erfc(math.sqrt(0.5)))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("backend", BACKENDS)
def test_dropout(backend, rate):
    x = np.full((ROWS, 50), 3.0)
    y = trained(backend, {"type": "dropout", "rate": rate}, [50], x)
    dropped = y == 0
    np.testing.assert_allclose(y[~dropped], 3.0 / (1 - rate), rtol=1e-6)
    assert_share(dropped, rate)
    # No element follows its neighbour: both are dropped with the square of the probability.
    assert_share(dropped[:, ::2] & dropped[:, 1::2], rate**2)


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("backend", BACKENDS)
def test_spatial_dropout(backend, axes, data_format):
    rate, sizes = 0.3, (3, 2, 4)[:axes]
    channels_first = data_format == "channels_first"
    shape = (20, *sizes) if channels_first else (*sizes, 20)
    layer = {"type": f"spatial_dropout{axes}d", "rate": rate}
    y = trained(backend, layer, list(shape), np.full((ROWS, *shape), 2.0), data_format=data_format)
    maps = (y if channels_first else np.moveaxis(y, -1, 1)).reshape(ROWS, 20, -1)
    assert (maps == maps[..., :1]).all(), "a channel is dropped whole or not at all"
    dropped = maps[..., 0] == 0
    np.testing.assert_allclose(maps[~dropped], 2.0 / (1 - rate), rtol=1e-6)
    assert_share(dropped, rate)


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("backend", BACKENDS)
def test_alpha_dropout(backend, rate):
    x = np.full((ROWS, 50), 0.5)
    y = trained(backend, {"type": "alpha_dropout", "rate": rate}, [50], x)
    limit = -SCALE * ALPHA
    a = ((1 - rate) * (1 + rate * limit**2)) ** -0.5
    b = -a * rate * limit
    low, high = a * limit + b, a * 0.5 + b
    dropped = np.abs(y - low) < np.abs(y - high)
    np.testing.assert_allclose(y, np.where(dropped, low, high), rtol=1e-6)
    assert_share(dropped, rate)


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("backend", BACKENDS)
def test_gaussian_dropout(backend, rate):
    x = np.full((ROWS, 50), 3.0)
    y = trained(backend, {"type": "gaussian_dropout", "rate": rate}, [50], x)
    assert_normal(y / 3.0 - 1.0, math.sqrt(rate / (1 - rate)))


@pytest.mark.parametrize("stddev", [0.1, 1.0])
@pytest.mark.parametrize("backend", BACKENDS)
def test_gaussian_noise(backend, stddev):
    x = np.full((ROWS, 50), 3.0)
    y = trained(backend, {"type": "gaussian_noise", "stddev": stddev}, [50], x)
    assert_normal(y - 3.0, stddev)


@pytest.mark.parametrize("backend", BACKENDS)
def test_sampling_draws_with_the_variance_that_it_takes(backend):
    x = np.random.default_rng(SEED).uniform(-1, 1, (ROWS, 50))
    y = trained(backend, {"type": "sampling", "stddev": 0.5, "inputs": ["x", "x"]}, [50], x)
    assert_normal((y - x) / np.exp(x / 2), 0.5)


@pytest.mark.parametrize(
    "layer",
    [
        {"type": "multi_head_attention", "num_heads": 1},
        {"type": "grouped_query_attention", "num_heads": 2, "num_kv_heads": 1},
    ],
    ids=lambda layer: layer["type"],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_attention_drops_weights(backend, layer):
    """Of two positions alike, a head gives none, half or all of the value, over 1 - rate."""
    rate = 0.3
    x = np.random.default_rng(SEED).normal(size=(1, 1, 4)).repeat(ROWS, axis=0).repeat(2, axis=1)
    y = trained(backend, {**layer, "dropout": rate}, [2, 4], x).reshape(2 * ROWS, 4)
    is_nothing = np.abs(y).max(axis=-1) == 0
    assert_share(is_nothing, rate ** (2 * layer["num_heads"]))
    if layer["num_heads"] == 1:
        whole = trained(backend, {**layer, "dropout": 0.0}, [2, 4], x).reshape(2 * ROWS, 4)
        shares = y[:, 0] / whole[:, 0] * (1 - rate)
        np.testing.assert_allclose(shares, np.round(2 * shares) / 2, atol=1e-6)
        np.testing.assert_allclose(y * (1 - rate), whole * shares[:, None], rtol=1e-6, atol=1e-9)
        assert_share(shares > 0.75, (1 - rate) ** 2)
