"""Layers that are called again at other sizes, or with windows of their own."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Network


def siamese_sizes(
    name: str, layer: dict[str, Any], first: list[int | str], second: list[int | str]
) -> Network:
    """Return a network that calls one layer on sequences of two lengths, and joins them."""
    given = {"first": {"shape": first}, "second": {"shape": second}}
    layers = [
        {"name": "left", "inputs": ["first"], **layer},
        {"name": "right", "type": "shared", "layer": "left", "inputs": ["second"]},
        {"name": "one", "type": "reduce_mean", "axes": [0], "inputs": ["left"]},
        {"name": "other", "type": "reduce_max", "axes": [0], "inputs": ["right"]},
        {"name": "like", "type": "multiply", "inputs": ["one", "other"]},
    ]
    return Network(name, given, layers, (layer["units"],))


def varied(
    name: str,
    layer: dict[str, Any],
    size: list[int | str],
    calls: list[dict[str, Any]],
    pooling: str,
    features: int,
    **settings: Any,
) -> Network:
    """Return a network that calls one convolution with other windows too, and joins the means."""
    layers: list[dict[str, Any]] = [{"name": "conv", "inputs": ["given"], **layer}]
    layers += [
        {"name": f"call_{i}", "type": "shared", "inputs": ["given"], "layer": "conv", **call}
        for i, call in enumerate(calls)
    ]
    names = [str(each["name"]) for each in layers]
    layers += [{"name": f"{each}_mean", "type": pooling, "inputs": [each]} for each in names]
    joined = [f"{each}_mean" for each in names]
    layers.append({"name": "all_calls", "type": "concatenate", "inputs": joined})
    inputs = {"given": {"shape": size}}
    return Network(name, inputs, layers, (features * len(names),), **settings)


CASES: list[Network] = [
    varied(
        "shared_conv1d_other_window",
        {
            "type": "conv1d",
            "filters": 3,
            "kernel_size": 3,
            "padding": "causal",
            "activation": "tanh",
        },
        ["time", 2],
        [
            {"dilation_rate": 2},
            {"strides": 2, "padding": [2, 1]},
            {"layer": "call_0", "strides": 2},
        ],
        "global_average_pooling1d",
        3,
        data_format="channels_last",
    ),
    varied(
        "shared_conv2d_other_window",
        {"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same", "groups": 2},
        [2, 7, 6],
        [
            {"dilation_rate": 2},
            {"strides": 2},
            {"layer": "call_0", "strides": [2, 1]},
            {"strides": 1, "padding": "valid"},
        ],
        "global_max_pooling2d",
        4,
    ),
    varied(
        "shared_conv2d_other_window_any_size",
        {"type": "conv2d", "filters": 2, "kernel_size": 3, "use_bias": False},
        [2, "h", "w"],
        [{"strides": 2, "padding": "same"}, {"padding": [[1, 0], [0, 2]], "dilation_rate": [1, 2]}],
        "global_average_pooling2d",
        2,
    ),
    varied(
        "shared_conv3d_other_window",
        {"type": "conv3d", "filters": 2, "kernel_size": 2, "strides": 2},
        [4, 5, 6, 2],
        [{"strides": 1, "padding": "same"}, {"strides": 3, "padding": "same"}],
        "global_average_pooling3d",
        2,
        data_format="channels_last",
    ),
    varied(
        "shared_depthwise_conv1d_other_window",
        {"type": "depthwise_conv1d", "kernel_size": 3, "padding": "causal"},
        [3, 8],
        [{"strides": 2, "dilation_rate": 2}, {"padding": "same", "strides": 3}],
        "global_average_pooling1d",
        3,
    ),
    varied(
        "shared_depthwise_conv2d_other_window",
        {"type": "depthwise_conv2d", "kernel_size": 3, "padding": 1, "depth_multiplier": 2},
        [5, "w", 2],
        [{"strides": 2, "padding": "same"}, {"dilation_rate": 2, "strides": [1, 2]}],
        "global_average_pooling2d",
        4,
        data_format="channels_last",
    ),
    siamese_sizes("shared_dense_over_sizes", {"type": "dense", "units": 3}, [4, 5], [2, 5]),
    siamese_sizes(
        "shared_lstm_over_sizes",
        {"type": "lstm", "units": 3, "return_sequences": True},
        [4, 2],
        ["n", 2],
    ),
]
