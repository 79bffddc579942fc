"""Layers whose weights are in lengths and directions."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Case, Network

CONV = {"kernel_size": 3, "weight_normalization": True}


def _layer(name: str, kind: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, **settings}


CASES: list[Case | Network] = [
    # Each direction is one number, whose gradient is 0.
    Case({"type": "dense", "units": 3, "weight_normalization": True}, ((1,),), (3,)),
    Network(
        "normalized_weights_of_images",
        {"x": {"shape": [7, 8, 4]}},
        [
            _layer("a", "conv2d", filters=4, groups=2, activation="gelu", **CONV),
            _layer("b", "conv2d_transpose", filters=3, strides=2, use_bias=False, **CONV),
            _layer("c", "conv2d_transpose", filters=2, dilation_rate=2, **CONV),
            _layer("d", "depthwise_conv2d", depth_multiplier=2, **CONV),
            _layer("e", "separable_conv2d", filters=3, depth_multiplier=2, **CONV),
            _layer("f", "flatten"),
            _layer("g", "dense", units=2, use_bias=False, weight_normalization=True),
        ],
        (2,),
        data_format="channels_last",
    ),
    Network(
        "normalized_weights_of_sequences",
        {"tokens": {"shape": ["time"], "dtype": "int64"}},
        [
            _layer("table", "embedding", input_dim=5, output_dim=3, weight_normalization=True),
            _layer("turned", "permute", axes=[1, 0]),
            _layer("a", "conv1d", filters=2, padding="causal", **CONV),
            _layer("b", "conv1d_transpose", filters=4, kernel_initializer="he_normal", **CONV),
            _layer("c", "depthwise_conv1d", **CONV),
            _layer("d", "separable_conv1d", filters=3, activation="tanh", **CONV),
            _layer("back", "permute", axes=[1, 0]),
            _layer("scores", "tied_dense", layer="table"),
            _layer("mean", "reduce_mean", axes=[0]),
        ],
        (5,),
    ),
    Network(
        "normalized_weights_of_volumes",
        {"x": {"shape": [1, 5, 4, 4]}},
        [
            _layer("a", "conv3d", filters=2, **CONV),
            _layer("b", "conv3d_transpose", filters=2, strides=2, **CONV),
            _layer("c", "global_average_pooling3d"),
        ],
        (2,),
    ),
    Network(
        "normalized_weights_shared",
        {"x": {"shape": [2, 9, 9]}},
        [
            _layer("one", "unit", repeat=2),
            _layer("two", "unit", is_normalized=False),
            _layer("again", "shared", layer="two", inputs=["two"]),
            _layer("sum", "add", inputs=["two", "again"]),
            _layer("conv", "conv2d", filters=3, **CONV, kernel_initializer="orthogonal"),
            _layer("wide", "shared", layer="conv", dilation_rate=2, padding=1, inputs=["sum"]),
            _layer("both", "add", inputs=["conv", "wide"]),
            _layer("mean", "global_average_pooling2d"),
            _layer("fixed", "dense", units=2, weight_normalization=True, trainable=False),
        ],
        (2,),
        blocks={
            "unit": {
                "variables": {"is_normalized": True},
                "layers": [
                    {
                        **_layer("conv", "conv2d", filters=2, kernel_size=3, padding="same"),
                        "weight_normalization": "${is_normalized}",
                    },
                    _layer("norm", "batch_normalization"),
                    _layer("bent", "relu"),
                ],
            }
        },
    ),
]
