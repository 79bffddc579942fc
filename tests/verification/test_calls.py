"""Emitted networks answer alike however users call them, and inference moves no state."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from nnspec.backend import get_backend
from nnspec.layers import BatchNormalization
from nnspec.network.loader import Spec, load, loads
from nnspec.verification import samples
from tests.cases import CASES, Case, Network
from tests.golden_files import SPECS
from tests.project.test_zoo import PATHS, reduced

BATCH = 3
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
"""Of float32: a compiled network, as `predict` has it, orders its sums in its own way."""


def is_random(spec: Spec) -> bool:
    return any(at.node.layer.is_random for at in spec.graph.walk())


def has_statistics(spec: Spec) -> bool:
    return any(isinstance(at.node.layer, BatchNormalization) for at in spec.graph.walk())


def given(spec: Spec, backend: str) -> tuple[Any, dict[str, Any]]:
    """Return the program in a backend, and its inputs."""
    axes = dict.fromkeys(samples.dynamic_axes(spec.graph), 8)  # what halves it may
    inputs = samples.random_inputs(spec.graph, BATCH, axes, 0)
    weights = samples.exercised_weights(spec.graph, 0)
    return get_backend(backend).compile(spec).build(weights), inputs


def assert_same(spec: Spec, what: str, answer: Any, reference: Any, only: Any = None) -> None:
    for name, array, expected in zip(spec.graph.outputs, answer, reference, strict=True):
        if only is None or name in only:
            array, expected = np.asarray(array), np.asarray(expected)
            np.testing.assert_allclose(array, expected, **CLOSE, err_msg=f"{what}: {name}")


def listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def assert_keras_answers_alike(spec: Spec, *, predict: bool) -> None:
    program, inputs = given(spec, "keras")
    model = program.model
    tensors = program.tensors(inputs)
    before = [variable.numpy().copy() for variable in model.variables]
    reference = listed(model(tensors, training=False))
    assert_same(spec, "model(x)", listed(model(tensors)), reference)
    if predict:
        arrays = [np.asarray(array) for array in listed(tensors)]
        rows = arrays if len(arrays) > 1 else arrays[0]
        answer = listed(model.predict(rows, batch_size=2, verbose=0))
        assert_same(spec, "model.predict(x)", answer, reference)
    # Keras draws what recurrent layers would drop at inference too (findings/).
    cells = [part for part in model._flatten_layers() if type(part).__name__.endswith("Cell")]
    drawn = {id(cell.seed_generator.state) for cell in cells}
    for variable, value in zip(model.variables, before, strict=True):
        if id(variable) in drawn:
            continue
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)


def assert_torch_answers_alike(spec: Spec, steady: set[str] | None = None) -> None:
    """Compare what eval() gives, and the outputs `steady`, all by default, without it."""
    import torch

    program, inputs = given(spec, "torch")
    model, tensors = program.model, program.tensors(inputs)
    with torch.no_grad():
        reference = listed(model.eval()(*tensors))
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        assert_same(spec, "eval() again", listed(model(*tensors)), reference)
        for name, tensor in model.state_dict().items():
            torch.testing.assert_close(tensor, before[name], rtol=0, atol=0, msg=name)
        if steady or not (is_random(spec) or has_statistics(spec)):
            answer = listed(model.train()(*tensors))
            assert_same(spec, "without eval()", answer, reference, steady)


def renamed(value: Any, prefix: str) -> Any:
    """Return a layer's fields with the case's own names as those of one branch of many."""
    if isinstance(value, dict):
        return {key: renamed(item, prefix) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, prefix) for item in value]
    own = isinstance(value, str) and re.match(r"given_|tested\b", value)
    return f"{prefix}{value}" if own else value


def joined(cases: Iterable[Case]) -> tuple[Spec, set[str]]:
    """Return one network of all cases side by side, and the outputs that training leaves alone.

    A batch normalisation behind each would feel it if the layer told it to train.
    """
    cases = list(cases)
    whole: dict[str, Any] = {**cases[0].spec(), "inputs": {}, "layers": [], "outputs": []}
    del whole["training"]
    steady = set()
    for i, case in enumerate(cases):
        branch = renamed(case.spec(), f"c{i}_")
        whole["inputs"] |= {f"c{i}_{name}": kind for name, kind in case.spec()["inputs"].items()}
        whole["layers"] += branch["layers"]
        whole["outputs"] += branch["outputs"]
        kind = loads(json.dumps(case.spec()), is_json=True).graph.types["tested"]
        norm = {"type": "batch_normalization", "name": f"c{i}_norm", "inputs": [f"c{i}_tested"]}
        channel = 0 if case.data_format == "channels_first" and kind.rank > 1 else -1
        if kind.dtype == "float32" and 0 < kind.rank < 5 and isinstance(kind.shape[channel], int):
            whole["layers"].append(norm)
            whole["outputs"].append(norm["name"])
        single = loads(json.dumps(case.spec()), is_json=True)
        if not is_random(single) and not has_statistics(single):
            steady.update(branch["outputs"])
    return loads(json.dumps(whole), is_json=True), steady


def tables(*, whole: bool) -> list[list[Case]]:
    """Return the cases of one layout, few enough for a network: one of each mode, or the whole."""
    parts = []
    for data_format in ("channels_first", "channels_last"):
        cases = [c for c in CASES if isinstance(c, Case) and c.data_format == data_format]
        if not whole:
            first: dict[object, Case] = {}
            for case in cases:
                settings = case.layer.items()
                words = {key: value for key, value in settings if isinstance(value, str)}
                first[json.dumps(words)] = case
            cases = list(first.values())
        parts += [cases[start : start + 120] for start in range(0, len(cases), 120)]
    return parts


@pytest.mark.parametrize("cases", tables(whole=False), ids=lambda cases: cases[0].data_format)
def test_every_layer_answers_alike(cases: list[Case]) -> None:
    spec, steady = joined(cases)
    assert_keras_answers_alike(spec, predict=False)
    assert_torch_answers_alike(spec, steady)


@pytest.mark.slow
@pytest.mark.parametrize("cases", tables(whole=True), ids=lambda cases: cases[0].id)
def test_every_case_answers_alike(cases: list[Case]) -> None:
    spec, steady = joined(cases)
    assert_keras_answers_alike(spec, predict=True)
    assert_torch_answers_alike(spec, steady)


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in CASES if isinstance(c, Network)], ids=lambda c: c.id)
def test_every_network_answers_alike(case: Network) -> None:
    spec = loads(json.dumps(case.spec()), is_json=True)
    assert_keras_answers_alike(spec, predict=True)
    assert_torch_answers_alike(spec)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_example_answers_alike(path: Any) -> None:
    spec = load(path)
    assert_keras_answers_alike(spec, predict=True)
    assert_torch_answers_alike(spec)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_network_of_the_zoo_answers_alike(path: Any) -> None:
    spec = reduced(path)
    assert_keras_answers_alike(spec, predict=True)
    assert_torch_answers_alike(spec)
