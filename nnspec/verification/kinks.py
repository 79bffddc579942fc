"""Weights that bring the values inside a network to where functions bend, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import numpy as np

from nnspec.language.objectives import losses_of
from nnspec.layers.initializers import Ones
from nnspec.network.graph import Graph
from nnspec.network.loader import Spec
from nnspec.remote.kept import Kept
from nnspec.support.streams import derived_seed

if TYPE_CHECKING:
    from nnspec.backend import Array, Weights

KINKS = (0.0, 0.0, 0.0, 1.0, -1.0, 3.0, -3.0, 6.0)
PARTS = 2
"""So many sets of weights, each with every other layer at its kinks."""

SMOOTH = frozenset({
    *("dense", "tied_dense", "conv1d", "conv2d", "conv3d", "embedding", "multi_head_attention"),
    *("grouped_query_attention", "rotary_position", "position_embedding", "sinusoidal_position"),
    *("layer_normalization", "rms_normalization", "swiglu", "add", "subtract", "multiply"),
    *("concatenate", "flatten", "reshape", "permute", "dropout", "gelu", "silu", "tanh"),
    *("sigmoid", "softmax", "log_softmax", "linear"),
})  # fmt: skip
"""Types of layers that bend nowhere, whatever comes in: each has every derivative."""
SMOOTH_LOSSES = frozenset({"mse", "binary_cross_entropy", "categorical_cross_entropy"})


def bends(spec: Spec) -> bool:
    """Whether a function of the network, of its loss or of a penalty may bend somewhere.

    False is certain, True is not: it is said of every type that is not known to be smooth.
    """
    training = spec.model.training
    if training is None or training.regularization:
        return True
    if any(loss.type not in SMOOTH_LOSSES for loss in losses_of(training)):
        return True
    return any(
        layer is not None and layer.type not in SMOOTH
        for at in spec.graph.walk()
        for layer in (at.node.layer, at.node.layer.output_activation)
    )


def kinked_weights(graph: Graph, weights: Weights, part: int, seed: int) -> Weights:
    """Return weights of which every second layer has kernels of 0, and biases at kinks.

    What follows such a layer gets exactly the bias, and the layers between pass on gradients.
    Running statistics and scales stay as they are.
    """
    draw = np.random.default_rng(derived_seed("kinks", seed, part))
    given: Mapping[str, Array] = weights
    found = cast("Weights", given.copy()) if isinstance(given, Kept) else dict(given)
    number = 0
    for at in graph.walk():
        parameters = [p for p in at.parameters() if p.trainable and not p.is_fixed]
        if not parameters:
            continue
        number += 1
        if number % PARTS != part:
            continue
        for parameter in parameters:
            name = f"{at.path}.{parameter.name}"
            if "bias" in parameter.name:
                found[name] = draw.choice(KINKS, parameter.shape)
            elif not isinstance(parameter.initializer, Ones):
                found[name] = np.broadcast_to(np.float64(0.0), parameter.shape)
    return found
