"""Weights in lengths and directions: how they begin, what they mean, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import nnspec
from nnspec.backend import get_backend
from nnspec.errors import SpecError
from nnspec.layers import LAYERS
from nnspec.layers.weighted import Normalizable
from nnspec.network.identity import canonical_text
from nnspec.network.loader import Spec, loads
from nnspec.weights.canonical import FirstWeights, check_weights, initial_weights, load_weights
from nnspec_keras.emitted import normalized

IMAGE = [3, 6, 6]
CONV = {"filters": 4, "kernel_size": 3}
KINDS: dict[str, tuple[dict[str, Any], list[int]]] = {
    "dense": ({"units": 4}, [5]),
    "embedding": ({"input_dim": 7, "output_dim": 4}, [3]),
    "conv1d": (CONV, [3, 6]),
    "conv2d": ({**CONV, "filters": 6, "groups": 3}, IMAGE),
    "conv3d": (CONV, [2, 5, 5, 5]),
    "conv1d_transpose": (CONV, [3, 6]),
    "conv2d_transpose": (CONV, IMAGE),
    "conv3d_transpose": (CONV, [2, 4, 4, 4]),
    "depthwise_conv1d": ({"kernel_size": 3}, [3, 6]),
    "depthwise_conv2d": ({"kernel_size": 3, "depth_multiplier": 2}, IMAGE),
    "separable_conv1d": (CONV, [3, 6]),
    "separable_conv2d": (CONV, IMAGE),
}


def document(layer: dict[str, Any], shape: list[int]) -> dict[str, Any]:
    dtype = "int64" if layer["type"] == "embedding" else "float32"
    return {
        "nnspec": 1,
        "name": "Normalized",
        "inputs": {"x": {"shape": shape, "dtype": dtype}},
        "layers": [{"name": "y", **layer}],
    }


def network(kind: str, **more: Any) -> Spec:
    settings, shape = KINDS[kind]
    text = json.dumps(document({"type": kind, **settings, **more}, shape))
    return loads(text, is_json=True)


def test_every_layer_with_the_key_is_tried() -> None:
    assert {kind for kind, layer in LAYERS.items() if issubclass(layer, Normalizable)} == {*KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_weight_begins_as_without_its_normalisation(kind: str) -> None:
    """Its length is that of its direction, for each output; both are the same in float32."""
    plain = initial_weights(network(kind).graph, 3)
    spec = network(kind, weight_normalization=True)
    found = initial_weights(spec.graph, 3)
    single = FirstWeights(spec.graph, 3, "float32")
    for name, weight in plain.items():
        if not name.endswith("weight"):
            np.testing.assert_array_equal(found[name], weight)
            continue
        length, direction = found[f"{name}_g"], found[f"{name}_v"]
        np.testing.assert_array_equal(direction, weight)
        outputs = 1 if "transpose" in kind else 0
        along = np.moveaxis(weight, outputs, 0).reshape(weight.shape[outputs], -1)
        np.testing.assert_allclose(length.ravel(), np.linalg.norm(along, axis=1), rtol=1e-14)
        assert length.size == weight.shape[outputs]
        np.testing.assert_array_equal(single[f"{name}_g"], length.astype("float32"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_emitted_module_takes_canonical_weights_and_begins_by_itself(kind: str) -> None:
    """By the names of torch.nn.utils.weight_norm, which PyTorch's newer one takes too."""
    spec = network(kind, weight_normalization=True)
    weights = initial_weights(spec.graph, 3)
    program = get_backend("torch").compile(spec).build()
    again = get_backend("torch").compile(spec).build().model
    again.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    program.load_weights(weights)
    for one, other in zip(program.model.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)
    begun = program.first_weights(5)
    assert begun.keys() == weights.keys()
    for name, length in begun.items():
        if name.endswith("_g"):
            direction = torch.tensor(begun[f"{name[:-2]}_v"])
            outputs = 1 if "transpose" in kind else 0
            expected = torch.norm_except_dim(direction, 2, outputs)
            np.testing.assert_allclose(length, expected, rtol=1e-6)


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_the_length_of_a_direction_changes_nothing(backend: str) -> None:
    spec = network("conv2d", weight_normalization=True)
    weights = initial_weights(spec.graph, 3)
    x = {"x": np.random.default_rng(0).normal(size=(2, *IMAGE))}
    program = get_backend(backend).compile(spec)
    first = program.build(weights, dtype="float64").forward(x)["y"]
    longer = {n: 3 * each if n.endswith("_v") else each for n, each in weights.items()}
    same = program.build(longer, dtype="float64").forward(x)["y"]
    np.testing.assert_allclose(same, first, rtol=1e-12, atol=1e-12)
    twice = {n: 2 * each if n.endswith("_g") else each for n, each in weights.items()}
    doubled = program.build(twice, dtype="float64").forward(x)["y"]
    np.testing.assert_allclose(doubled, 2 * first, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("layer", "shape", "said"),
    [
        ({"type": "dense", "units": 4, "kernel_initializer": "zeros"}, [5], "begin at 0"),
        (
            {"type": "dense", "units": 4}
            | {"kernel_initializer": {"type": "orthogonal", "gain": 0}},
            [5],
            "all its elements begin at 0",
        ),
        (
            {"type": "dense", "units": 6, "kernel_initializer": "identity"},
            [5],
            "those of some outputs all begin at 0",
        ),
        (
            {"type": "separable_conv2d", **CONV}
            | {"depthwise_initializer": {"type": "constant", "value": 0}},
            IMAGE,
            "depthwise.weight",
        ),
        (
            {"type": "embedding", "input_dim": 4, "output_dim": 2, "padding_index": 1},
            [5],
            "padding_index",
        ),
        ({"type": "conv1d_transpose", **CONV, "filters": 6, "groups": 3}, [3, 6], "groups: 1"),
    ],
)
def test_what_has_no_length_is_refused(layer: dict[str, Any], shape: list[int], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        loads(json.dumps(document({**layer, "weight_normalization": True}, shape)), is_json=True)


def test_a_block_is_of_two_classes_where_only_one_use_normalises() -> None:
    text = """
    nnspec: 1
    name: Two
    inputs: {x: {shape: [4]}}
    blocks:
      unit:
        variables: {is_normalized: true}
        layers:
          - {name: dense, type: dense, units: 4, weight_normalization: "${is_normalized}"}
    layers:
      - {name: one, type: unit}
      - {name: two, type: unit, is_normalized: false}
    """
    spec = loads(text)
    source = nnspec.compile(spec, "torch").source
    assert source.count("weight_norm(self.dense)") == 1
    assert source.count("(nn.Module):") == 3
    assert [name for name, _ in spec.graph.parameters() if "two" in name] == [
        "two.dense.weight",
        "two.dense.bias",
    ]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_keras_saves_and_loads_lengths_and_directions(tmp_path: Path) -> None:
    inputs = keras.Input((6, 6, 3))
    layer = keras.layers.SeparableConv2D(4, 3, activation="relu")
    kernels = {"depthwise_kernel": [-2, -1], "pointwise_kernel": [-1]}
    model = keras.Model(inputs, normalized.WeightNormalization(layer, kernels)(inputs))
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    plain = np.asarray(layer(x))
    np.testing.assert_allclose(np.asarray(model(x)), plain, rtol=1e-5, atol=1e-6)
    for variable in model.trainable_variables:
        variable.assign(variable + 0.1)
    model.save(tmp_path / "net.keras")
    again = keras.saving.load_model(tmp_path / "net.keras")
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(model(x)))
    assert len(again.trainable_variables) == 5


