"""Faults of the ONNX model that nnspec writes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.detection.framework import Inject, Injection, layer, network
from tests.detection.network_faults import attending, recurrent
from tests.detection.patches import attributes, constant, every, node, output, parameter
from tests.detection.suspects import bent, image, sequence


def fault(
    name: str, kind: str, spec: str, inject: Inject, layers: tuple[str, ...] = ("suspect",)
) -> Injection:
    return Injection(name, kind, "onnx", spec, inject, layers)


def renamed(op_type: str) -> Any:
    return lambda given: given._replace(op_type=op_type, attributes={})


def turned(given: Any) -> Any:
    return given._replace(inputs=tuple(reversed(given.inputs)))


FAULTS = (
    fault(
        "leaky slope by default",
        "attribute",
        bent("leaky_relu", negative_slope=0.2),
        attributes("LeakyRelu", alpha=None),
    ),
    fault(
        "elu alpha by default", "attribute", bent("elu", alpha=0.5), attributes("Elu", alpha=None)
    ),
    fault("selu alpha", "attribute", bent("selu"), attributes("Selu", alpha=1.6)),
    fault(
        "hard sigmoid by default",
        "attribute",
        bent("hard_sigmoid"),
        attributes("HardSigmoid", alpha=None, beta=None),
    ),
    fault("gelu tanh", "attribute", bent("gelu"), attributes("Gelu", approximate="tanh")),
    fault("softmax axis", "axis", sequence("softmax"), attributes("Softmax", axis=1)),
    fault(
        "shrink by default",
        "attribute",
        bent("hard_shrink", threshold=0.3),
        attributes("Shrink", lambd=None),
    ),
    fault("clip above", "attribute", bent("hard_tanh"), constant("high", lambda x: x * 1.01)),
    fault("mish as softplus", "operator", bent("mish"), node("Mish", renamed("Softplus"))),
    fault(
        "sigmoid as hard sigmoid",
        "operator",
        bent("sigmoid"),
        node("Sigmoid", renamed("HardSigmoid")),
    ),
    fault(
        "difference turned",
        "layout",
        network(
            {"x": [4], "y": [4]},
            layer("subtract", "suspect", "x", "y"),
            layer("dense", "after", units=3),
        ),
        node("Sub", turned),
    ),
    fault(
        "batch norm epsilon",
        "attribute",
        image("batch_normalization"),
        attributes("BatchNormalization", epsilon=1e-3),
    ),
    fault(
        "layer norm epsilon",
        "attribute",
        sequence("layer_normalization"),
        attributes("LayerNormalization", epsilon=1e-3),
    ),
    fault(
        "group norm groups",
        "attribute",
        image("group_normalization", groups=2),
        attributes("GroupNormalization", num_groups=1),
    ),
    fault(
        "pads turned",
        "padding",
        image("conv2d", filters=3, kernel_size=3, strides=2, padding="same"),
        attributes("Conv", pads=lambda pads: (*pads[2:], *pads[:2]) if pads else pads),
    ),
    fault(
        "dilations left out",
        "attribute",
        image("conv2d", filters=3, kernel_size=3, dilation_rate=2, padding=2),
        attributes(
            "Conv",
            dilations=lambda given: (1, 1) if given else None,
            pads=lambda pads: (1, 1, 1, 1),
        ),
    ),
    fault(
        "average counts padding",
        "attribute",
        image("average_pooling2d", pool_size=3, strides=2, padding="same"),
        attributes("AveragePool", count_include_pad=1),
    ),
    fault(
        "perm left out",
        "layout",
        network(
            {"x": [3, 3, 3]},
            layer("permute", "suspect", axes=[1, 2, 0]),
            "flatten",
            layer("dense", "after", units=3),
        ),
        attributes("Transpose", perm=(0, 1, 2, 3)),
    ),
    fault(
        "resize nearest one before",
        "rounding",
        image("resize", size=[9, 11], interpolation="nearest"),
        constant("suspect.columns", lambda x: np.maximum(x - 1, 0)),
    ),
    fault(
        "depth to space order",
        "layout",
        image("pixel_shuffle", before=8, upscale_factor=2),
        attributes("DepthToSpace", mode="DCR"),
    ),
    fault(
        "gru resets after the product",
        "attribute",
        recurrent("gru", reset_after=False),
        attributes("GRU", linear_before_reset=1),
    ),
    fault(
        "gru resets before the product",
        "attribute",
        recurrent("gru"),
        attributes("GRU", linear_before_reset=0),
    ),
    fault(
        "lstm direction", "attribute", recurrent("lstm"), attributes("LSTM", direction="reverse")
    ),
    fault(
        "rnn activation",
        "attribute",
        recurrent("simple_rnn"),
        attributes("RNN", activations=("Relu",)),
    ),
    fault(
        "causal mask shifted",
        "mask",
        attending(causal=True),
        constant("suspect.bias", lambda x: np.roll(x, 1, axis=-1)),
    ),
    fault(
        "gemm not turned",
        "weights",
        network(
            {"x": [6]}, layer("dense", "suspect", units=6), "tanh", layer("dense", "after", units=3)
        ),
        parameter("onnx", "suspect.weight", np.transpose),
    ),
    fault(
        "bias left out",
        "bias",
        network(
            {"x": [6]}, layer("dense", "suspect", units=6), "tanh", layer("dense", "after", units=3)
        ),
        parameter("onnx", "suspect.bias", np.zeros_like),
    ),
    fault(
        "concatenation turned",
        "layout",
        network(
            {"x": [4], "y": [4]},
            layer("concatenate", "suspect", "x", "y"),
            layer("dense", "after", units=3),
        ),
        node("Concat", turned),
    ),
    fault(
        "reduction keeps no axis",
        "axis",
        sequence("reduce_mean", axes=[-1], keepdims=True),
        node("ReduceMean", lambda given: given._replace(op_type="ReduceMax")),
    ),
    fault(
        "argmax over another axis",
        "axis",
        network({"x": [5, 5]}, layer("argmax", "suspect", axis=-1)),
        attributes("ArgMax", axis=1),
    ),
    fault(
        "cast to int32",
        "dtype",
        network({"x": [5]}, layer("cast", "suspect", dtype="int64")),
        attributes("Cast", to=6),
        (),
    ),
    fault(
        "outputs off by 1e-8",
        "scale",
        bent("tanh"),
        output(
            "onnx", every(lambda array: array * (1 + 1e-8) if array.dtype == np.float64 else array)
        ),
        (),
    ),
)
