"""Random arguments of every layer, for an input at hand: mostly valid, often at an edge."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from nnspec.layers import ACTIVATIONS, LAYERS
from tests.fuzz.place import Arguments, Place

INITIALIZERS: list[Any] = [
    {"type": "uniform", "low": -0.2, "high": 0.1},
    "truncated_normal",
    "lecun_normal",
    {"type": "variance_scaling", "scale": 0.3, "mode": "fan_out", "distribution": "uniform"},
    "zeros",
    "ones",
    "normal",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    {"type": "constant", "value": 0.25},
    {"type": "normal", "stddev": 0.5},
    {"type": "orthogonal", "gain": 1.5},
]


def activation(at: Place) -> Any:
    """Return an activation as a layer carries it."""
    kind = at.rng.choice([kind for kind in ACTIVATIONS if kind not in ("threshold", "linear")])
    return {"type": kind, **arguments_of(kind, at)} if at.flag(0.4) else kind


def _biased(at: Place) -> Arguments:
    return {
        **at.sometimes(
            use_bias=at.flag(),
            activation=activation(at),
            bias_initializer=at.rng.choice(INITIALIZERS[:-1]),
        ),
        **at.sometimes(0.1, weight_normalization=True),
    }


def _windowed(at: Place, *, is_causal: bool = False) -> Arguments:
    paddings = ["valid", "same", "same", at.pads()] + (["causal"] if is_causal else [])
    strided = at.sometimes(strides=at.numbers(1, 3))
    return {
        "kernel_size": at.windows(),
        **at.sometimes(0.6, padding=at.rng.choice(paddings)),
        **(strided or at.sometimes(0.2, dilation_rate=at.numbers(1, 2))),
        **_biased(at),
    }


def _convolution(at: Place) -> Arguments:
    groups = at.divisor(at.channels) if at.flag(0.3) else 1
    more = {"groups": groups} if groups > 1 else {}
    kernel = at.sometimes(0.2, kernel_initializer=at.rng.choice(INITIALIZERS))
    filters = groups * at.rng.randint(1, 3)
    return {"filters": filters, **more, **kernel, **_windowed(at, is_causal=at.rank == 2)}


def _transposed(at: Place) -> Arguments:
    padding = at.rng.choice(["valid", "same", at.pads(1)])
    return {
        "filters": at.rng.randint(1, 3),
        "kernel_size": at.windows(),
        **at.sometimes(0.5, strides=at.numbers(1, 3), padding=padding),
        **_biased(at),
    }


def _depthwise(at: Place) -> Arguments:
    multiplier = at.sometimes(depth_multiplier=at.rng.randint(1, 3))
    kernel = at.sometimes(0.2, depthwise_initializer=at.rng.choice(INITIALIZERS))
    return {**multiplier, **kernel, **_windowed(at, is_causal=at.rank == 2)}


def _separable(at: Place) -> Arguments:
    return {"filters": at.rng.randint(1, 3), **_depthwise(at)}


def _pooling(at: Place) -> Arguments:
    window = at.windows(2)
    half = min(window if isinstance(window, list) else [window]) // 2
    padding = at.rng.choice(["valid", "same", at.pads(half)])
    return {
        "pool_size": window,
        **at.sometimes(0.5, strides=at.numbers(1, 3), padding=padding),
        **at.sometimes(0.2, ceil_mode=at.flag()),
    }


def _average(at: Place) -> Arguments:
    return {**_pooling(at), **at.sometimes(count_include_pad=at.flag())}


def _adaptive(at: Place) -> Arguments:
    return {"output_size": [at.rng.randint(1, size + 1) for size in at.spatial]}


def _keepdims(at: Place) -> Arguments:
    return at.sometimes(0.5, keepdims=at.flag())


def _padding(at: Place) -> Arguments:
    return {"padding": at.pads()}


def _reflection(at: Place) -> Arguments:
    return {"padding": [[at.rng.randint(0, min(2, n - 1)) for _ in "ab"] for n in at.spatial]}


def _cropping(at: Place) -> Arguments:
    return {"cropping": [[at.rng.randint(0, (n - 1) // 2) for _ in "ab"] for n in at.spatial]}


def _resize(at: Place) -> Arguments:
    kind = at.rng.choice(["nearest", "bilinear", "bicubic"])
    key = at.rng.choice(["align_corners", "antialias"])
    corners = {} if kind == "nearest" else at.sometimes(**{key: at.flag()})
    return {"size": [at.rng.randint(1, 6) for _ in at.spatial], "interpolation": kind, **corners}


def _normalized(at: Place) -> Arguments:
    return at.sometimes(epsilon=at.rng.choice([1e-3, 1e-5, 1e-6]), affine=at.flag())


def _along(at: Place) -> Arguments:
    return at.sometimes(0.6, axis=at.axis())


def _rate(at: Place) -> Arguments:
    return {"rate": at.rng.choice([0.0, 0.1, 0.5])}


def _attention(at: Place) -> Arguments:
    heads = at.divisor(at.size(-1))
    return {
        "num_heads": heads,
        **at.sometimes(causal=at.flag(), output_dim=at.rng.randint(1, 4), use_bias=at.flag()),
        **at.sometimes(0.2, key_dim=at.rng.randint(1, 3), dropout=0.1),
    }


def _grouped(at: Place) -> Arguments:
    width = at.rng.choice([2, 4])
    kv = at.rng.choice([1, 2])
    return {
        "num_heads": kv * at.rng.randint(1, 2),
        "num_kv_heads": kv,
        "key_dim": width,
        **at.sometimes(causal=at.flag(), rotary=at.flag(), use_bias=at.flag()),
    }


def _recurrent(at: Place) -> Arguments:
    return {
        "units": at.rng.randint(1, 4),
        **at.sometimes(0.4, return_sequences=at.flag(), return_state=at.flag()),
        **at.sometimes(0.2, go_backwards=at.flag(), use_bias=at.flag()),
        **at.sometimes(0.1, recurrent_dropout=0.2),
        **at.sometimes(0.1, recurrent_initializer=at.rng.choice(INITIALIZERS)),
    }


def _lstm(at: Place) -> Arguments:
    return {**_recurrent(at), **at.sometimes(0.2, unit_forget_bias=at.flag())}


def _gru(at: Place) -> Arguments:
    return {**_recurrent(at), **at.sometimes(0.3, reset_after=at.flag())}


def _simple(at: Place) -> Arguments:
    return {**_recurrent(at), **at.sometimes(activation=at.rng.choice(["tanh", "relu"]))}


def _bidirectional(at: Place) -> Arguments:
    kind = at.rng.choice(["lstm", "gru", "simple_rnn"])
    inner = {"type": kind, **arguments_of(kind, at)}
    for key in ("go_backwards", "return_state"):
        inner.pop(key, None)
    modes = ["concat", "sum", "multiply", "average"]
    return {"layer": inner, **at.sometimes(0.6, merge_mode=at.rng.choice(modes))}


def _clip(at: Place) -> Arguments:
    low, high = at.rng.choice([(-1.0, 1.0), (0.0, 2.5), (-0.5, 0.0)])
    return at.rng.choice(
        [{"min_value": low}, {"max_value": high}, {"min_value": low, "max_value": high}]
    )


def _reduction(at: Place) -> Arguments:
    return {"axes": at.axes(), **_keepdims(at)}


def _slice(at: Place) -> Arguments:
    axis = at.axis()
    size = at.size(axis)
    start = at.rng.randint(0, size - 1)
    stop = at.rng.randint(start + 1, size)
    return {"axis": axis, "start": start, "stop": stop, **at.sometimes(step=at.rng.randint(1, 3))}


def _gather(at: Place) -> Arguments:
    axis = at.axis()
    return {"axis": axis, "indices": [at.rng.randrange(at.size(axis)) for _ in "abc"]}


def _split(at: Place) -> Arguments:
    axis = at.axis()
    size = at.size(axis)
    first = at.rng.randint(1, max(size - 1, 1))
    return {"axis": axis, "sizes": [first, size - first]}


def _reshape(at: Place) -> Arguments:
    sizes = [at.size(axis) for axis in range(at.rank)]
    at.rng.shuffle(sizes)
    if len(sizes) > 1 and at.flag():
        sizes[:2] = [sizes[0] * sizes[1]]
    return {"shape": sizes + ([1] if at.flag(0.2) else [])}


def _permute(at: Place) -> Arguments:
    return {"axes": at.rng.sample(range(at.rank), at.rank)}


def _top_k(at: Place) -> Arguments:
    axis = at.axis()
    return {"axis": axis, "k": at.rng.randint(1, at.size(axis) if at.rank else 1)}


def _constant(at: Place) -> Arguments:
    return {"value": at.rng.choice([0.5, [1.0, -2.0], [[0.25], [1.5]]])}


def _repeats(at: Place) -> Arguments:
    return {"axis": at.axis(), "repeats": at.rng.randint(1, 3)}


TABLE: dict[str, Callable[[Place], Arguments]] = {
    "dense": lambda at: {"units": at.rng.choice([1, 2, 3, 5]), **_biased(at)},
    "reshape": _reshape,
    **{f"conv{n}d": _convolution for n in (1, 2, 3)},
    **{f"conv{n}d_transpose": _transposed for n in (1, 2, 3)},
    **{f"depthwise_conv{n}d": _depthwise for n in (1, 2)},
    **{f"separable_conv{n}d": _separable for n in (1, 2)},
    **{f"max_pooling{n}d": _pooling for n in (1, 2, 3)},
    **{f"average_pooling{n}d": _average for n in (1, 2, 3)},
    **{f"global_average_pooling{n}d": _keepdims for n in (1, 2, 3)},
    **{f"global_max_pooling{n}d": _keepdims for n in (1, 2, 3)},
    **{f"adaptive_{kind}_pooling{n}d": _adaptive for kind in ("average", "max") for n in (1, 2)},
    **{f"zero_padding{n}d": _padding for n in (1, 2, 3)},
    **{f"replication_padding{n}d": _padding for n in (1, 2)},
    **{f"reflection_padding{n}d": _reflection for n in (1, 2)},
    **{f"cropping{n}d": _cropping for n in (1, 2, 3)},
    **{f"up_sampling{n}d": lambda at: {"size": at.numbers(1, 3)} for n in (1, 2)},
    "resize": _resize,
    "pixel_shuffle": lambda at: {"upscale_factor": at.rng.choice([1, 2])},
    "pixel_unshuffle": lambda at: {"downscale_factor": at.rng.choice([1, 2])},
    "batch_normalization": lambda at: {**_normalized(at), **at.sometimes(momentum=0.75)},
    "layer_normalization": lambda at: at.sometimes(
        axis=at.axes(), scale=at.flag(), center=at.flag()
    ),
    "rms_normalization": lambda at: at.sometimes(axis=at.axes(), epsilon=1e-3),
    "group_normalization": lambda at: {"groups": at.divisor(at.channels), **_normalized(at)},
    "instance_normalization": _normalized,
    "unit_normalization": _along,
    "l2_normalize": _along,
    **dict.fromkeys(("dropout", "alpha_dropout", "gaussian_dropout"), _rate),
    **{f"spatial_dropout{n}d": _rate for n in (1, 2, 3)},
    "local_response_normalization": lambda at: at.sometimes(size=at.rng.choice([1, 3]), alpha=0.5),
    "sampling": lambda at: at.sometimes(stddev=0.5),
    "gaussian_noise": lambda at: {"stddev": 0.1},
    "embedding": lambda at: {
        "input_dim": at.rng.choice([1, 3, 7]),
        "output_dim": at.rng.choice([1, 2, 4]),
        **at.sometimes(0.2, padding_index=0),
    },
    "position_embedding": lambda at: {"max_length": at.size(0) + at.rng.choice([0, 3, 40])},
    "sinusoidal_position": lambda at: at.sometimes(0.2, base=100.0),
    "rotary_position": lambda at: at.sometimes(0.2, base=100.0),
    "parameter": lambda at: {"shape": [at.rng.randint(1, 3) for _ in range(at.rng.randint(1, 3))]},
    "constant": _constant,
    "multi_head_attention": _attention,
    "grouped_query_attention": _grouped,
    "simple_rnn": _simple,
    "lstm": _lstm,
    "gru": _gru,
    "bidirectional": _bidirectional,
    "concatenate": _along,
    "split": _split,
    "dot": lambda at: {"axes": [at.axis(), at.axis()]},
    "rescaling": lambda at: {"scale": at.rng.choice([0.5, -2.0]), **at.sometimes(offset=0.25)},
    "clip": _clip,
    "one_hot": lambda at: {"num_classes": at.rng.choice([2, 3, 7])},
    "top_k": _top_k,
    "arange": lambda at: {"axis": at.axis()},
    "sequence_mask": lambda at: {"max_length": at.rng.randint(1, 5)},
    **dict.fromkeys(("cumsum", "take", "take_along_axis"), _along),
    **dict.fromkeys(
        ("sort", "argsort"), lambda at: {**_along(at), **at.sometimes(descending=at.flag())}
    ),
    "coordinate_grid": lambda at: at.sometimes(0.3, minimum=at.rng.choice([0.0, 2.5])),
    **dict.fromkeys(("floor_divide", "modulo"), lambda at: {"divisor": at.rng.randint(1, 5)}),
    "power": lambda at: {"exponent": at.rng.choice([0.5, 2.0, 3.0, -1.0])},
    "cast": lambda at: {"dtype": at.rng.choice(["float32", "int32", "int64", "bool"])},
    **{f"reduce_{kind}": _reduction for kind in ("sum", "mean", "max", "min", "variance", "norm")},
    "argmax": lambda at: {"axis": at.axis()},
    "permute": _permute,
    "repeat_vector": lambda at: {"n": at.rng.randint(1, 4)},
    "expand_dims": lambda at: {"axis": at.rng.randint(0, at.rank)},
    "squeeze": lambda at: {"axis": at.axis()},
    "stack": lambda at: {"axis": at.rng.randint(0, at.rank)},
    "slice": _slice,
    "gather": _gather,
    "flip": lambda at: {"axis": at.axis()},
    "roll": lambda at: {"axis": at.axis(), "shift": at.rng.randint(-3, 3)},
    "repeat_elements": _repeats,
    "tile": _repeats,
    "glu": _along,
    "swiglu": _along,
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), _along),
    "leaky_relu": lambda at: at.sometimes(negative_slope=0.25),
    "elu": lambda at: at.sometimes(alpha=0.5),
    "celu": lambda at: at.sometimes(alpha=2.0),
    "gelu": lambda at: at.sometimes(0.5, approximate=at.flag()),
    "squareplus": lambda at: at.sometimes(b=2.0),
    "threshold": lambda at: {"threshold": 0.25, "default_value": -1.0},
    "soft_shrink": lambda at: at.sometimes(threshold=0.25),
    "hard_shrink": lambda at: at.sometimes(threshold=0.25),
}
"""Layer -> its random arguments; a layer that is not here takes none."""


def arguments_of(kind: str, at: Place) -> Arguments:
    """Return random arguments for a layer at this place."""
    make = TABLE.get(kind)
    return make(at) if make is not None else {}


def rank_wanted(kind: str, rng: random.Random) -> int | None:
    """Return how many axes the layer's input should have; None for any."""
    if kind[-2:] in ("1d", "2d", "3d") or kind.endswith("d_transpose"):
        return int(next(char for char in kind if char in "123")) + 1
    if kind in ("lstm", "gru", "simple_rnn", "bidirectional", "repeat_vector"):
        return 1 if kind == "repeat_vector" else 2
    if "attention" in kind or "position" in kind:
        return 2
    if kind in ("pixel_shuffle", "pixel_unshuffle", "resize"):
        return 3
    if kind in ("matmul", "dot"):
        return rng.choice([2, 3])
    return None


def missing() -> set[str]:
    """Return the layers that need arguments and have no row here; there should be none."""
    return {
        kind
        for kind, layer in LAYERS.items()
        if kind not in TABLE
        and any(f.is_required() for name, f in layer.model_fields.items() if name != "type")
        and kind not in ("shared", "tied_dense")
    }
