"""Definitions that emitted files copy, run where they stand, against what others compute."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnspec_keras.emitted import (
    activations,
    arithmetic,
    embedding,
    gelu,
    grids,
    indexing,
    initializers,
    ordering,
    padding,
    pooling,
    recurrent,
    reshaping,
    resizing,
    transposed,
)
from nnspec_keras.emitted import convolution as windows
from nnspec_keras.helpers import HELPERS as OF_KERAS
from nnspec_torch.emitted import convolution, core, gated, regularization, tensors
from nnspec_torch.emitted import embedding as positions_of_torch
from nnspec_torch.helpers import HELPERS as OF_TORCH

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 6, 6, 4))
T = torch.from_numpy(X)
FIRST = torch.from_numpy(np.moveaxis(X, -1, 1).copy())
"""The same with channels first, as PyTorch takes it."""
SEQUENCE = X[:, :, 0]
"""(batch, time, features)."""
IDS = np.array([[1, 0, 3], [2, 2, 0]])
PLACES = np.stack([IDS, IDS[:, ::-1] + 1], axis=1)


def last(result: torch.Tensor) -> np.ndarray:
    """Return a result of PyTorch with its channels last."""
    return np.moveaxis(result.detach().numpy(), 1, -1)


def flat(result: torch.Tensor) -> np.ndarray:
    return result.detach().numpy()


def made(layer: type[Any], *given: Any, **settings: Any) -> Any:
    """Return a layer of Keras that is also what its own config makes."""
    first = layer(*given, **settings, dtype="float64")
    again = layer.from_config(first.get_config())
    assert again.get_config() == first.get_config()
    return again


def conv_transpose() -> tuple[Any, Any]:
    layer = made(
        transposed.GroupedConvTranspose, 6, (3, 3), (2, 2), (1, 2), groups=2, output_padding=(1, 0)
    )
    result = layer(X)
    kernel = torch.from_numpy(np.asarray(layer.kernel))
    # (height, width, outputs of a group, inputs) -> (inputs, outputs of a group, height, width)
    weight = kernel.permute(3, 2, 0, 1)
    same = F.conv_transpose2d(
        FIRST, weight, stride=2, dilation=(1, 2), groups=2, output_padding=(1, 0)
    )
    return result, last(same)


def embedded() -> tuple[Any, Any]:
    layer = made(embedding.Embedding, 5, 4, padding_index=0)
    rows = np.asarray(layer(IDS))
    assert not rows[IDS == 0].any()
    table = np.asarray(layer.embeddings)
    back = layer(keras.ops.convert_to_tensor(SEQUENCE), reverse=True)
    return (rows, back), (table[IDS], SEQUENCE @ table.T)


def reversible() -> tuple[Any, Any]:
    layer = made(embedding.ReversibleEmbedding, 5, 4)
    rows = layer(IDS)
    table = np.asarray(layer.embeddings)
    back = layer(keras.ops.convert_to_tensor(SEQUENCE), reverse=True)
    return (rows, back), (table[IDS], SEQUENCE @ table.T)


def positions() -> tuple[Any, Any]:
    layer = made(embedding.PositionEmbedding, 9)
    result = layer(SEQUENCE)
    return result, SEQUENCE + np.asarray(layer.embeddings)[:6]


def learned() -> tuple[Any, Any]:
    layer = made(embedding.LearnedTensor, (3, 2), initializer="ones")
    return layer(SEQUENCE), np.ones((2, 3, 2))


def biased() -> tuple[Any, Any]:
    layer = made(embedding.Bias)
    layer(SEQUENCE)
    layer.bias.assign([1.0, 2.0, 3.0, 4.0])
    return layer(SEQUENCE), SEQUENCE + np.array([1.0, 2.0, 3.0, 4.0])


def averaged() -> tuple[Any, Any]:
    pool = pooling.average_pooling2d(3, 2, ((1, 1), (1, 1)), "pool")
    same = F.avg_pool2d(FIRST, 3, 2, 1, count_include_pad=False)
    return pool(keras.ops.cast(X, "float32")), last(same)


def averaged_lines() -> tuple[Any, Any]:
    pool = pooling.average_pooling1d(3, 2, (1, 1), "pool")
    same = F.avg_pool1d(FIRST[:, :, :, 0], 3, 2, 1, count_include_pad=False)
    return pool(keras.ops.cast(X[:, :, 0], "float32")), last(same)


def averaged_volumes() -> tuple[Any, Any]:
    pads = ((1, 1), (1, 1), (1, 1))
    pool = pooling.average_pooling3d(3, 2, pads, "pool")
    volume = np.stack([X, 2 * X, X], axis=1)
    same = F.avg_pool3d(
        torch.from_numpy(np.moveaxis(volume, -1, 1).copy()), 3, 2, 1, count_include_pad=False
    )
    return pool(keras.ops.cast(volume, "float32")), last(same)


def pooled_volumes() -> tuple[Any, Any]:
    volume = np.stack([X, 2 * X, -X, X], axis=1)
    same = F.max_pool3d(torch.from_numpy(np.moveaxis(volume, -1, 1).copy()), 2)
    return made(pooling.MaxPooling3D, 2)(volume), last(same)


def stacked() -> tuple[Any, Any]:
    law = initializers.Stacked("zeros", "ones")
    again = initializers.Stacked.from_config(law.get_config())
    return again((2, 3)), np.repeat([[0.0], [1.0]], 3, axis=1)


def orthogonal() -> tuple[Any, Any]:
    kernel = np.asarray(initializers.DepthwiseOrthogonal()((2, 2, 3, 2), dtype="float32"))
    rows = kernel.reshape(4, 6)
    return rows @ rows.T, np.eye(4)


def replicated() -> tuple[Any, Any]:
    layer = made(padding.ReplicationPadding, ((1, 3), (2, 0)))
    return layer(X), last(F.pad(FIRST, (2, 0, 1, 3), mode="replicate"))


def slopes() -> tuple[Any, Any]:
    layer = made(activations.PReLU, alpha_initializer=keras.initializers.Constant(0.25))
    return layer(X), flat(F.leaky_relu(T, 0.25))


def before_lengths() -> tuple[Any, Any]:
    return recurrent.steps_before(SEQUENCE, np.array([2, 6])), np.arange(6) < [[2], [6]]


LINE = np.linspace(-1.0, 1.5, 6)


def largest(k: int, axis: int) -> tuple[Any, Any]:
    """Return the k largest elements, of equal ones the first, and their places."""
    places = np.take(np.argsort(-X, axis=axis, kind="stable"), range(k), axis)
    return np.take_along_axis(X, places, axis), places


def sampled() -> tuple[Any, Any]:
    """Return what is drawn around a mean of 1: its mean and deviation."""
    layer = made(arithmetic.Sampling, 2.0)
    mean = np.ones((1000, 100))
    assert np.array_equal(layer(mean, mean), mean)
    drawn = np.asarray(layer(mean, np.full(mean.shape, np.log(0.25)), training=True))
    return np.round([drawn.mean(), drawn.std()], 1), [1.0, 1.0]


def varying(cls: type[Any], stock: type[Any], axes: int, *given: Any) -> tuple[Any, Any]:
    """Return what a layer gives by its own window and by another, and what Keras's two give."""
    x = X[0] if axes == 1 else X if axes == 2 else np.stack([X, X + 1.0, 2 * X], axis=1)
    layer = made(cls, *given, 3)
    own = layer(x)
    same = [stock(*given, 3, dtype="float64"), stock(*given, 3, strides=2, dtype="float64")]
    for each in same:
        each.build(x.shape)
        each.set_weights(layer.get_weights())
    return (own, layer(x, strides=2)), tuple(each(x) for each in same)


