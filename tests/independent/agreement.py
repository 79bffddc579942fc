"""Holds a network of ours against an independent implementation that has the same weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

import nnspec
from nnspec.backend import Precision, Trainable, get_backend
from nnspec.network.loader import Spec
from nnspec.network.opened import as_spec
from nnspec.support.streams import derived_seed
from nnspec.verification.tolerance import EXACT, Amplification, relative_error
from tests.golden_files import ROOT

Array = NDArray[np.float64]

SEED = 2_718_281


def zoo(name: str, **variables: object) -> Spec:
    """Return a network of specs/zoo with other values of its variables."""
    return nnspec.load(ROOT / "specs" / "zoo" / f"{name}.yaml", variables=variables)


def draw(*key: str | int) -> np.random.Generator:
    """Return random numbers that SEED and the key alone decide."""
    return np.random.default_rng(derived_seed("independent", SEED, *key))


def kernel(name: str, shape: tuple[int, ...], terms: int, gain: float = 1.0) -> Array:
    """Return a kernel that keeps the size of what it sums `terms` of, times `gain`."""
    return draw(name).normal(0, gain / terms**0.5, shape)


def offset(name: str, shape: tuple[int, ...]) -> Array:
    """Return biases or means: none of them 0."""
    return draw(name).normal(0, 0.3, shape)


def factor(name: str, shape: tuple[int, ...]) -> Array:
    """Return scales or variances: positive, none of them 1."""
    return draw(name).uniform(0.5, 1.5, shape)


def images(name: str, batch: int, *shape: int) -> Array:
    """Return images of normal numbers, of which no two pixels are alike."""
    return draw(name, "images").normal(size=(batch, *shape))


def tokens(name: str, batch: int, length: int, vocabulary: int) -> NDArray[np.int64]:
    """Return sequences of numbers below `vocabulary`."""
    return draw(name, "tokens").integers(0, vocabulary, (batch, length))


def renamed(tensors: Mapping[str, Array], names: Mapping[str, str]) -> dict[str, Array]:
    """Return tensors `layer.parameter` by our names, as `names` maps their layers to ours.

    Every layer must be in the map, and everything in the map must be a layer.
    """
    layers = {name.rpartition(".")[0] for name in tensors}
    assert layers == names.keys(), layers ^ names.keys()
    weights = {}
    for name, array in tensors.items():
        layer, _, parameter = name.rpartition(".")
        weights[f"{names[layer]}.{parameter}"] = array
    assert len(weights) == len(tensors), "two of their layers have one of our names"
    return weights


def with_scores(spec: Spec) -> Spec:
    """Return the spec with its scores as an output too: softmax hides what all of them share."""
    graph = dataclasses.replace(spec.graph, outputs=("scores", *spec.graph.outputs))
    return as_spec(spec, graph, is_trained=False)


def softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def assert_agree(
    spec: Spec,
    weights: Mapping[str, Array],
    inputs: Mapping[str, NDArray[np.generic]],
    expected: Mapping[str, Array],
    in_float32: Mapping[str, NDArray[np.float32]] | None = None,
) -> None:
    """Hold every backend to what an independent implementation computed in float64.

    in_float32: what it computed in float32, held to ours in float64.
    """
    assert_telling(expected)
    parameters = dict(spec.graph.parameters())
    assert weights.keys() == parameters.keys(), weights.keys() ^ parameters.keys()
    for name, parameter in parameters.items():
        assert weights[name].shape == parameter.shape, name

    reference = get_backend("torch").compile(spec).build(weights, dtype="float64")
    assert isinstance(reference, Trainable)
    # Measured around our own outputs: around theirs, a difference would widen its own tolerance.
    ours = reference.forward(inputs)
    amplification = Amplification(spec.graph, reference, dict(weights), SEED)
    tolerance = amplification.float32_tolerance(inputs, ours)

    def run(backend: str, dtype: Precision) -> dict[str, Array]:
        given = {
            name: array.astype(dtype) if array.dtype.kind == "f" else array
            for name, array in inputs.items()
        }
        program = get_backend(backend).compile(spec).build(weights, dtype=dtype)
        return program.forward(given)

    rows = [("torch float64", relative_error(ours, expected), EXACT)]
    for backend in ("keras", "onnx"):
        error = relative_error(run(backend, "float64"), expected)
        rows.append((f"{backend} float64", error, EXACT))
    for backend in ("torch", "keras", "onnx"):
        error = relative_error(run(backend, "float32"), expected)
        rows.append((f"{backend} float32", error, tolerance))
    if in_float32 is not None:
        rows.append(("theirs float32", relative_error(in_float32, ours), tolerance))
    table = "\n".join(f"{what:16} {error:.1e} <= {limit:.1e}" for what, error, limit in rows)
    print(f"{spec.name}, seed {SEED}\n{table}")
    assert all(error <= limit for _, error, limit in rows), table


def assert_telling(outputs: Mapping[str, Array]) -> None:
    """Require outputs in which a mistake would show: every row and column of their own."""
    for name, array in outputs.items():
        scale = np.abs(array).max()
        assert np.isfinite(array).all()
        assert array.std(axis=0).max() > 0.05 * scale, f"{name} is alike for every row"
        assert array.std(axis=-1).max() > 0.05 * scale, f"{name} is alike in every column"