def test_a_backend_that_leaves_out_the_normalisation_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The weights of a proof have lengths other than those of the directions."""
    import nnspec_onnx.context

    monkeypatch.setattr(nnspec_onnx.context, "weight_of", lambda length, direction: direction)
    report = nnspec.verify(
        network("dense", weight_normalization=True),
        backends=("keras", "onnx"),
        exporters=False,
        steps=1,
    )
    assert not report.passed


def test_layers_that_do_not_use_later_keys_have_their_old_hash() -> None:
    for layer in (
        {"type": "dense", "units": 3},
        {"type": "bidirectional", "layer": {"type": "lstm", "units": 2}},
    ):
        text = canonical_text(loads(json.dumps(document(layer, [4, 3])), is_json=True).graph)
        assert "weight_normalization" not in text
        assert "recurrent_dropout" not in text
    layer["layer"] = {"type": "lstm", "units": 2, "recurrent_dropout": 0.1}
    text = canonical_text(loads(json.dumps(document(layer, [4, 3])), is_json=True).graph)
    assert "recurrent_dropout=0.1" in text


def test_a_state_dict_of_pytorch_is_taken_as_it_is(tmp_path: Path) -> None:
    """Of the emitted module, trained in a loop of one's own."""
    from safetensors.torch import save_file

    spec = network("separable_conv2d", weight_normalization=True)
    program = get_backend("torch").compile(spec).build()
    state = program.model.state_dict()
    assert "y.depthwise.parametrizations.weight.original0" in state
    save_file(state, tmp_path / "own.safetensors")
    stored = load_weights(tmp_path / "own.safetensors")
    check_weights(spec.graph, stored)
    for name, array in program.weights().items():
        np.testing.assert_array_equal(stored[name], array)
