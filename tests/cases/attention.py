"""Attention."""

from __future__ import annotations

from typing import Any

from nnspec.layers.shapes import Shape
from tests.cases.case import Case, Network


def masked(
    name: str,
    layer: dict[str, Any],
    masks: dict[str, list[int | str]],
    time: int | str = 4,
    leading: Shape = (),
) -> Network:
    """Return a network whose attention takes masks, fed by a layer that gets gradients."""
    inputs: dict[str, Any] = {"given": {"shape": [*leading, time, 6]}}
    inputs |= {field: {"shape": shape, "dtype": "bool"} for field, shape in masks.items()}
    layers = [
        {"name": "fed", "type": "dense", "units": 6, "inputs": ["given"]},
        {"name": "tested", "inputs": ["fed"], **layer, **{field: field for field in masks}},
    ]
    output: Shape = (*leading, time, 6)
    return Network(name, inputs, layers, output)


def biased(
    name: str,
    layer: dict[str, Any],
    bias: list[int | str],
    masks: dict[str, list[int | str]] | None = None,
    time: int | str = 4,
    leading: Shape = (),
) -> Network:
    """Return a network whose attention takes a bias that gets gradients."""
    network = masked(name, layer, masks or {}, time, leading)
    network.inputs["places"] = {"shape": bias}
    learned = {"name": "bias", "type": "multiply", "inputs": ["places", "slope"]}
    slope = {"name": "slope", "type": "parameter", "shape": [1], "inputs": ["places"]}
    fed, tested = network.layers
    network.layers[:] = [fed, slope, learned, {**tested, "score_bias": "bias"}]
    return network


_HEADS = {"type": "multi_head_attention", "num_heads": 2}
_GROUPED = {"type": "grouped_query_attention", "num_heads": 4, "num_kv_heads": 2, "key_dim": 2}

CASES: list[Case | Network] = [
    Case(_HEADS, ((4, 6),), (4, 6)),
    Case({**_HEADS, "causal": True}, (("time", 6),), ("time", 6)),
    Case({**_HEADS, "causal": True, "use_bias": False}, ((4, 6), (3, 5)), (4, 6), "channels_last"),
    Case(
        {**_HEADS, "key_dim": 3, "value_dim": 5, "output_dim": 7, "dropout": 0.5},
        ((4, 6), (3, 5), (3, 2)),
        (4, 7),
    ),
    Case({**_HEADS, "causal": True}, (("time", 6), ("length", 4)), ("time", 6)),
    masked("attention_mask", _HEADS, {"mask": [4, 4]}),
    masked("attention_mask_of_heads", _HEADS, {"mask": [2, 4, 4]}),
    masked(
        "attention_both_masks_causal",
        {**_HEADS, "causal": True},
        {"mask": ["time", "time"], "key_padding": ["time"]},
        "time",
    ),
    Case(_HEADS, (("windows", 3, 6),), ("windows", 3, 6), "channels_last"),
    Case(
        {**_HEADS, "causal": True, "output_dim": 4},
        ((2, 1, "time", 6), (2, 1, "length", 5)),
        (2, 1, "time", 4),
    ),
    masked(
        "attention_masks_of_windows", _HEADS, {"mask": [2, 4, 4], "key_padding": [2, 4]}, 4, (2,)
    ),
    masked(
        "attention_mask_of_windows_and_heads",
        {**_HEADS, "causal": True},
        {"mask": ["windows", 2, 3, 3]},
        3,
        ("windows",),
    ),
    biased("attention_bias", _HEADS, [4, 4]),
    biased("attention_bias_of_heads", {**_HEADS, "causal": True}, [2, 4, 4]),
    biased(
        "attention_bias_masks_causal",
        {**_HEADS, "causal": True},
        [2, "time", "time"],
        {"mask": ["time", "time"], "key_padding": ["time"]},
        "time",
    ),
    biased("attention_bias_of_windows", _HEADS, [3, 2, 4, 4], {"mask": [3, 4, 4]}, 4, (3,)),
    biased("attention_bias_beside_a_mask", _HEADS, [4, 4], {"key_padding": [4]}),
    biased("attention_bias_of_all_windows", {**_HEADS, "scale": 1}, [2, 4, 4], {}, 4, (3,)),
    biased(
        "attention_bias_of_dynamic_windows", _HEADS, ["time", "time"], {}, "time", ("windows", 2)
    ),
    biased("grouped_query_bias_of_windows", {**_GROUPED, "scale": 0.3}, [4, 4], {}, 4, (3,)),
    Case({**_HEADS, "scale": 0.1, "causal": True}, ((4, 6),), (4, 6)),
    biased("grouped_query_bias", {**_GROUPED, "causal": True}, ["time", "time"], {}, "time"),
    biased("grouped_query_bias_mask", {**_GROUPED, "rotary": True}, [4, 4], {"mask": [4, 4]}),
    biased(
        "grouped_query_bias_of_heads",
        {**_GROUPED, "causal": True},
        [4, "time", "time"],
        {"mask": [4, "time", "time"]},
        "time",
    ),
    biased("grouped_query_bias_of_windows_and_heads", _GROUPED, [3, 4, 4, 4], {}, 4, (3,)),
    biased("grouped_query_bias_of_one_head", _GROUPED, [1, 4, 4], {"mask": [4, 4, 4]}),
    masked("attention_mask_of_all_windows", _HEADS, {"mask": [4, 4], "key_padding": [4]}, 4, (3,)),
    masked(
        "attention_masks_that_stretch",
        _HEADS,
        {"mask": [1, 3, 3, 3], "key_padding": [1, 3]},
        3,
        ("windows", 3),
    ),
    masked(
        "grouped_query_masks_that_stretch",
        _GROUPED,
        {"mask": ["windows", 1, 4, 3, 3], "key_padding": [2, 3]},
        3,
        ("windows", 2),
    ),
    masked("attention_mask_of_all_queries", {**_HEADS, "causal": True}, {"mask": [1, 1, 4]}),
    Case(_GROUPED, ((4, 6),), (4, 6)),
    Case({**_GROUPED, "rotary": True, "causal": True}, ((2, 3, 6),), (2, 3, 6), "channels_last"),
    Case(
        {**_GROUPED, "rotary": True, "causal": True, "max_length": 13, "use_bias": True},
        (("time", 6),),
        ("time", 6),
    ),
    masked("grouped_query_key_padding", {**_GROUPED, "rotary": True}, {"key_padding": [4]}),
    Case({**_GROUPED, "num_kv_heads": 4, "rotary": True}, ((3, 6), (5, 6)), (3, 6)),
]