KERAS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "gelu": lambda: (gelu.gelu(X), flat(F.gelu(T))),
    "gelu_tanh": lambda: (gelu.gelu_tanh(X), flat(F.gelu(T, approximate="tanh"))),
    "DepthwiseOrthogonal": orthogonal,
    "Stacked": stacked,
    "GroupedConvTranspose": conv_transpose,
    "ActivationWith": lambda: (
        made(activations.ActivationWith, activations.celu, {"alpha": 0.5})(X),
        flat(F.celu(T, 0.5)),
    ),
    "selu": lambda: (activations.selu(X), flat(F.selu(T))),
    "celu": lambda: (activations.celu(X, 0.7), flat(F.celu(T, 0.7))),
    "softmin": lambda: (activations.softmin(X, axis=1), flat(F.softmin(T, dim=1))),
    "many_axes_softmax": lambda: (activations.many_axes_softmax(X), flat(T.softmax(-1))),
    "swiglu": lambda: (activations.swiglu(X), flat(gated.swiglu(T))),
    "PReLU": slopes,
    "SinglePReLU": lambda: (made(activations.SinglePReLU, "ones")(X), X),
    "ElementPReLU": lambda: (made(activations.ElementPReLU, "ones")(X), X),
    "UnitNormalization": lambda: (
        made(activations.UnitNormalization, epsilon=0.1)(X),
        flat(F.normalize(T, dim=-1, eps=0.1)),
    ),
    "Sampling": sampled,
    "LocalResponseNormalization": lambda: (
        made(activations.LocalResponseNormalization, 3, alpha=0.5)(X),
        last(F.local_response_norm(FIRST, 3, alpha=0.5)),
    ),
    "TopK": lambda: (made(grids.TopK, 2, axis=1)(X), largest(2, 1)),
    "Take": lambda: (
        made(indexing.Take, axis=2)(X, PLACES),
        np.stack([X[i][:, PLACES[i]] for i in range(2)]),
    ),
    "Arange": lambda: (made(grids.Arange, axis=2)(X), np.tile(np.arange(6), (2, 1))),
    "CoordinateGrid": lambda: (
        made(grids.CoordinateGrid, -1.0, 1.5, axis=-1)(X),
        np.tile(np.stack(np.meshgrid(LINE, LINE, indexing="ij"), axis=-1), (2, 1, 1, 1)),
    ),
    "SequenceMask": lambda: (made(grids.SequenceMask, 4)(IDS), np.arange(4) < IDS[..., None]),
    "WholeNumbers": lambda: (
        made(embedding.WholeNumbers, [1, 2], "int64")(X),
        np.tile(np.array([1, 2]), (2, 1)),
    ),
    "Rescale": lambda: (made(arithmetic.Rescale, 0.3, offset=2.0)(X), X * 0.3 + 2.0),
    "Bias": biased,
    "Embedding": embedded,
    "ReversibleEmbedding": reversible,
    "PositionEmbedding": positions,
    "SinusoidalPosition": lambda: (
        made(embedding.SinusoidalPosition)(SEQUENCE),
        flat(positions_of_torch.SinusoidalPosition(4, 6)(T[:, :, 0])),
    ),
    "RotaryPosition": lambda: (
        made(embedding.RotaryPosition)(SEQUENCE),
        flat(positions_of_torch.RotaryPosition(4, 6)(T[:, :, 0])),
    ),
    "LearnedTensor": learned,
    "ConstantTensor": lambda: (
        made(embedding.ConstantTensor, [1.0, 2.0])(SEQUENCE),
        flat(tensors.ConstantTensor([1.0, 2.0])(T)),
    ),
    **dict.fromkeys(
        ("Varying", "VaryingConv2D"),
        lambda: varying(windows.VaryingConv2D, keras.layers.Conv2D, 2, 5),
    ),
    "VaryingConv1D": lambda: varying(windows.VaryingConv1D, keras.layers.Conv1D, 1, 5),
    "VaryingConv3D": lambda: varying(windows.VaryingConv3D, keras.layers.Conv3D, 3, 5),
    "VaryingDepthwiseConv1D": lambda: varying(
        windows.VaryingDepthwiseConv1D, keras.layers.DepthwiseConv1D, 1
    ),
    "VaryingDepthwiseConv2D": lambda: varying(
        windows.VaryingDepthwiseConv2D, keras.layers.DepthwiseConv2D, 2
    ),
    "SmoothResize": lambda: (
        made(resizing.SmoothResize, (3, 4), "bilinear")(X),
        last(F.interpolate(FIRST, (3, 4), mode="bilinear", antialias=True)),
    ),
    "steps_before": before_lengths,
    "without_mask": lambda: (recurrent.without_mask(keras.ops.convert_to_tensor(X)), X),
    "first_flipped": lambda: (recurrent.first_flipped(SEQUENCE, X)[0], SEQUENCE[:, ::-1]),
    "ReplicationPadding": replicated,
    "SamePadding": lambda: (
        made(padding.SamePadding, (4, 2), (4, 5))(X),
        np.pad(X, ((0, 0), (1, 1), (0, 1), (0, 0))),
    ),
    "MergeRows": lambda: (made(reshaping.MergeRows)(X), X.reshape(12, 6, 4)),
    "PartRows": lambda: (made(reshaping.PartRows)(X.reshape(12, 24), X), X.reshape(2, 6, 24)),
    "KeepingReshape": lambda: (
        made(reshaping.KeepingReshape, (None, -1), (3,))(X),
        X.reshape(2, 4, 36),
    ),
    "AdaptiveAveragePooling1D": lambda: (
        made(pooling.AdaptiveAveragePooling1D, 4)(SEQUENCE),
        last(F.adaptive_avg_pool1d(T[:, :, 0].transpose(1, 2), 4)),
    ),
    "AdaptiveAveragePooling2D": lambda: (
        made(pooling.AdaptiveAveragePooling2D, (4, 1))(X),
        last(F.adaptive_avg_pool2d(FIRST, (4, 1))),
    ),
    "AdaptiveMaxPooling1D": lambda: (
        made(pooling.AdaptiveMaxPooling1D, 4)(SEQUENCE),
        last(F.adaptive_max_pool1d(T[:, :, 0].transpose(1, 2), 4)),
    ),
    "AdaptiveMaxPooling2D": lambda: (
        made(pooling.AdaptiveMaxPooling2D, (4, 5))(X),
        last(F.adaptive_max_pool2d(FIRST, (4, 5))),
    ),
    "average_pooling1d": averaged_lines,
    "average_pooling2d": averaged,
    "average_pooling3d": averaged_volumes,
    "MaxPooling3D": pooled_volumes,
    "Resize": lambda: (
        made(resizing.Resize, (9, 4), "bicubic")(X),
        last(F.interpolate(FIRST, (9, 4), mode="bicubic")),
    ),
    "DynamicResize": lambda: (
        tuple(
            made(resizing.DynamicResize, **settings)(X)
            for settings in (
                {"scale": (3, 2)},
                {"size": (9, 4), "interpolation": "bicubic"},
                {"scale": (1, 2), "interpolation": "bilinear", "antialias": True},
                {"size": (4, 9), "interpolation": "bilinear", "align_corners": True},
            )
        ),
        tuple(
            last(F.interpolate(FIRST, size, mode=mode, **settings))
            for size, mode, settings in (
                ((9, 9), "nearest-exact", {}),
                ((9, 4), "bicubic", {}),
                ((3, 3), "bilinear", {"antialias": True}),
                ((4, 9), "bilinear", {"align_corners": True}),
            )
        ),
    ),
    "DynamicAdaptivePooling": lambda: (
        tuple(
            made(pooling.DynamicAdaptivePooling, (4, 5), largest=each)(X) for each in (False, True)
        ),
        (last(F.adaptive_avg_pool2d(FIRST, (4, 5))), last(F.adaptive_max_pool2d(FIRST, (4, 5)))),
    ),
    "NearestResize": lambda: (
        made(resizing.NearestResize, (9, 4))(X),
        last(F.interpolate(FIRST, (9, 4), mode="nearest-exact")),
    ),
    "PixelShuffle": lambda: (
        made(resizing.PixelShuffle, 2)(X),
        last(F.pixel_shuffle(FIRST, 2)),
    ),
    "PixelUnshuffle": lambda: (
        made(resizing.PixelUnshuffle, 2)(X),
        last(F.pixel_unshuffle(FIRST, 2)),
    ),
    "After": lambda: (ordering.After(dtype="float64")([X, 2 * X]), X),
}
ELSEWHERE = {
    "glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
    "glorot_uniform_", "glorot_normal_", "he_uniform_", "he_normal_",
    "lecun_uniform", "lecun_normal", "variance_scaling",
    "lecun_uniform_", "lecun_normal_", "variance_scaling_", "identity_",
    "MultiHeadAttention", "GroupedQueryAttention",
    "reverse_steps", "run_recurrent", "run_backwards", "swiglu",
    "SinusoidalPosition", "RotaryPosition", "GRUResetBefore",
    "by_gate", "tanh_step", "relu_step", "lstm_step", "gru_step", "reset_before_step",
    "run_dropping", "run_dropping_backwards", "WeightNormalization", "lengths_of",
    "ActivityRegularization", "collected",
}  # fmt: skip
"""Tested in test_snippets, test_specialised, test_recurrent, test_activity, or by Keras's."""


