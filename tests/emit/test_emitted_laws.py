"""The emitted modules initialize themselves by the laws of the spec, as nnspec's own weights do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.backend import Options
from nnspec.emit.loading import load_source
from nnspec.layers.base import Layer
from nnspec.network.loader import Spec, loads
from nnspec.verification.samples import random_inputs, random_target
from nnspec.weights.canonical import initial_weights
from tests.cases import CASES
from tests.golden_files import SPECS
from tests.laws import Array, Pools
from tests.project.test_zoo import PATHS, reduced

FOLDER = Path(__file__).parents[2] / "specs" / "zoo"
Weights = Mapping[str, Array]

_LIGHT = {"bilstm_tagger", "dcgan_generator", "gpt2"}
"""Networks of the zoo that Keras builds soon, of unlike layers."""
_FEW_LAWS = {"glorot_uniform", "he_normal", "orthogonal"}
"""Laws that Keras is asked for in the fast tests: of each kind one."""


def torch_weights(spec: Spec, seed: int = 0, *, training: bool = False) -> Weights:
    """Return what the emitted module draws by itself."""
    import torch

    from nnspec_torch.naming import canonical_name

    source = nnspec.compile(spec, "torch", training=training).source
    torch.manual_seed(seed)
    module = getattr(load_source(source, spec.name), spec.name)()
    tensors = module.state_dict().items()
    state = {canonical_name(name): tensor.numpy() for name, tensor in tensors}
    return {name: array for name, array in state.items() if "num_batches" not in name}


def keras_weights(spec: Spec, seed: int = 0, *, training: bool = False) -> Weights:
    """Return what the emitted model draws by itself; what Keras does not have, as it should be."""
    from nnspec_keras import backend
    from nnspec_keras.runtime import KerasProgram

    compiled = backend.compile(spec, Options(training=training))
    program = KerasProgram(compiled, None, "float32", lambda: "", dict)
    return {**program.weights(), **program.first_weights(seed)}


def own_weights(spec: Spec, seed: int = 0) -> Weights:
    return initial_weights(spec.graph, seed)


ENGINES: dict[str, Callable[..., Weights]] = {
    "nnspec": own_weights,
    "torch": torch_weights,
    "keras": keras_weights,
}
engines = pytest.mark.parametrize("engine", ENGINES)
slow_in_keras = pytest.mark.parametrize(
    "engine", ["nnspec", "torch", pytest.param("keras", marks=pytest.mark.slow)]
)


def spec_of(layers: list[dict[str, Any]], **more: Any) -> Spec:
    document = {"nnspec": 1, "name": "Tested", "layers": layers, **more}
    return loads(json.dumps(document), is_json=True)


# Layers whose fans a shape alone tells wrongly in one framework or the other, and those that it
# does not, large enough for their statistics.
_SHAPES = {"vector": (30,), "steps": (20, 24), "image": (24, 6, 6), "volume": (12, 3, 3, 3)}
_KERNELS: list[tuple[str, dict[str, Any]]] = [
    ("vector", {"type": "dense", "units": 300}),
    ("image", {"type": "conv2d", "filters": 96, "kernel_size": [2, 3]}),
    ("image", {"type": "conv2d", "filters": 96, "kernel_size": 3, "groups": 4}),
    ("steps", {"type": "conv1d", "filters": 200, "kernel_size": 3, "groups": 2}),
    ("volume", {"type": "conv3d", "filters": 80, "kernel_size": 2}),
    ("image", {"type": "conv2d_transpose", "filters": 72, "kernel_size": 2}),
    ("image", {"type": "conv2d_transpose", "filters": 96, "kernel_size": 2, "groups": 3}),
    ("steps", {"type": "conv1d_transpose", "filters": 96, "kernel_size": 3, "dilation_rate": 2}),
]
_DEPTHWISE: list[tuple[str, dict[str, Any]]] = [
    ("image", {"type": "depthwise_conv2d", "kernel_size": 3, "depth_multiplier": 3}),
    ("steps", {"type": "depthwise_conv1d", "kernel_size": 5, "depth_multiplier": 6}),
    ("image", {"type": "separable_conv2d", "filters": 90, "kernel_size": 3}),
]
_CELLS: list[dict[str, Any]] = [
    {"type": "lstm", "units": 40},
    {"type": "gru", "units": 60},
    {"type": "simple_rnn", "units": 96},
]
_LAWS: dict[str, object] = {
    "glorot_uniform": "glorot_uniform",
    "glorot_normal": "glorot_normal",
    "he_uniform": "he_uniform",
    "he_normal": "he_normal",
    "orthogonal": {"type": "orthogonal", "gain": 0.5},
    "normal": {"type": "normal", "stddev": 0.3},
    "constant": {"type": "constant", "value": -0.7},
    "uniform": {"type": "uniform", "low": -0.1, "high": 0.5},
    "truncated_normal": {"type": "truncated_normal", "stddev": 0.3},
    "lecun_uniform": "lecun_uniform",
    "lecun_normal": "lecun_normal",
    "variance_scaling": {"type": "variance_scaling", "scale": 0.5, "mode": "fan_out",
                         "distribution": "untruncated_normal"},
    "variance_scaling of the mean": {"type": "variance_scaling", "scale": 2.0, "mode": "fan_avg",
                                     "distribution": "uniform"},
    "variance_scaling of the inputs": {"type": "variance_scaling", "scale": 2.0},
}  # fmt: skip


def every_layer(law: str) -> Spec:
    """Return a network of every layer that takes initializers, all of them this one."""
    given = _LAWS[law]
    bias = given if law != "orthogonal" else "ones"
    kernel = {"kernel_initializer": given, "bias_initializer": bias}
    layers = [{**layer, **kernel, "inputs": [source]} for source, layer in _KERNELS]
    for source, layer in _DEPTHWISE:
        laws = {"depthwise_initializer": given, "bias_initializer": bias}
        if layer["type"].startswith("separable"):
            laws["pointwise_initializer"] = given
        layers.append({**layer, **laws, "inputs": [source]})
    for cell in _CELLS:
        cell = {**cell, **kernel, "recurrent_initializer": given}
        layers.append({**cell, "inputs": ["sequence"]})
        layers.append({"type": "bidirectional", "layer": cell, "inputs": ["sequence"]})
    heads = {"num_heads": 6, "kernel_initializer": given, "inputs": ["sequence"]}
    table = {"output_dim": 40, "embeddings_initializer": given}
    layers += [
        {"type": "multi_head_attention", **heads, "key_dim": 5, "output_dim": 50},
        {"type": "grouped_query_attention", **heads, "num_kv_heads": 2},
        {"type": "embedding", "input_dim": 30, **table, "inputs": ["ids"]},
        {"type": "embedding", "input_dim": 25, **table, "padding_index": 3, "inputs": ["ids"]},
        {"type": "position_embedding", "max_length": 30, "embeddings_initializer": given},
        {"type": "parameter", "shape": [9, 30], "initializer": given},
    ]
    layers[-2]["inputs"], layers[-1]["inputs"] = ["sequence"], ["vector"]
    if law != "orthogonal":
        layers += [
            {"type": "parameter", "shape": [200], "initializer": given, "inputs": ["vector"]},
            {"type": "parameter", "shape": [4, 8, 16], "initializer": given, "inputs": ["vector"]},
            {"type": "prelu", "alpha_initializer": given, "inputs": ["wide"]},
        ]
    named = [{**layer, "name": f"layer{i}"} for i, layer in enumerate(layers)]
    inputs: dict[str, object] = {name: {"shape": shape} for name, shape in _SHAPES.items()}
    inputs |= {"sequence": {"shape": [4, 24]}, "ids": {"shape": [3], "dtype": "int64"}}
    if law != "orthogonal":
        inputs["wide"] = {"shape": [250]}
    return spec_of(named, inputs=inputs, outputs=[layer["name"] for layer in named])


def _laws_and_engines() -> Iterator[Any]:
    for law in _LAWS:
        for engine in ENGINES:
            is_slow = engine == "keras" and law not in _FEW_LAWS
            yield pytest.param(law, engine, marks=[pytest.mark.slow] if is_slow else [])


@pytest.mark.parametrize(("law", "engine"), list(_laws_and_engines()))
def test_every_law_on_every_layer(law: str, engine: str) -> None:
    """Of wrong fans the mean square would be off by a third or more: pools are large enough."""
    spec = every_layer(law)
    pools = Pools()
    pools.add(spec.graph, ENGINES[engine](spec))
    pools.check()
    assert all(size >= 70 for size in pools.sizes().values())


def _kind(layer: Layer, names: tuple[tuple[str, str, int], ...]) -> object:
    """Return what decides how the parameters of a layer are drawn."""
    return layer.type, names, getattr(layer, "groups", 1) == 1, getattr(layer, "layer", None)


@cache
def cases_with_parameters() -> list[Spec]:
    """Return a network for each way in which the cases draw parameters."""
    seen: set[str] = set()
    found = []
    for case in CASES:
        spec = loads(json.dumps(case.spec()), is_json=True)
        kinds = {
            repr(
                _kind(at.node.layer, tuple((p.name, p.initializer.type, len(p.shape)) for p in own))
            )
            for at in spec.graph.walk()
            if (own := at.parameters())
        }
        if not kinds <= seen:
            seen |= kinds
            found.append(spec)
    return found


@slow_in_keras
def test_the_laws_of_the_cases(engine: str) -> None:
    pools = Pools()
    for i, spec in enumerate(cases_with_parameters()):
        pools.add(spec.graph, ENGINES[engine](spec, i))
    pools.check()
    assert len(pools.sizes()) > 20


@engines
def test_the_laws_of_the_examples_with_and_without_training(engine: str) -> None:
    pools = Pools()
    for i, path in enumerate(SPECS):
        spec = nnspec.load(path)
        if engine == "torch":
            pools.add(spec.graph, torch_weights(spec, 100 + i))
        kind = {"training": True} if engine != "nnspec" else {}
        pools.add(spec.graph, ENGINES[engine](spec, i, **kind))
    pools.check()


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_training_changes_nothing_of_the_network(backend: str) -> None:
    """So the laws that hold with it hold without it."""
    for path in SPECS:
        spec = nnspec.load(path)
        alone = nnspec.compile(spec, backend).source
        start = "\nclass " if backend == "torch" else "\ndef "
        network = alone[alone.index(start) :].rstrip()
        assert network in nnspec.compile(spec, backend, training=True).source


@pytest.mark.parametrize("engine", ["nnspec", "torch"])
def test_the_laws_of_the_zoo(engine: str) -> None:
    pools = Pools()
    for i, path in enumerate(PATHS):
        spec = reduced(path)
        pools.add(spec.graph, ENGINES[engine](spec, i))
    pools.check()


@pytest.mark.parametrize(
    "path",
    [p if p.stem in _LIGHT else pytest.param(p, marks=pytest.mark.slow) for p in PATHS],
    ids=lambda path: path.stem,
)
def test_the_laws_of_the_zoo_in_keras(path: Path) -> None:
    spec = reduced(path)
    pools = Pools()
    pools.add(spec.graph, keras_weights(spec))
    pools.check()


_BLOCK = {
    "variables": {"deviation": 0.1, "units": 40, "groups": 1},
    "layers": [
        {
            "type": "dense",
            "units": "${units}",
            "kernel_initializer": {"type": "normal", "stddev": "${deviation}"},
            "bias_initializer": {"type": "constant", "value": "${deviation * 2}"},
        },
        {"type": "dense", "units": "${units}", "kernel_initializer": "he_normal"},
        {
            "type": "dense",
            "units": "${units}",
            "kernel_initializer": {"type": "normal", "stddev": "${deviation}"},
        },
    ],
}


@engines
def test_a_law_may_follow_the_variables_of_a_block(engine: str) -> None:
    """Each use, and each repetition, draws by its own numbers; a class used alone is right too."""
    spec = spec_of(
        [
            {"name": "a", "type": "part", "deviation": 0.02, "units": 30},
            {"name": "b", "type": "part", "repeat": 3, "deviation": "${0.1 + 0.2 * index}"},
            {"name": "c", "type": "part", "repeat": 2},
        ],
        inputs={"x": {"shape": [40]}},
        blocks={"part": _BLOCK},
    )
    for seed in range(3):
        pools = Pools()
        pools.add(spec.graph, ENGINES[engine](spec, seed))
        pools.check()


@engines
def test_a_law_may_compute_with_a_variable_that_nothing_else_needs(engine: str) -> None:
    initializer = {"type": "normal", "stddev": "${deviation * 2}"}
    layer = {"name": "inner", "type": "dense", "units": 40, "kernel_initializer": initializer}
    spec = spec_of(
        [
            {"name": name, "type": "part", "deviation": deviation}
            for name, deviation in (("a", 0.1), ("b", 0.3), ("c", 0.7))
        ],
        inputs={"x": {"shape": [40]}},
        blocks={"part": {"variables": {"deviation": 0.1}, "layers": [layer]}},
    )
    pools = Pools()
    pools.add(spec.graph, ENGINES[engine](spec, 0))
    pools.check()


def test_a_block_class_used_alone_initializes_itself() -> None:
    import torch

    block = {"layers": [{"name": "inner", "type": "dense", "units": 40}]}
    layers = [{"name": "outer", "type": "part"}]
    spec = spec_of(layers, inputs={"x": {"shape": [40]}}, blocks={"part": block})
    emitted = load_source(nnspec.compile(spec, "torch").source, "Tested")
    torch.manual_seed(0)
    state = emitted.Part().state_dict()
    pools = Pools()
    pools.add(spec.graph, {f"outer.{name}": value.numpy() for name, value in state.items()})
    pools.check()


def test_gpt2_begins_near_the_logarithm_of_its_vocabulary() -> None:
    """Of logits of deviation s the first cross-entropy is ln V + s²/2, here of s = 0.02 √width."""
    vocabulary, width, length = 4000, 192, 256
    variables = {"vocabulary": vocabulary, "width": width, "depth": 1, "length": length}
    spec = nnspec.load(FOLDER / "gpt2.yaml", variables={**variables, "heads": 3})
    tokens = np.random.default_rng(0).integers(0, vocabulary, (2, length))
    targets = np.random.default_rng(1).integers(0, vocabulary, (2, length))
    program = nnspec.compile(spec, "torch", training=True).build()
    variance = 0.02**2 * width
    expected = np.log(vocabulary) + variance / 2
    for name, draw in ENGINES.items():
        program.load_weights(draw(spec))
        loss = program.loss({"tokens": tokens}, targets)
        assert abs(loss - expected) <= 5 * np.sqrt(variance / tokens.size), name


@pytest.mark.parametrize(
    "path",
    [
        path if path.stem == "diabetes" else pytest.param(path, marks=pytest.mark.slow)
        for path in SPECS
    ],
    ids=lambda path: path.stem,
)
def test_first_losses_agree_within_the_spread_over_seeds(path: Path) -> None:
    spec = nnspec.load(path)
    assert spec.model.training is not None
    program = nnspec.compile(spec, "torch", training=True).build()
    inputs = random_inputs(spec.graph, 64, {}, 0)
    target = random_target(spec.graph, spec.model.training.task, 64, {}, 0)
    losses: dict[str, list[float]] = {}
    for name, draw in ENGINES.items():
        for seed in range(3 if name == "keras" else 10):
            program.load_weights(draw(spec, seed))
            losses.setdefault(name, []).append(program.loss(inputs, target))
    spread = np.std(losses["nnspec"], ddof=1)
    for name in ("torch", "keras"):
        count = len(losses[name])
        limit = 5 * spread * np.sqrt(1 / count + 1 / len(losses["nnspec"]))
        assert abs(np.mean(losses[name]) - np.mean(losses["nnspec"])) <= limit, (name, losses)
