"""Layers and blocks that work on each element along the first axis: `time_distributed`."""

from __future__ import annotations

from typing import Any

from nnspec.layers.shapes import Shape
from tests.cases.case import Network

LAST = "channels_last"
_CONV = {"type": "conv2d", "filters": 3, "kernel_size": 2, "activation": "relu"}
_ENCODER = {
    "variables": {"filters": 2},
    "layers": [
        {"name": "conv", "type": "conv2d", "filters": "${filters}", "kernel_size": 3,
         "padding": "same", "use_bias": False},
        {"name": "norm", "type": "batch_normalization"},
        {"name": "bent", "type": "relu"},
    ],
}  # fmt: skip
"""A block of images."""


def of_each(
    name: str, layers: list[dict[str, Any]], given: Shape, output: Shape, **settings: Any
) -> Network:
    """Return a network of layers that all work on each element, the first fed by another."""
    each = [layer if "inputs" in layer else {**layer, "time_distributed": True} for layer in layers]
    fed = {"name": "fed", "type": "dense", "units": given[-1], "inputs": "given"}
    return Network(name, {"given": {"shape": list(given)}}, [fed, *each], output, **settings)


CASES: list[Network] = [
    of_each("each_conv2d", [_CONV], (2, 1, 4, 4), (2, 3, 3, 3)),
    of_each("each_conv2d_last", [_CONV], ("clip", 4, 4, 1), ("clip", 3, 3, 3), data_format=LAST),
    of_each(
        "each_of_several",
        [
            _CONV,
            {"type": "batch_normalization"},
            {"type": "max_pooling2d"},
            {"type": "global_average_pooling2d"},
        ],
        ("frames", 2, 5, 4),
        ("frames", 3),
    ),
    of_each(
        "each_of_dynamic_images",
        [{**_CONV, "padding": "same"}, {"type": "up_sampling2d"}],
        ("frames", 2, "height", 3),
        ("frames", 3, "height * 2", 6),
    ),
    of_each(
        "each_lstm",
        [{"type": "lstm", "units": 3, "return_sequences": True}, {"type": "gru", "units": 2}],
        ("parts", 3, 2),
        ("parts", 2),
    ),
    of_each(
        "each_bidirectional",
        [{"type": "bidirectional", "layer": {"type": "simple_rnn", "units": 2}}],
        (3, "time", 2),
        (3, 4),
    ),
    of_each(
        "each_block",
        [
            {"name": "first", "type": "encoder"},
            {"name": "more", "type": "encoder", "repeat": 2, "filters": 2},
            {"type": "flatten"},
        ],
        (3, 2, 2, 2),
        (3, 8),
        blocks={"encoder": _ENCODER},
    ),
    # What is made of the rows is also taken as it stands along the axis.
    of_each(
        "each_taken_twice",
        [
            {"name": "first", "type": "conv1d", "filters": 2, "kernel_size": 2, "padding": "same"},
            {"name": "second", "type": "conv1d", "filters": 2, "kernel_size": 1},
            {"name": "joined", "type": "add", "inputs": ["first", "second", "fed"]},
        ],
        (2, 2, 3),
        (2, 2, 3),
    ),
    Network(
        "each_of_two_inputs",
        {
            "left": {"shape": ["frames", 2, 3]},
            "right": {"shape": ["frames", 2, 3]},
            "lengths": {"shape": ["frames"], "dtype": "int64"},
        },
        [
            {"name": "fed", "type": "dense", "units": 3, "inputs": "left"},
            {"name": "seen", "type": "multi_head_attention", "num_heads": 1,
             "inputs": ["fed", "right"], "time_distributed": True},
            {"name": "read", "type": "lstm", "units": 2, "inputs": ["seen", "lengths"],
             "return_state": True, "time_distributed": True},
            {"name": "both", "type": "add", "inputs": ["read", "read.2"]},
        ],
        ("frames", 2),
    ),
    Network(
        "each_shared",
        {"clip": {"shape": [3, 2, 4]}, "image": {"shape": [2, 4]}},
        [
            {"name": "conv", "type": "conv1d", "filters": 2, "kernel_size": 3, "inputs": "image"},
            {"name": "convs", "type": "shared", "layer": "conv", "inputs": "clip",
             "time_distributed": True},
            {"name": "like", "type": "multiply", "inputs": ["convs", "conv"]},
        ],
        (3, 2, 2),
    ),
    # The rows of what is drawn from nothing but the size of the batch are those of each element.
    of_each(
        "each_block_with_a_parameter",
        [{"type": "marked"}],
        (2, 3, 2),
        (2, 4, 2),
        blocks={
            "marked": {
                "layers": [
                    {"name": "mark", "type": "parameter", "shape": [1, 2], "inputs": []},
                    {"name": "joined", "type": "concatenate", "axis": 0, "inputs": ["mark", "x"]},
                ]
            }
        },
    ),
    Network(
        "each_of_ids",
        {"tokens": {"shape": ["lines", 4], "dtype": "int64"}},
        [
            {"name": "table", "type": "embedding", "input_dim": 5, "output_dim": 3,
             "time_distributed": True},
            {"name": "last", "type": "gru", "units": 2, "time_distributed": True},
        ],
        ("lines", 2),
    ),
]  # fmt: skip
