"""What a recurrent layer means, where a comparison of backends alone could miss it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.emit.loading import load_source
from nnspec.errors import WeightsError
from nnspec.network.loader import Spec, loads
from nnspec.weights.canonical import initial_weights

BACKENDS = ("torch", "keras", "onnx")
CELLS = ("simple_rnn", "lstm", "gru")


def network(layer: dict[str, Any]) -> Spec:
    return loads(
        json.dumps(
            {
                "nnspec": 1,
                "name": "Tested",
                "inputs": {
                    "words": {"shape": ["time", 3]},
                    "lengths": {"shape": [], "dtype": "int32"},
                },
                "layers": [{**layer, "name": "tested", "inputs": ["words", "lengths"]}],
            }
        ),
        is_json=True,
    )


def layers() -> list[dict[str, Any]]:
    found = []
    cells: list[dict[str, Any]] = [{"type": kind} for kind in CELLS]
    for cell in (*cells, {"type": "gru", "reset_after": False}):
        one = {**cell, "units": 2}
        steps = {**one, "return_sequences": True}
        found += [one, steps, {**steps, "go_backwards": True}]
        found += [{"type": "bidirectional", "layer": layer} for layer in (one, steps)]
    return found


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("layer", layers(), ids=lambda layer: json.dumps(layer)[9:-1])
def test_padding_and_neighbours_do_not_matter(layer: dict[str, Any], backend: str) -> None:
    program = nnspec.compile(network(layer), backend).build(dtype="float64")
    draw = np.random.default_rng(0)
    words = draw.normal(size=(3, 5, 3))
    lengths = np.array([5, 2, 1], np.int32)
    given = program.forward({"words": words, "lengths": lengths})["tested"]

    padded = words.copy()
    for row, length in enumerate(lengths):
        padded[row, length:] = 1e3
    same = program.forward({"words": padded, "lengths": lengths})["tested"]
    np.testing.assert_array_equal(same, given)

    for row, length in enumerate(lengths):
        alone = {"words": words[row : row + 1, :length], "lengths": lengths[row : row + 1]}
        expected = program.forward(alone)["tested"][0]
        if given.ndim == 2:
            np.testing.assert_allclose(given[row], expected, atol=1e-14)
        else:
            np.testing.assert_allclose(given[row, :length], expected, atol=1e-14)
            assert not given[row, length:].any()


@pytest.mark.parametrize("backend", BACKENDS)
def test_backwards_outputs_stay_at_their_steps(backend: str) -> None:
    """The output of the last step has seen that step alone, and that of the first has seen all."""
    layer = {"type": "gru", "units": 2, "return_sequences": True, "go_backwards": True}
    program = nnspec.compile(network(layer), backend).build(dtype="float64")
    words = np.random.default_rng(0).normal(size=(1, 4, 3))
    lengths = np.array([4], np.int32)
    given = program.forward({"words": words, "lengths": lengths})["tested"]
    words[0, 0] += 1.0
    moved = program.forward({"words": words, "lengths": lengths})["tested"]
    assert (given[0, 0] != moved[0, 0]).all()
    np.testing.assert_array_equal(given[0, 1:], moved[0, 1:])


def test_first_weights() -> None:
    spec = network({"type": "lstm", "units": 3})
    weights = initial_weights(spec.graph)
    recurrent = weights["tested.weight_hh_l0"]
    np.testing.assert_allclose(recurrent.T @ recurrent, np.eye(3), atol=1e-14)
    assert weights["tested.bias_ih_l0"].tolist() == [0] * 3 + [1] * 3 + [0] * 6
    assert not weights["tested.bias_hh_l0"].any()


@pytest.mark.parametrize("cell", [{"type": "lstm"}, {"type": "gru", "reset_after": False}], ids=str)
def test_a_second_bias_is_refused(cell: dict[str, Any]) -> None:
    spec = network({**cell, "units": 3})
    weights = initial_weights(spec.graph)
    weights["tested.bias_hh_l0"] += 0.5
    with pytest.raises(WeightsError, match=r'"tested.bias_hh_l0" is always 0: add it to'):
        nnspec.compile(spec, "torch").build(weights)


def test_torch_loads_the_weights_as_they_are() -> None:
    """Strictly, and the second bias neither has another value nor learns one."""
    import torch

    spec = network({"type": "bidirectional", "layer": {"type": "lstm", "units": 3}})
    source = nnspec.compile(spec, "torch").source
    model = load_source(source, "Tested").Tested()
    fixed = [name for name, value in model.named_parameters() if not value.requires_grad]
    assert fixed == ["tested.bias_hh_l0", "tested.bias_hh_l0_reverse"]
    assert not any(value.any() for name, value in model.named_parameters() if name in fixed)
    weights = {name: torch.tensor(value) for name, value in initial_weights(spec.graph).items()}
    model.load_state_dict(weights)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gru_resets_the_state_before_the_product(backend: str) -> None:
    """By the formula of Cho et al. 2014, with gates r, z, n from above in each weight."""
    spec = network({"type": "gru", "units": 2, "reset_after": False})
    weights = initial_weights(spec.graph)
    draw = np.random.default_rng(0)
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"):
        weights[f"tested.{name}"] = draw.normal(size=weights[f"tested.{name}"].shape)
    words = draw.normal(size=(1, 4, 3))

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + np.exp(-x))

    h = np.zeros(2)
    hidden = weights["tested.weight_hh_l0"]
    for x in words[0]:
        given = weights["tested.weight_ih_l0"] @ x + weights["tested.bias_ih_l0"]
        r, z = np.split(sigmoid(given[:4] + hidden[:4] @ h), 2)
        n = np.tanh(given[4:] + hidden[4:] @ (r * h))
        h = (1 - z) * n + z * h
    program = nnspec.compile(spec, backend).build(weights, dtype="float64")
    lengths = np.array([4], np.int32)
    given = program.forward({"words": words, "lengths": lengths})["tested"]
    np.testing.assert_allclose(given[0], h, atol=1e-14)
