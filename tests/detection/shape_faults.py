"""Dense layers, arithmetic and changes of shape that one source backend expresses wrongly."""

from __future__ import annotations

import numpy as np

from tests.detection.framework import layer, network
from tests.detection.patches import fields, forward, parameter
from tests.detection.suspects import IMAGE, VECTOR, bent, fault, sequence

FAULTS = (
    fault(
        "flatten channels last",
        "torch",
        "layout",
        network(
            IMAGE,
            layer("conv2d", "before", filters=4, kernel_size=3),
            layer("flatten", "suspect"),
            layer("dense", "after", units=3),
        ),
        forward("torch", "flatten", "torch.flatten({0}.permute(0, 2, 3, 1), 1)"),
    ),
    fault(
        "dense transposed",
        "keras",
        "weights",
        network(
            VECTOR, layer("dense", "suspect", units=6), "tanh", layer("dense", "after", units=3)
        ),
        parameter("keras", "suspect.weight", np.transpose),
    ),
    fault(
        "bias left out",
        "torch",
        "bias",
        network(
            VECTOR, layer("dense", "suspect", units=5), "tanh", layer("dense", "after", units=3)
        ),
        forward(
            "torch",
            "dense",
            "({module}({0}) if {module}.out_features != 5 else F.linear({0}, {module}.weight))",
        ),
    ),
    fault(
        "bias twice",
        "keras",
        "bias",
        network(
            VECTOR, layer("dense", "suspect", units=5), "tanh", layer("dense", "after", units=3)
        ),
        parameter("keras", "suspect.bias", lambda bias: 2 * bias),
    ),
    fault(
        "permute reversed",
        "torch",
        "layout",
        network(
            {"x": [3, 4, 5]},
            layer("permute", "suspect", axes=[1, 2, 0]),
            "flatten",
            layer("dense", "after", units=3),
        ),
        forward("torch", "permute", "{forward}.flip(1)"),
    ),
    fault(
        "concatenate order",
        "torch",
        "layout",
        network(
            {"x": [4], "y": [4]},
            layer("concatenate", "suspect", "x", "y"),
            layer("dense", "after", units=3),
        ),
        forward("torch", "concatenate", "torch.cat(({1}, {0}), dim=1)"),
    ),
    fault(
        "subtract order",
        "torch",
        "layout",
        network(
            {"x": [4], "y": [4]},
            layer("subtract", "suspect", "x", "y"),
            layer("dense", "after", units=3),
        ),
        forward("torch", "subtract", "{1} - {0}"),
    ),
    fault(
        "variance unbiased",
        "torch",
        "constant",
        sequence("reduce_variance", axes=[-1], keepdims=True),
        forward("torch", "reduce_variance", "torch.var({0}, dim=-1, keepdim=True)"),
    ),
    fault(
        "norm epsilon",
        "torch",
        "constant",
        sequence("reduce_norm", axes=[-1], keepdims=True, epsilon=1e-3),
        fields("torch", "reduce_norm", epsilon=0.0),
    ),
    fault(
        "split order",
        "torch",
        "layout",
        network(
            {"x": [6]},
            layer("split", "suspect", sizes=[3, 3]),
            layer("subtract", "taken", "suspect", "suspect.1"),
            layer("dense", "after", units=3),
        ),
        forward("torch", "split", "torch.chunk({0}, 2, dim=-1)[::-1]"),
    ),
    fault(
        "cast rounds",
        "torch",
        "rounding",
        network(
            VECTOR, layer("rescaling", "scaled", scale=3.0), layer("cast", "suspect", dtype="int32")
        ),
        forward("torch", "cast", "torch.round({0}).to(torch.int32)"),
    ),
    fault(
        "argmax over another axis",
        "torch",
        "axis",
        network({"x": [5, 5]}, layer("argmax", "suspect", axis=-1)),
        forward("torch", "argmax", "torch.argmax({0}, dim=1)"),
    ),
    fault(
        "clip limits",
        "torch",
        "constant",
        bent("clip", min_value=-0.5, max_value=0.5),
        forward("torch", "clip", "{0}.clamp(-0.5, 0.6)"),
    ),
    fault(
        "rescaling offset first",
        "torch",
        "constant",
        bent("rescaling", scale=2.0, offset=0.5),
        forward("torch", "rescaling", "({0} + 0.5) * 2.0"),
    ),
    fault(
        "power of the absolute value",
        "torch",
        "activation",
        bent("power", exponent=3.0),
        forward("torch", "power", "torch.abs({0}) ** 3.0"),
    ),
)
