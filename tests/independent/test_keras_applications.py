"""Networks of the zoo are what Keras Applications computes by these names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import pytest

from nnspec.network.loader import Spec
from nnspec_keras.precision import precision
from tests.independent.agreement import (
    Array,
    assert_agree,
    images,
    renamed,
    softmax,
    with_scores,
    zoo,
)
from tests.independent.keras_models import (
    BATCH,
    CLASSES,
    application,
    as_pytorch,
    prefixed,
    randomize,
    settle,
)


@pytest.fixture(autouse=True)
def _in_float64() -> Iterator[None]:
    with precision("float64"):
        yield


def assert_same(model: Any, spec: Spec, weights: Mapping[str, Array]) -> None:
    given = images(spec.name, BATCH, *model.input_shape[1:])
    scores = np.asarray(model(given, training=False))
    if spec.graph.data_format == "channels_first":
        given = np.ascontiguousarray(given.transpose(0, 3, 1, 2))
    expected = {"scores": scores, "probabilities": softmax(scores)}
    assert_agree(with_scores(spec), weights, {"image": given}, expected)


@pytest.mark.slow
def test_vgg16() -> None:
    model = application("VGG16", 64)
    randomize(model)
    settle(model)
    weights = as_pytorch(model)
    # Theirs flattens (height, width, channels), ours (channels, height, width).
    by_place = weights["fc1.weight"].reshape(4096, 2, 2, 512)
    weights["fc1.weight"] = by_place.transpose(0, 3, 1, 2).reshape(4096, -1)
    depths = {1: 2, 2: 2, 3: 3, 4: 3, 5: 3}
    names = {
        **{
            f"block{i}_conv{j}": f"block{i}.conv{j}"
            for i, depth in depths.items()
            for j in range(1, depth + 1)
        },
        "fc1": "fc1",
        "fc2": "fc2",
        "predictions": "scores",
    }
    assert_same(model, zoo("vgg16", image=64, classes=CLASSES), renamed(weights, names))


@pytest.mark.slow
def test_resnet50() -> None:
    model = application("ResNet50", 64)
    randomize(model)
    settle(model)
    weights = as_pytorch(model)
    # Theirs has biases before the batch normalisations, which are the same as other means.
    for name in [name for name in weights if name.endswith("_conv.bias")]:
        weights[name.replace("_conv.bias", "_bn.running_mean")] -= weights.pop(name)
    names = {"conv1_conv": "conv", "conv1_bn": "norm", "predictions": "scores"}
    inner = {
        "1_conv": "conv1",
        "1_bn": "norm1",
        "2_conv": "conv2",
        "2_bn": "norm2",
        "3_conv": "conv3",
        "3_bn": "norm3",
    }
    for stage, depth in enumerate((3, 4, 6, 3), start=1):
        theirs = f"conv{stage + 1}_block"
        projected = {**inner, "0_conv": "projection", "0_bn": "shortcut"}
        names |= prefixed(f"{theirs}1_", f"stage{stage}.first", projected)
        for i in range(depth - 1):
            names |= prefixed(f"{theirs}{i + 2}_", f"stage{stage}.rest.{i}", inner)
    assert_same(
        model,
        zoo("resnet50", first_strides=2, epsilon=1.001e-5, image=64, classes=CLASSES),
        renamed(weights, names),
    )


@pytest.mark.slow
def test_densenet121() -> None:
    model = application("DenseNet121", 64)
    randomize(model)
    settle(model)
    names = {
        "conv1_conv": "conv",
        "conv1_bn": "norm",
        "bn": "last_norm",
        "predictions": "scores",
    }
    inner = {"0_bn": "norm1", "1_conv": "conv1", "1_bn": "norm2", "2_conv": "conv2"}
    for block, depth in enumerate((6, 12, 24, 16), start=1):
        for i in range(depth):
            theirs, ours = f"conv{block + 1}_block{i + 1}_", f"block{block}.dense_layers.{i}"
            names |= prefixed(theirs, ours, inner)
    for block in (1, 2, 3):
        between = {"bn": "norm", "conv": "conv"}
        names |= prefixed(f"pool{block + 1}_", f"transition{block}", between)
    assert_same(
        model,
        zoo("densenet121", epsilon=1.001e-5, image=64, classes=CLASSES),
        renamed(as_pytorch(model), names),
    )


# Where a convolution has stride 2, Keras pads an even size at its end alone, as TensorFlow does;
# the zoo pads both sides alike, as PyTorch's implementations do. Odd sizes know no difference: 65,
# 33, 17, 9, 5, 3.


def test_mobilenet_v2() -> None:
    model = application("MobileNetV2", 65)
    randomize(model)
    settle(model)
    names = {
        "Conv1": "conv",
        "bn_Conv1": "norm",
        "expanded_conv_depthwise": "depthwise",
        "expanded_conv_depthwise_BN": "depthwise_norm",
        "expanded_conv_project": "project",
        "expanded_conv_project_BN": "project_norm",
        "Conv_1": "last_conv",
        "Conv_1_bn": "last_norm",
        "predictions": "scores",
    }
    blocks = [
        f"stage{stage}.{'first' if i == 0 else f'rest.{i - 1}'}"
        for stage, depth in {2: 2, 3: 3, 4: 4, 5: 3, 6: 3}.items()
        for i in range(depth)
    ]
    for number, ours in enumerate([*blocks, "stage7"], start=1):
        names |= prefixed(f"block_{number}_", ours, {
            "expand": "expand",
            "expand_BN": "norm1",
            "depthwise": "depthwise",
            "depthwise_BN": "norm2",
            "project": "project",
            "project_BN": "norm3",
        })  # fmt: skip
    assert_same(
        model,
        zoo("mobilenet_v2", epsilon=1e-3, image=65, classes=CLASSES),
        renamed(as_pytorch(model), names),
    )


def test_efficientnet_b0() -> None:
    whole = application("EfficientNetB0", 65)
    # Without the layers in front that turn bytes into normalised numbers.
    model = keras.Model(whole.get_layer("stem_conv_pad").input, whole.output)
    left_out = {type(layer).__name__ for layer in whole.layers} - {
        type(layer).__name__ for layer in model.layers
    }
    assert left_out == {"Rescaling", "Normalization"}
    randomize(model)
    settle(model)
    names = {
        "stem_conv": "conv",
        "stem_bn": "norm",
        "block1a_dwconv": "depthwise",
        "block1a_bn": "depthwise_norm",
        "block1a_se_reduce": "excitation.squeeze",
        "block1a_se_expand": "excitation.excite",
        "block1a_project_conv": "project",
        "block1a_project_bn": "project_norm",
        "top_conv": "last_conv",
        "top_bn": "last_norm",
        "predictions": "scores",
    }
    blocks = {"7a": "stage7"}
    for stage, depth in {2: 2, 3: 2, 4: 3, 5: 3, 6: 4}.items():
        blocks[f"{stage}a"] = f"stage{stage}.first"
        for i, letter in enumerate("bcd"[: depth - 1]):
            blocks[f"{stage}{letter}"] = f"stage{stage}.rest.{i}.inner"
    for theirs, ours in blocks.items():
        names |= prefixed(f"block{theirs}_", ours, {
            "expand_conv": "expand",
            "expand_bn": "norm1",
            "dwconv": "depthwise",
            "bn": "norm2",
            "se_reduce": "excitation.squeeze",
            "se_expand": "excitation.excite",
            "project_conv": "project",
            "project_bn": "norm3",
        })  # fmt: skip
    assert_same(
        model, zoo("efficientnet_b0", image=65, classes=CLASSES), renamed(as_pytorch(model), names)
    )


def gelu(x: Any) -> Any:
    return x * (1 + keras.ops.erf(x * 0.5**0.5)) / 2


def test_gelu_of_keras_is_the_same_but_for_a_constant_in_float32() -> None:
    """In float64 too it takes √½ as a float32: ConvNeXt is compared without that."""
    x = keras.ops.linspace(-6.0, 6.0, 101, dtype="float64")
    given = np.asarray(keras.activations.gelu(x))
    root = float(np.float32(0.5**0.5))
    explained = np.asarray(x * (1 + keras.ops.erf(x * root)) / 2)
    assert np.abs(given - explained).max() < 1e-14
    assert np.abs(given - np.asarray(gelu(x))).max() < 1e-8


@pytest.mark.slow
def test_convnext_t() -> None:
    # PyTorch's depthwise convolutions in float64 take half a minute for images twice as large.
    model = application("ConvNeXtTiny", 32, include_preprocessing=False)
    for layer in model.layers:
        if layer.name.endswith("_gelu"):
            layer.activation = gelu
    randomize(model)
    names = {
        "stem_conv": "stem",
        "stem_layernorm": "stem_norm",
        "head_layernorm": "norm",
        "head_dense": "scores",
    }
    for stage, depth in enumerate((3, 3, 9, 3)):
        for i in range(depth):
            names |= prefixed(f"stage_{stage}_block_{i}_", f"stage{stage + 1}.{i}", {
                "depthwise_conv": "depthwise",
                "layernorm": "norm",
                "pointwise_conv_1": "widen",
                "pointwise_conv_2": "narrow",
                "layer_scale": "scale",
            })  # fmt: skip
    for i in range(3):
        names[f"downsampling_layernorm_{i}"] = f"down{i + 2}.norm"
        names[f"downsampling_conv_{i}"] = f"down{i + 2}.conv"
    weights = renamed(
        as_pytorch(model), {f"convnext_tiny_{key}": value for key, value in names.items()}
    )
    # Theirs has dense layers where ours has convolutions of 1 x 1.
    for name in weights:
        if name.endswith((".widen.weight", ".narrow.weight")):
            weights[name] = weights[name][:, :, None, None]
    assert_same(model, zoo("convnext_t", image=32, classes=CLASSES), weights)
