"""One row: the same training in every source, and how far apart they end."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np

from nnspec.backend import Can, get_backend, installed_backends
from nnspec.network.loader import Spec, loads
from nnspec.weights.canonical import initial_weights
from tests.parity.rows import Row

ROWS, LENGTH, IDS, CLASSES = 4, 6, 9, 3
NETWORK: dict[str, Any] = {
    "nnspec": 1,
    "name": "Parity",
    "data_format": "channels_last",
    "inputs": {"tokens": {"shape": [LENGTH], "dtype": "int64"}},
    "layers": [
        {"name": "ids", "type": "embedding", "input_dim": IDS, "output_dim": 6},
        # No bias whose gradient is rounding alone: an optimizer that looks at its sign, or divides
        # by its size, makes of that what it likes.
        {"name": "conv", "type": "conv1d", "filters": 6, "kernel_size": 3, "padding": "same",
         "use_bias": False},
        {"name": "norm", "type": "batch_normalization"},
        {"name": "act", "type": "tanh"},
        {"name": "memory", "type": "lstm", "units": 6, "return_sequences": True},
        {"name": "attend", "type": "multi_head_attention", "num_heads": 2, "use_bias": False},
        {"name": "both", "type": "add", "inputs": ["memory", "attend"]},
        {"name": "pool", "type": "global_average_pooling1d"},
        {"name": "scores", "type": "dense", "units": CLASSES},
        {"name": "classes", "type": "softmax"},
    ],
}  # fmt: skip
"""Ids that repeat, convolution, batch normalisation, recurrence, attention."""

MOMENTUM = 0.9
"""Of the running statistics."""


class Result(NamedTuple):
    """The largest difference of a weight or a loss after the steps, and which it is."""

    error: float
    where: str


def trained(row: Row) -> dict[str, dict[str, Any]]:
    """Return by backend the weights after the steps, in float64, and the loss of each batch."""
    spec = spec_of(row)
    names = [backend.name for backend in installed_backends() if Can.TRAINING in backend.can]
    return {name: run(program_of(spec, name), row) for name in names}


def spec_of(row: Row) -> Spec:
    """Return the network with the training of a row."""
    return loads(json.dumps({**NETWORK, "training": {"task": "multiclass", **row.training}}))


def program_of(spec: Spec, backend: str, **options: Any) -> Any:
    """Return the network of a backend with the first weights, in float64."""
    found = get_backend(backend)
    compiled = found.compile(spec, found.options(training=True, **options))
    return compiled.build(first_weights(spec), dtype="float64")


def run(program: Any, row: Row) -> dict[str, Any]:
    """Return a program's weights after the steps of a row, and the losses."""
    draw = np.random.default_rng(11)
    losses = []
    for _ in range(row.batches):
        ids = draw.integers(0, IDS, (ROWS, LENGTH))
        losses.append(program.train_step({"tokens": ids}, draw.integers(0, CLASSES, ROWS)))
    return {**settled(program.weights(), row.batches), "the losses": losses}


def first_weights(spec: Spec) -> dict[str, Any]:
    return {
        name: np.asarray(array, "float64") for name, array in initial_weights(spec.graph, 0).items()
    }


def settled(weights: dict[str, Any], batches: int) -> dict[str, Any]:
    """Return weights with the running variance as what it is without its first value.

    What is left is a multiple of the biased variance in Keras, and of the unbiased one in PyTorch:
    docs/divergences.md.
    """
    name = "norm.running_var"
    return {**weights, name: weights[name] - MOMENTUM**batches}


def compared(row: Row) -> Result:
    """Train a row in PyTorch and in Keras."""
    found = trained(row)
    one, other = found["torch"], found["keras"]
    count = ROWS * LENGTH
    other["norm.running_var"] = other["norm.running_var"] * count / (count - 1)
    worst = Result(0.0, "nothing")
    for name in one:
        error = float(np.abs(np.subtract(one[name], other[name])).max())
        if not error <= worst.error:  # so that what is not a number is the worst
            worst = Result(error, name)
    return worst
