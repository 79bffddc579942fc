"""Canonical weights: their first values, the file that keeps them, and whether they fit a network.

Names are spec paths (`stem.conv2d_1.weight`), layouts are PyTorch's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from nnspec.errors import WeightsError, nearest, printable
from nnspec.layers.base import Parameter
from nnspec.layers.initializers import GlorotUniform, InitializerBase, Ones, Scaled, Zeros
from nnspec.layers.plain_initializers import Constant, Normal
from nnspec.layers.rare_initializers import (
    GlorotNormal,
    HeNormal,
    HeUniform,
    LengthOfWeight,
    Orthogonal,
    UnitForgetBias,
)
from nnspec.layers.scaled_initializers import (
    Identity,
    LecunNormal,
    LecunUniform,
    TruncatedNormal,
    Uniform,
    VarianceScaling,
)
from nnspec.layers.shapes import show
from nnspec.layers.weighted import DIRECTION, LENGTH, split
from nnspec.network.graph import Graph
from nnspec.support import files
from nnspec.support.made import Made
from nnspec.support.streams import Precision, normal, stream, truncated_normal, uniform
from nnspec.weights.normalized import length_of
from nnspec.weights.stored import StoredWeights as StoredWeights
from nnspec.weights.stored import load_weights as load_weights

Array = NDArray[Any]

FORMAT = "nnspec"

TRUNCATED_DEVIATION = 0.87962566103423978
"""Deviation of a standard normal cut at ±2: sqrt(1 - 4 φ(2) / (2 Φ(2) - 1))."""

COUNTER = "num_batches_tracked"
_SHOWN = 20


class FirstWeights(Mapping[str, Array]):
    """The first value of every parameter of a network, drawn whenever it is asked for.

    Each is drawn from a stream of its own, keyed by the seed and the canonical name, so that
    neither the order of the layers nor the backend matters. None is kept: who goes through them
    holds one at a time. In float32 they are the float64 numbers, rounded.
    """

    def __init__(self, graph: Graph, seed: int = 0, dtype: Precision = "float64") -> None:
        self.graph = graph
        self._seed = seed
        self._dtype = dtype
        self._parameters = dict(graph.parameters())

    def __getitem__(self, name: str) -> Array:
        """Draw a parameter by its canonical name."""
        parameter = self._parameters[name]
        initializer = parameter.initializer
        weight, part = split(name)
        if part == LENGTH and isinstance(initializer, LengthOfWeight):
            exact = FirstWeights(self.graph, self._seed)
            return length_of(exact[weight + DIRECTION], parameter.shape).astype(self._dtype)
        if part == DIRECTION and weight + LENGTH in self._parameters:
            name = weight  # so that the weight begins as without its normalisation
        values = _SAMPLERS[type(initializer)](
            initializer, parameter, (self._seed, name), self._dtype
        )
        if parameter.zero_row is not None:
            values[parameter.zero_row] = 0.0
        return values

    def __contains__(self, name: object) -> bool:
        """Whether there is such a parameter, without drawing it."""
        return name in self._parameters

    def __iter__(self) -> Iterator[str]:
        """Yield the names in the order of the layers."""
        return iter(self._parameters)

    def __len__(self) -> int:
        """Return the number of parameters."""
        return len(self._parameters)


def initial_weights(graph: Graph, seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Return the first value of every parameter by its canonical name, in float64."""
    return dict(FirstWeights(graph, seed))


def save_weights(
    path: str | Path,
    weights: Mapping[str, Array],
    metadata: Mapping[str, str] | None = None,
    *,
    dtype: str | None = "float32",
) -> Path:
    """Write tensors to a .safetensors file, whole or not at all.

    `dtype` None keeps each tensor's own. The metadata gain `format: nnspec`. Raises WeightsError
    for a value too large for `dtype`, UsageError where the file cannot be written.
    """
    stored = {}
    for name, tensor in weights.items():
        with np.errstate(over="ignore"):
            # Not ascontiguousarray, which turns a scalar into a vector.
            cast = np.asarray(tensor, dtype=dtype, order="C")
        if cast.dtype.kind == "f" and not (np.isfinite(cast) == np.isfinite(tensor)).all():
            raise WeightsError(f'"{name}" holds a value that {dtype} cannot')
        stored[name] = cast
    with files.replacing(path) as temporary:
        save_file(stored, temporary, {"format": FORMAT, **(metadata or {})})
        _sort_metadata(temporary)
    return Path(path)


