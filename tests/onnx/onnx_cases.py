"""Networks of one or a few layers: what each lowering is tried on."""

import json
from itertools import count

import numpy as np

from nnspec.network.loader import loads
from nnspec.weights.canonical import initial_weights

FIRST, LAST = "channels_first", "channels_last"


def spec_of(layers, *, inputs=(5,), data_format=FIRST, name="Case", **more):
    """Return a checked spec; `inputs` is the shape of "x1", or shapes by name."""
    shapes = inputs if isinstance(inputs, dict) else {"x1": inputs}
    document = {
        "nnspec": 1,
        "name": name,
        "data_format": data_format,
        "inputs": {key: {"shape": list(shape)} for key, shape in shapes.items()},
        "layers": list(layers),
        **more,
    }
    return loads(json.dumps(document), is_json=True)


def image(shape, data_format):
    """Return a channels_first shape in this data format."""
    return shape if data_format == FIRST else (*shape[1:], shape[0])


def random_weights(graph, seed):
    """Return first weights with everything that starts as 0 or 1 moved off it."""
    rng = np.random.default_rng(seed)
    weights = initial_weights(graph, seed)
    for key, value in weights.items():
        if key.endswith("running_var"):
            weights[key] = rng.uniform(0.01, 2.0, value.shape)
        else:
            weights[key] = value + 0.3 * rng.normal(size=value.shape)
    return weights


def random_inputs(graph, seed, batch=3, sizes=None):
    """Return normal inputs times 2; named axes take `sizes`, or 4, 5, ... in turn."""
    rng = np.random.default_rng(seed)
    fresh = count(4)
    sizes = dict(sizes or {})
    result = {}
    for key, kind in graph.inputs.items():
        shape = [
            sizes.setdefault(size, next(fresh)) if isinstance(size, str) else size
            for size in kind.shape
        ]
        result[key] = 2 * rng.normal(size=(batch, *shape))
    return result


def _of_image(shape, *settings, data_format, kind):
    return [
        (f"{kind}-{data_format}-{i}", [{"type": kind, **setting}], image(shape, data_format))
        for i, setting in enumerate(settings)
    ]


CONVOLUTIONS = (
    {"filters": 3, "kernel_size": 1},
    {"filters": 6, "kernel_size": [3, 2], "use_bias": False},
    {"filters": 4, "kernel_size": [2, 3], "padding": "same"},
    {"filters": 4, "kernel_size": 3, "padding": "same", "strides": 2, "activation": "relu"},
    {"filters": 4, "kernel_size": 2, "padding": "same", "strides": [3, 2]},
    {"filters": 4, "kernel_size": 3, "padding": "same", "dilation_rate": [2, 1]},
    {"filters": 4, "kernel_size": 2, "strides": 2, "dilation_rate": 3, "padding": 1},
    {"filters": 8, "kernel_size": 3, "groups": 2, "padding": [[0, 2], [1, 0]]},
    {"filters": 4, "kernel_size": 3, "groups": 4, "activation": "silu"},
    {"filters": 2, "kernel_size": [7, 9], "activation": {"type": "softmax", "axis": 1}},
)
POOLINGS = (
    {},
    {"pool_size": [3, 2], "strides": 1},
    {"pool_size": 3, "strides": 2, "padding": "same"},
    {"pool_size": [2, 3], "strides": [1, 2], "padding": "same"},
    {"pool_size": 3, "strides": [2, 1], "padding": [[0, 2], [1, 0]]},
    {"pool_size": [7, 9]},
)
NORMALIZATIONS = (
    {},
    {"epsilon": 0.1, "momentum": 0.3},
    {"affine": False},
)
ACTIVATIONS = (
    {"type": "linear"},
    {"type": "relu"},
    {"type": "leaky_relu"},
    {"type": "leaky_relu", "negative_slope": 0.3},
    {"type": "leaky_relu", "negative_slope": 0.0},
    {"type": "elu"},
    {"type": "elu", "alpha": 0.7},
    {"type": "sigmoid"},
    {"type": "tanh"},
    {"type": "softmax"},
    {"type": "gelu"},
    {"type": "gelu", "approximate": True},
    {"type": "silu"},
)


