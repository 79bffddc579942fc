"""Dropout of the state of recurrent layers: what it means, and that `verify` sees another one."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import nnspec
import nnspec_keras.lowerings as of_keras
from nnspec import layers
from nnspec.emit.code import Call
from nnspec.emit.lowering import Context, Lowered, lower
from nnspec.layers import Layer
from nnspec.network.loader import Spec, loads
from nnspec.verification import suite, verifier
from nnspec.verification.noise import without_noise
from nnspec_torch.attention_source import SPECIALISED
from nnspec_torch.emitted import dropping
from nnspec_torch.emitted.recurrent import GRUResetBefore, run_backwards, run_recurrent

LSTM = {"type": "lstm", "units": 3, "recurrent_dropout": 0.3}
GRU = {"type": "gru", "units": 3, "recurrent_dropout": 0.3}


def network(layer: dict[str, Any]) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Dropped",
        "inputs": {"x": {"shape": [4, 2]}},
        "layers": [{"name": "suspect", **layer}],
    }
    return loads(json.dumps(document), is_json=True)


def faults(monkeypatch: pytest.MonkeyPatch, layer: dict[str, Any], backend: str) -> list[str]:
    """Return what the check of random layers alone says of one layer in one backend."""
    random = tuple(each for each in suite.AFTERWARDS if each[1] is suite.compare_random)
    assert random
    monkeypatch.setattr(verifier, "AFTERWARDS", random)
    monkeypatch.setattr(verifier, "WITH_EXACT", ())
    report = nnspec.verify(network(layer), backends=(backend, "onnx"), exporters=False, steps=1)
    found = [check for check in report.checks if check.kind == "random"]
    assert found
    return [check.detail for check in found if not check.passed]


KEPT = "not what one mask for each gate makes of it"
MASK = "x.new_ones(len(x), *zeros.shape)"
WRONG = {
    "a mask for each step": (
        "state[0][:, None] * mask",
        "state[0][:, None] * F.dropout(torch.ones_like(mask), recurrent_dropout)",
        KEPT,
    ),
    "what is kept is not scaled": (
        "state[0][:, None] * mask",
        "state[0][:, None] * (mask > 0)",
        KEPT,
    ),
    "one mask for all gates": (MASK, "x.new_ones(len(x), 1, zeros.shape[1])", "independently"),
    "one mask for all rows": (MASK, "x.new_ones(1, *zeros.shape)", "share"),
    "one mask for all units": (MASK, "x.new_ones(len(x), len(zeros), 1)", "independently"),
    "half the rate": (f"({MASK}, recurrent_dropout)", f"({MASK}, recurrent_dropout / 2)", KEPT),
    "none": ("if not rnn.training:", "if True:", KEPT),
}


@pytest.mark.parametrize(
    "layer", [LSTM, {"type": "bidirectional", "layer": GRU}], ids=["lstm", "both"]
)
@pytest.mark.parametrize("wrong", WRONG)
def test_verify_sees_another_dropout_in_pytorch(
    wrong: str, layer: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, said = WRONG[wrong]

    def changed(snippet: Any, uses: Any) -> str:
        assert old in snippet.text
        return str(snippet.text.replace(old, new))

    monkeypatch.setitem(SPECIALISED, "run_dropping", changed)  # type: ignore[index]
    found = faults(monkeypatch, layer, "torch")
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"dropout": 0.3}, KEPT), ({"recurrent_dropout": 0.35}, KEPT), ({}, KEPT)],
    ids=["of the input", "another rate", "none"],
)
def test_verify_sees_another_dropout_in_keras(
    wrong: dict[str, float], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = of_keras.LOWERINGS[layers.LSTM]

    def changed(layer: Layer, context: Context) -> Lowered:
        made = lower(original, layer, context)
        assert made.module is not None
        kept = {key: value for key, value in made.module.keywords if key != "recurrent_dropout"}
        module = Call(made.module.function, made.module.positional, (*kept.items(), *wrong.items()))
        return made._replace(module=module)

    monkeypatch.setitem(of_keras.LOWERINGS, layers.LSTM, changed)  # type: ignore[index]
    found = faults(monkeypatch, LSTM, "keras")
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize(
    "layer",
    [
        {**LSTM, "return_sequences": True, "return_state": True, "use_bias": False},
        {**GRU, "go_backwards": True},
        {**GRU, "reset_after": False, "use_bias": False},
        {"type": "simple_rnn", "units": 2, "recurrent_dropout": 0.5, "activation": "relu"},
    ],
    ids=lambda layer: layer["type"],
)
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_verify_accuses_no_right_dropout(
    layer: dict[str, Any], backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not faults(monkeypatch, layer, backend)


STEPS: dict[str, tuple[Callable[..., Any], Callable[..., torch.nn.RNNBase]]] = {
    "tanh": (dropping.tanh_step, torch.nn.RNN),
    "relu": (dropping.relu_step, lambda *a, **k: torch.nn.RNN(*a, nonlinearity="relu", **k)),
    "lstm": (dropping.lstm_step, torch.nn.LSTM),
    "gru": (dropping.gru_step, torch.nn.GRU),
    "reset before": (
        dropping.reset_before_step,
        lambda *a, batch_first, **k: GRUResetBefore(*a, **k),
    ),
}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", STEPS)
def test_what_runs_in_training_is_the_layer_and_its_gradients_but_for_the_mask(
    name: str, bias: bool
) -> None:
    """With a rate of nearly 0 nothing is dropped."""
    step, make = STEPS[name]
    torch.manual_seed(0)
    rnn = make(3, 2, batch_first=True, bidirectional=True, bias=bias).double()
    one = make(3, 2, batch_first=True, bias=bias).double()
    x = torch.randn(4, 5, 3, dtype=torch.float64)
    kinds = 2 if name == "lstm" else 1
    states = [torch.randn(4, 2, dtype=torch.float64) for _ in range(2 * kinds)]
    lengths = torch.tensor([5, 1, 3, 4])
    for module, run, expected in (
        (rnn, dropping.run_dropping, run_recurrent),
        (one, dropping.run_dropping_backwards, run_backwards),
    ):
        start = states if module is rnn else states[:kinds]
        for given, known, sequences in itertools.product(
            ((), start), (None, lengths), (True, False)
        ):
            if name == "reset before" and known is not None and not given:
                continue  # one of these will do
            found = []
            for call in (partial(run, module, step, 1e-15), partial(expected, module)):
                module.zero_grad()
                outputs = call(x, *given, lengths=known, return_sequences=sequences)
                torch.cat([each.flatten() for each in outputs]).square().sum().backward()
                found.append([*outputs, *(p.grad for p in module.parameters())])
            for left, right in zip(*found, strict=True):
                torch.testing.assert_close(left, right, rtol=1e-12, atol=1e-12)


def test_without_randomness_a_bidirectional_and_general_bodies_draw_nothing() -> None:
    document = {
        "nnspec": 1,
        "name": "Shared",
        "inputs": {"x": {"shape": [4, 2]}, "y": {"shape": [6, 2]}},
        "blocks": {
            "unit": {
                "layers": [
                    {"type": "bidirectional", "layer": {**LSTM, "return_sequences": True}},
                    {"type": "dropout", "rate": 0.5},
                ]
            }
        },
        "layers": [
            {"name": "a", "type": "unit", "inputs": ["x"]},
            {"name": "b", "type": "shared", "layer": "a", "inputs": ["y"]},
        ],
        "outputs": ["a", "b"],
    }
    spec = loads(json.dumps(document), is_json=True)
    assert sum(at.node.layer.is_random for at in spec.graph.walk()) == 4
    graph = without_noise(spec.graph)
    assert not any(at.node.layer.is_random for at in graph.walk())
    source = nnspec.compile(Spec(spec.model, graph, spec.path), "torch").source
    assert "Dropout(0.5)" not in source
    # What runs in training is compared, with nothing dropped.
    assert source.count("lstm_step, 1e-300") == 1
    assert "0.3" not in source


def test_resuming_seeds_each_cell_of_keras() -> None:
    layer = {"type": "bidirectional", "layer": {**LSTM, "return_sequences": True}}
    program = nnspec.compile(network(layer), "keras").build(dtype="float64")
    x = {"x": np.random.default_rng(0).normal(size=(64, 4, 2))}
    program.reseed(1)
    first = program.training_outputs(x)["suspect"]
    assert np.abs(program.training_outputs(x)["suspect"] - first).max() == 0  # nothing moves
    program.reseed(2)
    assert np.abs(program.training_outputs(x)["suspect"] - first).max() > 0.01
    program.reseed(1)
    np.testing.assert_array_equal(program.training_outputs(x)["suspect"], first)


def test_gradients_are_those_of_what_runs_in_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that no output shows without dropout, and none at inference."""

    def changed(snippet: Any, uses: Any) -> str:
        old = "state[0][:, None] * mask"
        assert old in snippet.text
        return str(snippet.text.replace(old, "state[0].detach()[:, None] * mask"))

    monkeypatch.setitem(SPECIALISED, "run_dropping", changed)  # type: ignore[index]
    checks = tuple(each for each in suite.AFTERWARDS if each[1] is suite.compare_training)
    monkeypatch.setattr(verifier, "AFTERWARDS", checks)
    monkeypatch.setattr(verifier, "WITH_EXACT", ())
    report = nnspec.verify(network(LSTM), backends=("torch", "keras"), exporters=False, steps=1)
    assert {check.kind for check in report.checks if not check.passed} >= {"gradient"}
    assert not any("dropout off" in note for note in report.notes)