def _sort_metadata(path: Path) -> None:
    """Order the header's metadata, which safetensors writes in the order of a random hash.

    Equal weights then give equal files.
    """
    with path.open("rb+") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) <= size:
            file.seek(8)
            file.write(text.ljust(size))


def check_weights(graph: Graph, weights: Mapping[str, Array], *, file: str | Path = "") -> None:
    """Raise WeightsError for weights that are not all of this network, and sound.

    It names every missing, surplus, misshapen and non-float tensor, and values that no weight has.
    """
    if isinstance(weights, FirstWeights) and weights.graph is graph:
        return  # they fit, and to look at one would draw it
    if isinstance(weights, Made):
        return  # made of weights that fit
    place = f"{printable(str(file))}: " if file else ""
    expected = dict(graph.parameters())
    if isinstance(weights, StoredWeights):
        require_same_network(graph, weights.metadata, place)
    missing = [name for name in expected if name not in weights]
    surplus = [name for name in weights if name not in expected and not is_counter(name, expected)]
    misshapen, wrong_type, wrong_values = [], [], []
    for name, parameter in expected.items():
        if name not in weights:
            continue
        tensor = np.asarray(weights[name])
        if tensor.shape != parameter.shape:
            misshapen.append(
                f'"{name}" is {show(tensor.shape)}, and {show(parameter.shape)} is expected'
            )
        elif parameter.is_fixed and tensor.any():
            wrong_values.append(f'"{name}" is always 0: add it to the layer\'s other bias')
        if tensor.dtype not in (np.float32, np.float64):
            wrong_type.append(f'"{name}" is {tensor.dtype}, and float32 or float64 is expected')
        elif (said := wrong_value(tensor, parameter)) is not None:
            wrong_values.append(f'"{name}" holds {said}')
    problems = [
        *_some(f'"{name}" is missing' for name in missing),
        *_some(f'"{printable(name)}" is no parameter{nearest(name, missing)}' for name in surplus),
        *_some(misshapen),
        *_some(wrong_type),
        *_some(wrong_values),
    ]
    if problems:
        raise WeightsError(
            f"{place}the weights do not fit {graph.name}:\n  " + "\n  ".join(problems)
        )


def is_counter(name: str, expected: Container[str]) -> bool:
    """Whether a tensor is PyTorch's count of the batches that a normalisation has seen.

    No spec has it, since nothing depends on it where the momentum is a number.
    """
    prefix, _, last = name.rpartition(".")
    return last == COUNTER and f"{prefix}.running_mean" in expected


def is_same_network(graph: Graph, metadata: Mapping[str, str]) -> bool:
    """Whether a file says that its weights are this network's, at inference at least."""
    from nnspec.network.identity import hash_of

    if metadata.get("spec_sha256") == hash_of(graph):
        return True
    return metadata.get("inference_sha256") == hash_of(graph, inference=True)


def require_same_network(graph: Graph, metadata: Mapping[str, str], place: str = "") -> None:
    """Raise WeightsError where a file says that its weights are another network's."""
    from nnspec.network.identity import hash_of

    known = metadata.get("spec_sha256")
    if known is None or is_same_network(graph, metadata):
        return
    name = printable(metadata.get("spec_name", "another name"))
    raise WeightsError(
        f'{place}the weights are those of another network ("{name}", hash {printable(known[:12])}) '
        f'than "{graph.name}" ({hash_of(graph)[:12]}): their meaning may be another though their '
        "shapes are the same. Use the spec that they were made with, or take what fits with "
        "--partial"
    )


def wrong_value(tensor: Array, parameter: Parameter) -> str | None:
    """Return the value that no weight has, such as nan, or None."""
    if not tensor.size:
        return None
    # Both are nan if any element is.
    low, high = tensor.min(), tensor.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        wrong = tensor[~np.isfinite(tensor)]
        return f"{wrong[0]}, one of {wrong.size:,} values that are not finite"
    if parameter.least is not None and low < parameter.least:
        return f"{low}, and at least {parameter.least:g} is expected"
    return None


def _some(problems: Iterable[str]) -> list[str]:
    found = list(problems)
    if len(found) <= _SHOWN:
        return found
    return [*found[:_SHOWN], f"and {len(found) - _SHOWN} more like this"]


Key = tuple[int, str]
Sampler = Callable[[Any, Parameter, Key, Precision], Array]