def layer_cases():
    """Return (id, layers, input shapes, data format) for every layer in several settings."""
    cases = []
    for data_format in (FIRST, LAST):
        found = []
        shape = (4, 7, 9)
        found += _of_image(shape, *CONVOLUTIONS, data_format=data_format, kind="conv2d")
        for kind in ("max_pooling2d", "average_pooling2d"):
            found += _of_image(shape, *POOLINGS, data_format=data_format, kind=kind)
        found += _of_image(shape, {}, data_format=data_format, kind="global_average_pooling2d")
        found += _of_image((3, 1, 1), {}, data_format=data_format, kind="flatten")
        found += _of_image(shape, {}, data_format=data_format, kind="flatten")
        kind = "batch_normalization"
        for rank in range(1, 5):
            sizes = (4, 3, 2, 5)[:rank]
            for i, setting in enumerate(NORMALIZATIONS):
                key = f"{kind}-{data_format}-{rank}-{i}"
                found.append((key, [{"type": kind, **setting}], image(sizes, data_format)))
        for axis in (None, 0, 1, 2, -1, -3):
            layers = [
                {"name": "c1", "type": "conv2d", "filters": 3, "kernel_size": 3, "padding": 1},
                {"name": "cat", "type": "concatenate", "inputs": ["c1", "x1"], "axis": axis},
            ]
            if axis is None:
                del layers[1]["axis"]
            found.append(
                (f"concatenate-{data_format}-{axis}", layers, image((3, 4, 5), data_format))
            )
        cases += [(key, layers, sizes, data_format) for key, layers, sizes in found]
    for i, activation in enumerate(ACTIVATIONS):
        for sizes in ((5,), (3, 4), (2, 3, 4)):
            cases.append((f"{activation['type']}-{i}-{len(sizes)}", [activation], sizes, FIRST))
            dense = {"type": "dense", "units": 4, "activation": activation}
            if len(sizes) < 3:
                cases.append(
                    (f"fused-{activation['type']}-{i}-{len(sizes)}", [dense], sizes, FIRST)
                )
    for axis in (0, 1, -2):
        softmax = {"type": "softmax", "axis": axis}
        for data_format in (FIRST, LAST):
            cases.append((f"softmax-{data_format}-{axis}", [softmax], (3, 4, 2), data_format))
    for bias in (True, False):
        for sizes in ((5,), (1,), (3, 5), ("time", 5), (2, 3, 4, 5)):
            dense = {"type": "dense", "units": 3, "use_bias": bias}
            cases.append((f"dense-{bias}-{len(sizes)}-{sizes[0]}", [dense], sizes, FIRST))
    for target in ((12,), (3, 4), (2, 3, 2), (-1, 2), (4, -1), (2, 6)):
        cases.append((f"reshape-{target}", [{"type": "reshape", "shape": target}], (2, 6), LAST))
    cases.append(("flatten-vector", [{"type": "flatten"}], (4,), FIRST))
    cases.append(("flatten-scalar", [{"type": "flatten"}], (), FIRST))
    cases.append(("dropout", [{"type": "dropout", "rate": 0.5}], (4,), FIRST))
    for kind in ("add", "multiply"):
        for number in (2, 3, 4):
            inputs = {f"x{i}": (3, "time") for i in range(1, number + 1)}
            layer = {"type": kind, "inputs": list(inputs)}
            cases.append((f"{kind}-{number}", [layer], inputs, FIRST))
        layer = {"type": kind, "inputs": ["x1", "x1"]}
        cases.append((f"{kind}-itself", [layer], (3,), FIRST))
    inputs = {"x1": (2,), "x2": (3,), "x3": (4,)}
    cases.append(
        ("concatenate-vectors", [{"type": "concatenate", "inputs": list(inputs)}], inputs, FIRST)
    )
    return cases
