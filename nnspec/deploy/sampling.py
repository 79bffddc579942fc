"""Noise for an exported generator, by what its metadata say of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nnspec.errors import UsageError
from nnspec.network.domain import Domain
from nnspec.support.streams import normal, stream, uniform

if TYPE_CHECKING:
    from nnspec.backend import Array

MOST = 1_000_000
"""Samples of one call."""
LARGEST = 2**28
"""Numbers of noise of one call."""


class _Generator(Protocol):
    metadata: dict[str, str]
    domain: Domain | None


def noise_of(
    program: _Generator, model: str | Path, samples: int, seed: int
) -> Mapping[str, Array]:
    """Return the noise of so many rows, by the name of the input; raises UsageError."""
    law = program.metadata.get("nnspec.noise")
    inputs = {} if program.domain is None else dict(program.domain.inputs)
    shapes = [type_.shape for type_ in inputs.values()]
    is_one = len(shapes) == 1 and all(isinstance(size, int) for size in shapes[0])
    if law not in ("normal", "uniform") or not is_one:
        raise UsageError(
            f"{model} does not say that it makes rows of noise: export the generator of a spec "
            "with `models` and `training` (`nnspec export SPEC --model NAME`), or give it rows"
        )
    if not 1 <= samples <= MOST:
        raise UsageError(f"from 1 to {MOST:,} samples are expected, not {samples:,}")
    if seed < 0:
        raise UsageError(f"a seed of 0 or more is expected, not {seed}")
    (name,) = inputs
    shape = [int(size) for size in shapes[0]]
    count = samples * math.prod(shape)
    if count > LARGEST:
        raise UsageError(f"{samples:,} samples take {count:,} numbers of noise: ask for fewer")
    bits = stream("samples", seed)
    values = normal(bits, count) if law == "normal" else uniform(bits, count, limit=1.0)
    return {name: values.reshape(samples, *shape).astype(np.float32)}