def _zeros(initializer: Zeros, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    return np.zeros(parameter.shape, dtype)


def _ones(initializer: Ones, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    return np.ones(parameter.shape, dtype)


def _constant(initializer: Constant, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    return np.full(parameter.shape, float(initializer.value), dtype)


def _plain_normal(initializer: Normal, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    count = math.prod(parameter.shape)
    numbers = normal(stream("weights", *key), count, deviation=initializer.stddev, dtype=dtype)
    return numbers.reshape(parameter.shape)


def _uniform(initializer: Scaled, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    limit = math.sqrt(3.0 * initializer.scale / fan_of(initializer, parameter))
    count = math.prod(parameter.shape)
    numbers = uniform(stream("weights", *key), count, limit=limit, dtype=dtype)
    return numbers.reshape(parameter.shape)


def _normal(initializer: Scaled, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    scale = math.sqrt(initializer.scale / fan_of(initializer, parameter)) / TRUNCATED_DEVIATION
    count = math.prod(parameter.shape)
    numbers = truncated_normal(stream("weights", *key), count, scale=scale, dtype=dtype)
    return numbers.reshape(parameter.shape)


def _range(initializer: Uniform, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    count = math.prod(parameter.shape)
    limit = (initializer.high - initializer.low) / 2
    numbers = uniform(stream("weights", *key), count, limit=limit)
    numbers += initializer.low + limit
    return numbers.astype(dtype, copy=False).reshape(parameter.shape)


def _cut(initializer: TruncatedNormal, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    count, scale = math.prod(parameter.shape), initializer.stddev
    numbers = truncated_normal(stream("weights", *key), count, scale=scale, dtype=dtype)
    return numbers.reshape(parameter.shape)


def _scaled(
    initializer: VarianceScaling, parameter: Parameter, key: Key, dtype: Precision
) -> Array:
    deviation = math.sqrt(initializer.scale / fan_of(initializer, parameter))
    count, bits = math.prod(parameter.shape), stream("weights", *key)
    if initializer.distribution == "uniform":
        numbers = uniform(bits, count, limit=math.sqrt(3.0) * deviation, dtype=dtype)
    elif initializer.distribution == "untruncated_normal":
        numbers = normal(bits, count, deviation=deviation, dtype=dtype)
    else:
        scale = deviation / TRUNCATED_DEVIATION
        numbers = truncated_normal(bits, count, scale=scale, dtype=dtype)
    return numbers.reshape(parameter.shape)


def _identity(initializer: Identity, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    rows, columns = parameter.shape
    values: Array = initializer.gain * np.eye(rows, columns)
    return values.astype(dtype)


def _orthogonal(initializer: Orthogonal, parameter: Parameter, key: Key, dtype: Precision) -> Array:
    rows = parameter.shape[0]
    columns = math.prod(parameter.shape[1:])
    numbers = truncated_normal(stream("weights", *key), rows * columns)
    # QR gives orthonormal columns; a fixed sign of the diagonal makes the law uniform.
    q, r = np.linalg.qr(numbers.reshape(max(rows, columns), min(rows, columns)))
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    values: Array = initializer.gain * (q if rows >= columns else q.T)
    return values.astype(dtype, copy=False).reshape(parameter.shape)


def _unit_forget_bias(
    initializer: UnitForgetBias, parameter: Parameter, key: Key, dtype: Precision
) -> Array:
    values = _SAMPLERS[type(initializer.others)](initializer.others, parameter, key, dtype)
    quarter = parameter.shape[0] // 4
    values[quarter : 2 * quarter] = 1.0
    return values


def fan_of(initializer: Scaled | VarianceScaling, parameter: Parameter) -> float:
    """Return the number that divides the variance."""
    fan = initializer.fan if isinstance(initializer, Scaled) else initializer.mode
    if fan in ("in", "fan_in"):
        return parameter.fan_in
    if fan == "fan_out":
        return parameter.fan_out
    return (parameter.fan_in + parameter.fan_out) / 2


_SAMPLERS: dict[type[InitializerBase], Sampler] = {
    Zeros: _zeros,
    Ones: _ones,
    Constant: _constant,
    Normal: _plain_normal,
    GlorotUniform: _uniform,
    GlorotNormal: _normal,
    HeUniform: _uniform,
    HeNormal: _normal,
    Orthogonal: _orthogonal,
    Uniform: _range,
    TruncatedNormal: _cut,
    LecunUniform: _uniform,
    LecunNormal: _normal,
    VarianceScaling: _scaled,
    Identity: _identity,
    UnitForgetBias: _unit_forget_bias,
}
