"""Specs of a few layers, and what PyTorch's functions make of them."""

import json
import math

import numpy as np
import torch
import torch.nn.functional as F

from nnspec.network.loader import loads
from nnspec.weights.canonical import initial_weights

FIRST, LAST = "channels_first", "channels_last"


def spec_of(layers, *, inputs=(5,), data_format=FIRST, name="Case", **more):
    """Return a checked spec; `inputs` is the shape of "image", or shapes by name."""
    shapes = inputs if isinstance(inputs, dict) else {"image": inputs}
    document = {
        "nnspec": 1,
        "name": name,
        "data_format": data_format,
        "inputs": {key: {"shape": list(shape)} for key, shape in shapes.items()},
        "layers": list(layers),
        **more,
    }
    return loads(json.dumps(document), is_json=True)


def random_weights(graph, seed=0):
    """Return weights with everything that starts as 0 or 1 moved off it."""
    rng = np.random.default_rng(seed)
    weights = initial_weights(graph, seed)
    for key, value in weights.items():
        if key.endswith("running_var"):
            weights[key] = rng.uniform(0.5, 2.0, value.shape)
        else:
            weights[key] = value + rng.normal(0, 0.3, value.shape)
    return weights


def arrays_of(graph, batch=4, seed=0):
    """Return random inputs of a graph; every dynamic axis is 6 long."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(size=(batch, *(6 if isinstance(n, str) else n for n in kind.shape)))
        for name, kind in graph.inputs.items()
    }


def same(size, window, stride, dilation=1):
    """Return (begin, end) of TensorFlow's "same", by counting windows."""
    span = (window - 1) * dilation + 1
    needed = (math.ceil(size / stride) - 1) * stride + span
    total = max(needed - size, 0)
    return total // 2, total - total // 2


def padded(x, pads, value=0.0):
    """Pad height and width of a channels_first image."""
    (top, bottom), (left, right) = pads
    return F.pad(x, (left, right, top, bottom), value=value)


ACTIVATIONS = {
    "linear": ({}, lambda z: z),
    "relu": ({}, torch.relu),
    "leaky_relu": ({"negative_slope": 0.25}, lambda z: F.leaky_relu(z, 0.25)),
    "leaky_relu_default": ({}, lambda z: F.leaky_relu(z, 0.01)),
    "elu": ({}, F.elu),
    "elu_alpha": ({"alpha": 0.3}, lambda z: F.elu(z, 0.3)),
    "sigmoid": ({}, torch.sigmoid),
    "tanh": ({}, torch.tanh),
    "softmax": ({}, lambda z: torch.softmax(z, -1)),
    "gelu": ({}, F.gelu),
    "gelu_tanh": ({"approximate": True}, lambda z: F.gelu(z, approximate="tanh")),
    "silu": ({}, F.silu),
}


def activation_of(case):
    """Return the spec of an activation, and its function."""
    fields, function = ACTIVATIONS[case]
    kind = case.removesuffix("_default").removesuffix("_alpha")
    return {"type": "gelu" if kind == "gelu_tanh" else kind, **fields}, function


def convolution(x, weights, *, name="layer", strides=(1, 1), dilation=(1, 1), groups=1, pads=None):
    """Convolve a channels_first image; `pads` None is "same"."""
    weight = weights[f"{name}.weight"]
    if pads is None:
        pads = [
            same(x.shape[2 + i], weight.shape[2 + i], strides[i], dilation[i]) for i in range(2)
        ]
    bias = weights.get(f"{name}.bias")
    return F.conv2d(padded(x, pads), weight, bias, strides, 0, dilation, groups)


def average_pool(x, window, strides, pads):
    """Mean of each window of a channels_first image, padding not counted."""
    total = F.avg_pool2d(padded(x, pads), window, strides)
    return total / F.avg_pool2d(padded(torch.ones_like(x), pads), window, strides)


NONE = ((0, 0), (0, 0))

