"""Layers that compute with the weights of another layer."""

from __future__ import annotations

from typing import Any

from tests.cases.case import Network


def siamese(name: str, layer: dict[str, Any], size: list[int], **settings: Any) -> Network:
    """Return a network that calls one layer on two inputs, and multiplies what it gives."""
    given = {"first": {"shape": size}, "second": {"shape": size}}
    layers = [
        {"name": "left", "inputs": ["first"], **layer},
        {"name": "right", "type": "shared", "layer": "left", "inputs": ["second"]},
        {"name": "like", "type": "multiply", "inputs": ["left", "right"]},
    ]
    return Network(name, given, layers, **settings)


def tied(name: str, *, use_bias: bool = False, padding: int | None = None) -> Network:
    """Return a small language model whose output is its embedding's table."""
    return Network(
        name,
        {"tokens": {"shape": [4], "dtype": "int64"}},
        [
            {
                "name": "table",
                "type": "embedding",
                "input_dim": 7,
                "output_dim": 3,
                "padding_index": padding,
            }
            if padding is not None
            else {"name": "table", "type": "embedding", "input_dim": 7, "output_dim": 3},
            {"name": "hidden", "type": "dense", "units": 3, "activation": "tanh"},
            {"name": "scores", "type": "tied_dense", "layer": "table", "use_bias": use_bias},
        ],
        (4, 7),
    )


CASES: list[Network] = [
    siamese("shared_dense", {"type": "dense", "units": 3, "activation": "relu"}, [4], output=(3,)),
    siamese(
        "shared_conv",
        {"type": "conv2d", "filters": 2, "kernel_size": 2, "activation": "sigmoid"},
        [3, 4, 5],
        output=(2, 3, 4),
    ),
    siamese(
        "shared_conv_last",
        {"type": "conv2d", "filters": 2, "kernel_size": 2, "use_bias": False},
        [4, 5, 3],
        output=(3, 4, 2),
        data_format="channels_last",
    ),
    Network(
        "shared_without_weights",
        {"given": {"shape": [4]}},
        [
            {"name": "first", "type": "softmax"},
            {"type": "dense", "units": 4},
            {"type": "shared", "layer": "first"},
        ],
        (4,),
    ),
    siamese(
        "shared_attention",
        {"type": "multi_head_attention", "num_heads": 2, "causal": True},
        [3, 4],
        output=(3, 4),
    ),
    Network(
        "shared_thrice_in_a_block",
        {"given": {"shape": [4]}},
        [{"type": "thrice", "repeat": 2}, {"type": "dense", "units": 1}],
        (1,),
        blocks={
            "thrice": {
                "inputs": ["x"],
                "layers": [
                    {"name": "step", "type": "dense", "units": 4, "activation": "tanh"},
                    {"name": "again", "type": "shared", "layer": "step"},
                    {"name": "last", "type": "shared", "layer": "again"},
                ],
            }
        },
    ),
    tied("tied"),
    tied("tied_with_bias", use_bias=True),
    tied("tied_with_padding", padding=0),
    Network(
        "tied_vector",
        {"token": {"shape": [], "dtype": "int32"}},
        [
            {"name": "table", "type": "embedding", "input_dim": 5, "output_dim": 3},
            {"name": "scores", "type": "tied_dense", "layer": "table", "use_bias": True},
        ],
        (5,),
    ),
]
