"""Networks of Keras Applications with random weights, and those weights as PyTorch has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from tests.independent.agreement import Array, factor, images, kernel, offset

CLASSES = 7
BATCH = 3
PARAMETERS = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Our names of Keras's weights."""


def application(name: str, image: int, **more: object) -> Any:
    return getattr(keras.applications, name)(
        weights=None,
        input_shape=(image, image, 3),
        classes=CLASSES,
        classifier_activation=None,
        **more,
    )


def leaves(model: Any) -> Iterator[Any]:
    for layer in model.layers:
        if isinstance(layer, keras.Sequential):
            yield from leaves(layer)
        elif layer.weights:
            yield layer


def named(layer: Any) -> Iterator[tuple[Any, str]]:
    """Yield the weights with names `layer.parameter`; Keras leaves that of LayerScale unnamed."""
    for weight in layer.weights:
        scale = type(layer).__name__ == "LayerScale"
        yield weight, f"{layer.name}.{'weight' if scale else PARAMETERS[weight.name]}"


def randomize(model: Any) -> None:
    """Give every weight random numbers, none of them trivial."""
    for layer in leaves(model):
        for weight, name in named(layer):
            shape = tuple(weight.shape)
            if weight.name == "kernel":
                depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
                terms = int(np.prod(shape[:2] if depthwise else shape[:-1]))
                weight.assign(kernel(name, shape, terms, gain=2**0.5))
            elif weight.name in ("bias", "beta", "moving_mean"):
                weight.assign(offset(name, shape))
            else:
                weight.assign(factor(name, shape))


def settle(model: Any) -> None:
    """Give batch normalisations the statistics of some images, as training does.

    With any others a deep network forgets its input on the way. The scores are shifted and scaled
    likewise, so that each tells images apart, and no class has all of the probability.
    """
    others = images("others", 2 * BATCH, *model.input_shape[1:])
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    model(others, training=True)
    last = model.layers[-1]
    scores = np.asarray(model(others, training=False))
    mean, deviation = scores.mean(axis=0), scores.std(axis=0)
    last.kernel.assign(last.kernel / deviation)
    last.bias.assign((last.bias - mean) / deviation + offset("scores", mean.shape))


def as_pytorch(model: Any) -> dict[str, Array]:
    """Return the weights `layer.parameter` as PyTorch lays them out."""
    weights = {}
    for layer in leaves(model):
        for weight, name in named(layer):
            array = np.asarray(weight)
            if weight.name == "kernel":
                if isinstance(layer, keras.layers.DepthwiseConv2D):
                    array = array.transpose(2, 3, 0, 1)
                elif array.ndim == 4:
                    array = array.transpose(3, 2, 0, 1)
                else:
                    array = array.T
            weights[name] = array
    return weights


def prefixed(theirs: str, ours: str, names: Mapping[str, str]) -> dict[str, str]:
    return {f"{theirs}{key}": f"{ours}.{value}" for key, value in names.items()}