def assert_same(results: Any, expected: Any) -> None:
    if isinstance(results, tuple):
        for one, other in zip(results, expected, strict=True):
            assert_same(one, other)
        return
    array = np.asarray(results)
    tolerance = 1e-5 if array.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(array, expected, rtol=tolerance, atol=tolerance)


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", KERAS)
def test_a_definition_of_keras_computes_what_pytorch_or_numpy_does(name: str) -> None:
    assert_same(*KERAS[name]())


def separable(axes: int) -> tuple[Any, Any]:
    cls = (convolution.SeparableConv1d, convolution.SeparableConv2d)[axes - 1]
    layer = cls(4, 3, 3, padding=1, depth_multiplier=2).double()
    x = FIRST[..., 0] if axes == 1 else FIRST
    function = (F.conv1d, F.conv2d)[axes - 1]
    hidden = function(x, layer.depthwise.weight, padding=1, groups=4)
    same = function(hidden, layer.pointwise.weight, layer.pointwise.bias)
    return flat(layer(x)), flat(same)


def sampled_by_torch() -> tuple[Any, Any]:
    layer = regularization.Sampling(2.0)
    mean = torch.ones(100_000)
    torch.manual_seed(0)
    drawn = layer(mean, torch.full_like(mean, float(np.log(0.25))))
    assert torch.equal(layer.eval()(mean, mean), mean)
    return np.round([drawn.mean().item(), drawn.std().item()], 1), [1.0, 1.0]


