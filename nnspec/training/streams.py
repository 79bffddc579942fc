"""The numbers that a generator and a discriminator draw: the same for every backend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnspec.language.adversarial import AdversarialTraining
from nnspec.network.networks import Networks
from nnspec.support.streams import normal, stream, uniform

Array = NDArray[Any]


def noise_for(networks: Networks, count: int, *key: str | int) -> Array:
    """Return noise for so many rows, which depends on the key, beside the spec's seed, alone."""
    (type_,) = networks.generator.graph.inputs.values()
    return drawn(networks.training, count, [int(size) for size in type_.shape], *key)


def drawn(
    training: AdversarialTraining, count: int, shape: Sequence[int], *key: str | int
) -> Array:
    """Return noise of the law that the training says."""
    bits = stream("noise", training.seed, *key)
    numbers = count * math.prod(shape)
    if training.generator.noise == "uniform":
        values = uniform(bits, numbers, limit=1.0)
    else:
        values = normal(bits, numbers)
    return values.reshape(count, *shape).astype(np.float32)


def mix_for(networks: Networks, count: int, step: int) -> Array:
    """Return of each row the share of the real one where a gradient is penalised."""
    bits = stream("mix", networks.training.seed, step)
    return uniform(bits, count).astype(np.float32)