# name -> (fields of the layer, function of a channels_first image and the weights)
IMAGE_LAYERS = {
    "conv_valid": (
        {"type": "conv2d", "filters": 4, "kernel_size": 3},
        lambda x, w: convolution(x, w, pads=NONE),
    ),
    "conv_same": (
        {"type": "conv2d", "filters": 4, "kernel_size": [3, 2], "padding": "same"},
        convolution,
    ),
    "conv_same_strided": (
        {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same", "strides": 2},
        lambda x, w: convolution(x, w, strides=(2, 2)),
    ),
    "conv_same_unequal_strides": (
        {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same", "strides": [1, 2]},
        lambda x, w: convolution(x, w, strides=(1, 2)),
    ),
    "conv_explicit": (
        {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": [[2, 0], [1, 2]]},
        lambda x, w: convolution(x, w, pads=((2, 0), (1, 2))),
    ),
    "conv_one_pad": (
        {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": 2, "strides": 2},
        lambda x, w: convolution(x, w, pads=((2, 2), (2, 2)), strides=(2, 2)),
    ),
    "conv_dilated": (
        {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same", "dilation_rate": 2},
        lambda x, w: convolution(x, w, dilation=(2, 2)),
    ),
    "conv_strided_dilated": (
        {
            "type": "conv2d",
            "filters": 4,
            "kernel_size": 3,
            "padding": "same",
            "strides": [2, 1],
            "dilation_rate": 2,
        },
        lambda x, w: convolution(x, w, strides=(2, 1), dilation=(2, 2)),
    ),
    "conv_grouped": (
        {"type": "conv2d", "filters": 6, "kernel_size": 3, "groups": 3, "use_bias": False},
        lambda x, w: convolution(x, w, pads=NONE, groups=3),
    ),
    "max_pool": ({"type": "max_pooling2d"}, lambda x, w: F.max_pool2d(x, 2)),
    "max_pool_same": (
        {"type": "max_pooling2d", "pool_size": 3, "strides": 2, "padding": "same"},
        lambda x, w: F.max_pool2d(padded(x, [same(n, 3, 2) for n in x.shape[2:]], -math.inf), 3, 2),
    ),
    "max_pool_explicit": (
        {"type": "max_pooling2d", "pool_size": 3, "strides": 2, "padding": [[2, 1], [0, 2]]},
        lambda x, w: F.max_pool2d(padded(x, ((2, 1), (0, 2)), -math.inf), 3, 2),
    ),
    "average_pool": ({"type": "average_pooling2d"}, lambda x, w: F.avg_pool2d(x, 2)),
    "average_pool_same": (
        {"type": "average_pooling2d", "pool_size": 3, "strides": 2, "padding": "same"},
        lambda x, w: average_pool(x, 3, 2, [same(n, 3, 2) for n in x.shape[2:]]),
    ),
    "average_pool_explicit": (
        {"type": "average_pooling2d", "pool_size": 3, "strides": 1, "padding": [[2, 1], [0, 2]]},
        lambda x, w: average_pool(x, 3, 1, ((2, 1), (0, 2))),
    ),
    "global_average_pool": (
        {"type": "global_average_pooling2d"},
        lambda x, w: x.mean((2, 3)),
    ),
    "batch_norm": (
        {"type": "batch_normalization", "epsilon": 1e-3},
        lambda x, w: F.batch_norm(
            x,
            w["layer.running_mean"],
            w["layer.running_var"],
            w["layer.weight"],
            w["layer.bias"],
            eps=1e-3,
        ),
    ),
    "batch_norm_bare": (
        {"type": "batch_normalization", "affine": False},
        lambda x, w: F.batch_norm(x, w["layer.running_mean"], w["layer.running_var"], eps=1e-5),
    ),
    "dropout": ({"type": "dropout", "rate": 0.0}, lambda x, w: x),
    "softmax_channels": ({"type": "softmax", "axis": "channels"}, lambda x, w: x.softmax(1)),
    "add": ({"type": "add", "inputs": ["first", "first"]}, lambda x, w: x + x),
    "concatenate": (
        {"type": "concatenate", "inputs": ["first", "first"]},
        lambda x, w: torch.cat((x, x), 1),
    ),
}
