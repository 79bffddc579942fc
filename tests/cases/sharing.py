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


def siamese_block(
    name: str,
    block: dict[str, Any],
    size: list[int],
    *,
    blocks: dict[str, Any] | None = None,
    dtype: str = "float32",
    **settings: Any,
) -> Network:
    """Return a network that calls the use of a block on two inputs, and flattens the difference."""
    given = {
        "first": {"shape": size, "dtype": dtype},
        "second": {"shape": size, "dtype": dtype},
    }
    use = {key: settings.pop(key) for key in ("repeat", "width") if key in settings}
    layers = [
        {"name": "left", "type": "tower", "inputs": ["first"], **use},
        {"name": "right", "type": "shared", "layer": "left", "inputs": ["second"]},
        {"name": "distance", "type": "subtract", "inputs": ["left", "right"]},
        {"type": "flatten"},
        {"type": "dense", "units": 2},
    ]
    return Network(name, given, layers, (2,), blocks={**(blocks or {}), "tower": block}, **settings)


NORMALISED_CONV = {
    "layers": [
        {"name": "conv", "type": "conv2d", "filters": 2, "kernel_size": 3, "padding": "same"},
        {"name": "bent", "type": "relu"},
        {"name": "norm", "type": "batch_normalization"},
    ]
}
"""A block that keeps the shape of an image of two channels."""


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
    siamese_block(
        "shared_block",
        {
            "layers": [
                {"name": "hidden", "type": "dense", "units": 3, "activation": "tanh"},
                {"name": "norm", "type": "batch_normalization"},
            ]
        },
        [4],
    ),
    siamese_block("shared_block_repeated", NORMALISED_CONV, [2, 5, 4], repeat=2),
    siamese_block(
        "shared_block_repeated_last",
        NORMALISED_CONV,
        [5, 4, 2],
        repeat=2,
        data_format="channels_last",
    ),
    siamese_block(
        "shared_block_of_blocks",
        {
            "variables": {"width": 3},
            "layers": [
                {"name": "one", "type": "unit"},
                {"name": "again", "type": "shared", "layer": "one"},
                {"name": "drop", "type": "dropout", "rate": 0.5},
                {"name": "more", "type": "unit", "repeat": 2},
                {"name": "once_more", "type": "shared", "layer": "more"},
                {"name": "flat", "type": "flatten"},
                {"name": "code", "type": "dense", "units": "${width}", "activation": "sigmoid"},
            ],
        },
        [2, 4, 4],
        blocks={"unit": NORMALISED_CONV},
        width=5,
    ),
    siamese_block(
        "shared_block_with_states",
        {
            "layers": [
                {"name": "steps", "type": "lstm", "units": 3},
                {
                    "name": "both",
                    "type": "bidirectional",
                    "layer": {"type": "gru", "units": 2, "return_sequences": True},
                    "inputs": ["x"],
                },
                {"name": "read", "type": "gru", "units": 3},
                {"name": "total", "type": "add", "inputs": ["steps", "read"]},
            ]
        },
        [5, 2],
    ),
    siamese_block(
        "shared_block_with_tie",
        {
            "layers": [
                {"name": "table", "type": "embedding", "input_dim": 6, "output_dim": 3},
                {"name": "mixed", "type": "multi_head_attention", "num_heads": 1},
                {"name": "scores", "type": "tied_dense", "layer": "table", "use_bias": True},
            ]
        },
        [4],
        dtype="int64",
    ),
    Network(
        "shared_block_of_two",
        {"first": {"shape": [2, 3, 4]}, "second": {"shape": [2, 3, 4]}},
        [
            {"name": "there", "type": "pair", "inputs": ["first", "second"]},
            {"name": "back", "type": "shared", "layer": "there", "inputs": ["second", "first"]},
            {"name": "joined", "type": "concatenate", "inputs": ["there", "there.1", "back.1"]},
            {"name": "ended", "type": "multiply", "inputs": ["joined", "joined"]},
            {"name": "outer", "type": "flatten", "inputs": ["ended"]},
            {"name": "inner", "type": "flatten", "inputs": ["back"]},
            {"name": "scores", "type": "dense", "units": 3, "inputs": ["outer"]},
            {"name": "others", "type": "dense", "units": 3, "inputs": ["inner"]},
            {"type": "add", "inputs": ["scores", "others"]},
        ],
        (3,),
        blocks={
            "pair": {
                "inputs": ["p", "q"],
                "layers": [
                    {
                        "name": "one",
                        "type": "conv2d",
                        "inputs": ["p"],
                        "filters": 2,
                        "kernel_size": 1,
                    },
                    {"name": "both", "type": "add", "inputs": ["one", "q"]},
                ],
                "outputs": ["both", "one"],
            }
        },
    ),
    Network(
        "shared_blocks_in_each_repetition",
        {"given": {"shape": [3]}},
        [{"name": "stages", "type": "stage", "repeat": 2}, {"type": "dense", "units": 1}],
        (1,),
        blocks={
            "unit": {
                "variables": {"units": 3},
                "layers": [
                    {"name": "hidden", "type": "dense", "units": "${units}", "activation": "tanh"}
                ],
            },
            "stage": {
                "layers": [
                    {"name": "one", "type": "unit"},
                    {"name": "two", "type": "unit"},
                    {"name": "again", "type": "shared", "layer": "one"},
                    {"name": "joined", "type": "add", "inputs": ["again", "two"]},
                ]
            },
        },
    ),
    Network(
        "shared_statistics_in_order",
        {"first": {"shape": [3]}, "second": {"shape": [3]}},
        [
            {"name": "left", "type": "tower", "inputs": ["first"]},
            {"name": "right", "type": "shared", "layer": "left", "inputs": ["second"]},
            # Farther from the output than the first call, which comes first all the same.
            {"name": "deep", "type": "dense", "units": 3},
            {"name": "deeper", "type": "dense", "units": 3},
            {"name": "distance", "type": "subtract", "inputs": ["deeper", "left"]},
        ],
        (3,),
        blocks={"tower": {"layers": [{"name": "norm", "type": "batch_normalization"}]}},
    ),
    Network(
        "tied_twice",
        {"tokens": {"shape": [4], "dtype": "int64"}},
        [
            {"name": "table", "type": "embedding", "input_dim": 7, "output_dim": 3},
            {"name": "hidden", "type": "dense", "units": 3, "activation": "tanh"},
            {"name": "scores", "type": "tied_dense", "layer": "table", "use_bias": True},
            {"name": "others", "type": "shared", "layer": "scores", "inputs": ["table"]},
            {"type": "add", "inputs": ["scores", "others"]},
        ],
        (4, 7),
    ),
    Network(
        "tied_vector",
        {"token": {"shape": [], "dtype": "int32"}},
        [
            {"name": "table", "type": "embedding", "input_dim": 5, "output_dim": 3},
            {"name": "scores", "type": "tied_dense", "layer": "table", "use_bias": True},
        ],
        (5,),
    ),
    Network(
        "shared_over_sizes_and_pads",
        {"fine": {"shape": [2, 7, 8]}, "coarse": {"shape": [2, 6, "width"]}},
        [
            {
                "name": "conv",
                "type": "conv2d",
                "filters": 3,
                "kernel_size": 3,
                "strides": 2,
                "padding": "same",
                "inputs": ["fine"],
            },
            {"name": "again", "type": "shared", "layer": "conv", "inputs": ["coarse"]},
            {"name": "one", "type": "global_average_pooling2d", "inputs": ["conv"]},
            {"name": "other", "type": "global_max_pooling2d", "inputs": ["again"]},
            {"name": "joined", "type": "multiply", "inputs": ["one", "other"]},
        ],
        (3,),
    ),
    Network(
        "shared_head_over_levels",
        {"p3": {"shape": [2, 8, 8]}, "p4": {"shape": [2, 4, 5]}, "p5": {"shape": [2, "h", "w"]}},
        [
            {"name": "head", "type": "head", "inputs": ["p3"], "repeat": 2},
            {"name": "head4", "type": "shared", "layer": "head", "inputs": ["p4"]},
            {"name": "head5", "type": "shared", "layer": "head", "inputs": ["p5"]},
            {"name": "three", "type": "global_average_pooling2d", "inputs": ["head"]},
            {"name": "four", "type": "global_average_pooling2d", "inputs": ["head4"]},
            {"name": "five", "type": "global_average_pooling2d", "inputs": ["head5"]},
            {"name": "joined", "type": "concatenate", "inputs": ["three", "four", "five"]},
        ],
        (6,),
        blocks={
            "cell": {
                "layers": [
                    {
                        "name": "conv",
                        "type": "conv2d",
                        "filters": 2,
                        "kernel_size": 3,
                        "padding": "same",
                    },
                    {"name": "bent", "type": "relu"},
                ]
            },
            "head": {
                "layers": [
                    {"name": "first", "type": "cell"},
                    {"name": "rest", "type": "shared", "layer": "first"},
                    {"name": "last", "type": "conv2d", "filters": 2, "kernel_size": 1},
                ]
            },
        },
    ),
    Network(
        "shared_encoder_of_two_lengths",
        {
            "question": {"shape": [3], "dtype": "int64"},
            "passage": {"shape": [6], "dtype": "int64"},
            "known": {"shape": [3], "dtype": "bool"},
            "shown": {"shape": [6], "dtype": "bool"},
        },
        [
            {"name": "asked", "type": "encoder", "inputs": ["question"], "keep": "known"},
            {"name": "told", "type": "shared", "layer": "asked", "inputs": ["passage", "shown"]},
            {"name": "score", "type": "dot", "inputs": ["asked", "told"]},
        ],
        (1,),
        blocks={
            "encoder": {
                "optional": ["keep"],
                "layers": [
                    {"name": "table", "type": "embedding", "input_dim": 9, "output_dim": 4},
                    {"name": "places", "type": "position_embedding", "max_length": 7},
                    {
                        "name": "attended",
                        "type": "grouped_query_attention",
                        "num_heads": 2,
                        "num_kv_heads": 1,
                        "rotary": True,
                        "max_length": 7,
                        "causal": True,
                        "key_padding": "keep",
                    },
                    {"name": "parted", "type": "reshape", "shape": [-1, 2, 2]},
                    {"name": "bent", "type": "tanh"},
                    {"name": "joined", "type": "reshape", "shape": [-1, 4]},
                    {"name": "normal", "type": "layer_normalization"},
                    {"name": "pooled", "type": "reduce_mean", "axes": [0]},
                ],
            }
        },
    ),
    Network(
        "shared_trident",
        {"large": {"shape": [2, 8, 8]}, "small": {"shape": [2, 5, 6]}},
        [
            {"name": "one", "type": "branches", "inputs": ["large"]},
            {"name": "two", "type": "branches", "rate": 3, "inputs": ["one"]},
            {"name": "other", "type": "shared", "layer": "one", "inputs": ["small"]},
            {"name": "first_mean", "type": "global_average_pooling2d", "inputs": ["two"]},
            {"name": "other_mean", "type": "global_average_pooling2d", "inputs": ["other"]},
            {"name": "both", "type": "multiply", "inputs": ["first_mean", "other_mean"]},
        ],
        (2,),
        blocks={
            "branches": {
                "variables": {"rate": 2},
                "layers": [
                    {"name": "unit", "type": "unit", "repeat": 2},
                    {
                        "name": "conv",
                        "type": "conv2d",
                        "filters": 2,
                        "kernel_size": 3,
                        "padding": "same",
                        "use_bias": False,
                    },
                    {"name": "norm", "type": "batch_normalization"},
                    {
                        "name": "wide",
                        "type": "shared",
                        "layer": "conv",
                        "dilation_rate": "${rate}",
                        "inputs": ["unit"],
                    },
                    {"name": "wide_norm", "type": "batch_normalization"},
                    {"name": "sum_of_both", "type": "add", "inputs": ["norm", "wide_norm"]},
                ],
            },
            "unit": {
                "layers": [
                    {"name": "conv", "type": "conv2d", "filters": 2, "kernel_size": 1},
                    {"name": "half", "type": "shared", "layer": "conv", "padding": [[0, 1], 1]},
                    {"name": "bent", "type": "relu"},
                ]
            },
        },
    ),
]
