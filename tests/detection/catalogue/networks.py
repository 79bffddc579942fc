"""The networks that faults are put into: examples, the zoo at small size, rarer layers."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import nnspec
from nnspec.network.loader import Spec, loads, loads_any, one_of
from tests.cases import CASES, Case, Network
from tests.project.test_zoo import PATHS, reduced

ROOT = Path(__file__).parents[3]


def _spec(name: str, inputs: dict[str, Any], *layers: dict[str, Any], **more: Any) -> Spec:
    given = {
        key: {"shape": kind[0], "dtype": kind[1]} if isinstance(kind, tuple) else {"shape": kind}
        for key, kind in inputs.items()
    }
    document = {"nnspec": 1, "name": name, "inputs": given, "layers": list(layers), **more}
    return loads(json.dumps(document), is_json=True)


def _layer(kind: str, name: str, *inputs: str, **fields: Any) -> dict[str, Any]:
    made = {"type": kind, "name": name, **fields}
    return {**made, "inputs": list(inputs)} if inputs else made


def pictures() -> Spec:
    """Windows of every kind."""
    return _spec(
        "Pictures",
        {"image": [3, 17, 17]},
        _layer("conv2d", "stem", filters=6, kernel_size=3, strides=2, padding="same"),
        _layer("group_normalization", "grouped", groups=3, epsilon=1e-3),
        _layer("leaky_relu", "leak", negative_slope=0.2),
        _layer("average_pooling2d", "mean", pool_size=3, strides=1, padding="same"),
        _layer("conv2d", "wide", filters=6, kernel_size=3, groups=2, padding="same"),
        _layer("prelu", "bent"),
        _layer("depthwise_conv2d", "each", kernel_size=3, depth_multiplier=2),
        _layer("instance_normalization", "alone"),
        _layer("elu", "bend"),
        _layer("conv2d", "apart", filters=5, kernel_size=2, dilation_rate=2),
        _layer("max_pooling2d", "most", pool_size=2, strides=1),
        _layer("hard_sigmoid", "hard"),
        _layer("separable_conv2d", "split", filters=4, kernel_size=2),
        _layer("flatten", "flat"),
        _layer("dense", "scores", units=3),
        _layer("log_softmax", "chances"),
    )


def rebuilt() -> Spec:
    """Small to large."""
    return _spec(
        "Rebuilt",
        {"code": [3, 4, 5]},
        _layer("conv2d_transpose", "up", filters=4, kernel_size=4, strides=2, padding="same"),
        _layer("batch_normalization", "norm", epsilon=1e-4),
        _layer("silu", "bend"),
        _layer("resize", "twice", size=[16, 20], interpolation="bilinear"),
        _layer("conv2d", "near", filters=8, kernel_size=3, padding="same"),
        _layer("selu", "scaled"),
        _layer("pixel_shuffle", "shuffled", upscale_factor=2),
        _layer("zero_padding2d", "border", padding=1),
        _layer("conv2d", "last", filters=2, kernel_size=3, activation="tanh"),
        _layer("rescaling", "bright", scale=127.5, offset=127.5),
    )


def rows() -> Spec:
    """Activations, normalisations and arithmetic on vectors."""
    return _spec(
        "Rows",
        {"x": [7], "z": [7]},
        _layer("dense", "first", "x", units=8, activation="gelu"),
        _layer("layer_normalization", "norm", epsilon=1e-6),
        _layer("dense", "second", units=8, activation="softplus"),
        _layer("batch_normalization", "batch"),
        _layer("dense", "other", "z", units=8, use_bias=False),
        _layer("hard_silu", "swish"),
        _layer("subtract", "less", "batch", "swish"),
        _layer("rms_normalization", "rooted", epsilon=1e-5),
        _layer("mish", "bend"),
        _layer("concatenate", "joined", "bend", "less"),
        _layer("dense", "third", units=8, activation="tanh"),
        _layer("multiply", "gated", "third", "norm"),
        _layer("dense", "fourth", units=5),
        _layer("softsign", "signed"),
        _layer("dense", "scores", units=3),
        _layer("l2_normalize", "unit"),
    )


def words() -> Spec:
    """Recurrent layers and attention over ids, all in one."""
    return _spec(
        "Words",
        {"ids": (["time"], "int64")},
        _layer("embedding", "table", input_dim=11, output_dim=6),
        _layer("sinusoidal_position", "places", max_length=32),
        _layer("lstm", "long", units=5, return_sequences=True),
        _layer("bidirectional", "both", layer={"type": "gru", "units": 4,
                                               "return_sequences": True}),
        _layer("dense", "even", units=8),
        _layer("multi_head_attention", "attend", num_heads=2, causal=True),
        _layer("layer_normalization", "norm"),
        _layer("simple_rnn", "short", units=6, return_sequences=True),
        _layer("conv1d", "local", filters=6, kernel_size=3, padding="causal"),
        _layer("dense", "wide", units=12),
        _layer("glu", "gated"),
        _layer("gru", "last", units=5),
        _layer("dense", "scores", units=2),
        _layer("softmax", "chances"),
        data_format="channels_last",
    )  # fmt: skip


def turned() -> Spec:
    """Rotary attention with fewer keys, and what moves numbers about."""
    return _spec(
        "Turned",
        {"x": [6, 8]},
        _layer("rms_normalization", "norm", epsilon=1e-5),
        _layer("grouped_query_attention", "attend", num_heads=4, num_kv_heads=2, causal=True,
               rotary=True, max_length=16),
        _layer("add", "sum", "x", "attend"),
        _layer("permute", "swap", axes=[1, 0]),
        _layer("dense", "mix", units=6),
        _layer("reduce_mean", "mean", axes=[-1]),
        _layer("dense", "hidden", units=6, activation="silu"),
        _layer("reshape", "square", shape=[2, 3]),
        _layer("reduce_sum", "total", axes=[0]),
        _layer("dense", "scores", units=2),
        _layer("sigmoid", "chances"),
    )  # fmt: skip


OWN: tuple[Callable[[], Spec], ...] = (rows, pictures, rebuilt, words, turned)


def _of_several(path: Path, model: str) -> Spec:
    return one_of(loads_any(path.read_text(), path=path), model)


def _listed() -> Iterator[tuple[str, Callable[[], Spec]]]:
    for make in OWN:
        yield make.__name__, make
    for path in PATHS:
        yield f"zoo.{path.stem}", partial(reduced, path)
    for path in sorted((ROOT / "specs").rglob("*.yaml")):
        if path.parent.name in ("zoo", "invalid"):
            continue
        if path.stem == "digits_gan":
            for model in ("generator", "discriminator"):
                yield f"gan.{model}", partial(_of_several, path, model)
        else:
            yield path.stem, partial(nnspec.load, path)
    for path in sorted((ROOT / "tests" / "networks").glob("*.yaml")):
        yield f"net.{path.stem}", partial(nnspec.load, path)


NETWORKS: dict[str, Callable[[], Spec]] = dict(_listed())
"""What makes each, by name."""


def _catalogue() -> Iterator[tuple[str, Callable[[], Spec]]]:
    """Yield a network of each type of layer: of its cases one, fed by layers with weights."""
    by_type: dict[str, list[Case | Network]] = defaultdict(list)
    for case in CASES:
        by_type[case.layer["type"] if isinstance(case, Case) else case.id].append(case)
    for kind, some in by_type.items():
        document = random.Random(kind).choice(some).spec(fed=True)
        yield f"case.{kind}", partial(loads, json.dumps(document), is_json=True)


LAYERS: dict[str, Callable[[], Spec]] = dict(_catalogue())
"""Networks of one layer of each type, in which no faults are put."""


@cache
def network(name: str) -> Spec:
    """Return a network by its name."""
    return (LAYERS if name in LAYERS else NETWORKS)[name]()