def noisy(layer: nn.Module, mean: float, deviation: float) -> tuple[Any, Any]:
    """Return the mean and the deviation in training; at inference nothing changes."""
    x = torch.ones(100_000)
    torch.manual_seed(0)
    y = layer(x)
    assert torch.equal(layer.eval()(x), x)
    return np.round([y.mean().item(), y.std().item()], 2), [mean, deviation]


def moved() -> tuple[Any, Any]:
    layer = core.Bias(4)
    nn.init.constant_(layer.bias, 2.0)
    return flat(layer(T)), X + 2.0


TORCH: dict[str, Callable[[], tuple[Any, Any]]] = {
    "pad_same": lambda: (
        flat(convolution.pad_same(T, (4, 2), (4, 5), value=-1.0)),
        np.pad(X, ((0, 0), (0, 0), (1, 1), (0, 0)), constant_values=-1.0),
    ),
    "Bias": moved,
    "CenteredLayerNorm": lambda: (
        flat(core.CenteredLayerNorm((6, 4)).double()(T)),
        flat(F.layer_norm(T, (6, 4))),
    ),
    "ElementPReLU": lambda: (
        flat(core.ElementPReLU(6, 6, 4)(T)),
        np.where(X > 0, X, 0.25 * X),
    ),
    "SeparableConv1d": lambda: separable(1),
    "SeparableConv2d": lambda: separable(2),
    "LearnedTensor": lambda: (flat(tensors.LearnedTensor(3, 2)(T)), np.zeros((2, 3, 2))),
    "ConstantTensor": lambda: (flat(tensors.ConstantTensor([1.0])(T)), np.ones((2, 1))),
    "GaussianDropout": lambda: noisy(regularization.GaussianDropout(0.2), 1.0, 0.5),
    "Sampling": sampled_by_torch,
    "stable_top_k": lambda: (tuple(map(flat, tensors.stable_top_k(T, 3, 2))), largest(3, 2)),
    "coordinate_grid": lambda: (
        flat(tensors.coordinate_grid(FIRST, -1.0, 1.5, 1)),
        np.tile(np.stack(np.meshgrid(LINE, LINE, indexing="ij")), (2, 1, 1, 1)),
    ),
    "GaussianNoise": lambda: noisy(regularization.GaussianNoise(0.3), 1.0, 0.3),
}


@pytest.mark.parametrize("name", TORCH)
def test_a_definition_of_pytorch_computes_its_formula(name: str) -> None:
    assert_same(*TORCH[name]())


def test_every_helper_runs_where_it_stands() -> None:
    assert OF_KERAS.keys() - KERAS.keys() <= ELSEWHERE
    assert OF_TORCH.keys() - TORCH.keys() <= ELSEWHERE
