"""Terms of the loss that are the size of parameters: formula, frameworks, scripts, errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from formatting import assert_clean
from script_cases import first_weights, require_weights_of_train, run, script_of

import nnspec
from nnspec.backend import Options, get_backend
from nnspec.errors import SpecError, UnsupportedError
from nnspec.network.loader import Spec, loads
from nnspec.network.regularization import amounts_of
from nnspec.verification.samples import random_goals, random_inputs
from nnspec.weights.canonical import load_weights
from tests.training.test_training_tables import programs_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
    pytest.mark.usefixtures("eager"),
]
SUFFIX = {"torch": "safetensors", "keras": "keras"}
LAYERS: list[dict[str, Any]] = [
    {"name": "hidden", "type": "dense", "units": 4, "activation": "tanh"},
    {"name": "norm", "type": "batch_normalization"},
    {"name": "kept", "type": "dense", "units": 4, "trainable": False},
    {"name": "scores", "type": "dense", "units": 3, "activation": "softmax"},
]
READER: list[dict[str, Any]] = [
    {"name": "reshaped", "type": "reshape", "shape": [3, 1]},
    {"name": "reader", "type": "gru", "units": 3},
    {"name": "scores", "type": "dense", "units": 3, "activation": "softmax"},
]
L2, L1 = {"type": "l2", "factor": 0.02}, {"type": "l1", "factor": 0.01}
TERMS: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "weights": (LAYERS, [L2]),
    "both of all": (LAYERS, [{**L2, "of": "*"}, {**L1, "of": ["weights"]}]),
    "a layer, and biases": (LAYERS, [{**L1, "of": "scores.*"}, {**L2, "of": ["*.bias"]}]),
    "one twice": (LAYERS, [{**L1, "of": "scores.weight"}, {**L1, "of": "*.weight"}]),
    "recurrent": (READER, [{**L2, "of": "reader.*"}, L1]),
}


def spec_of(
    layers: list[dict[str, Any]],
    terms: list[dict[str, Any]],
    folder: Path | None = None,
    **more: Any,
) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Small",
        "inputs": {"x": {"shape": [3]}},
        "layers": layers,
        "training": {
            "task": "multiclass",
            "optimizer": {"type": "sgd", "learning_rate": 0.05},
            "regularization": terms,
            **more,
        },
    }
    if folder is None:
        return loads(json.dumps(document))
    draw = np.random.default_rng(1)
    numbers = draw.normal(size=(46, 3)).round(3)
    table = {**{f"f{i}": numbers[:, i] for i in range(3)}, "kind": draw.integers(0, 3, 46)}
    pl.DataFrame(table).write_csv(folder / "rows.csv")
    data = {"source": "rows.csv", "features": {"x": "f*"}, "target": "kind"}
    return loads(json.dumps({**document, "data": data}), path=folder / "net.json", is_json=True)


@pytest.mark.parametrize("name", TERMS)
def test_the_terms_add_their_formula_to_loss_and_gradient(name: str) -> None:
    layers, terms = TERMS[name]
    spec, plain = spec_of(layers, terms), spec_of(layers, terms)
    assert plain.model.training is not None
    without = plain.model.training.model_copy(update={"regularization": None})
    plain = Spec(plain.model.model_copy(update={"training": without}), plain.graph, plain.path)
    inputs, target = random_inputs(spec.graph, 5, {}, 1), random_goals(spec, 5, {}, 2)
    alone = programs_of(plain)
    for backend, program in programs_of(spec).items():
        weights = program.weights()
        draw = np.random.default_rng(3)
        weights = {key: array + 0.1 * draw.random(array.shape) for key, array in weights.items()}
        program.load_weights(weights)
        alone[backend].load_weights(weights)
        loss, slopes = alone[backend].gradients(inputs, target)
        wanted = dict(slopes)
        for key, amounts in amounts_of(spec.graph, spec.model.training).items():
            assert not key.startswith("kept.")
            array = weights[key]
            loss += amounts.l1 * np.abs(array).sum() + amounts.l2 * (array**2).sum()
            wanted[key] = slopes[key] + amounts.l1 * np.sign(array) + 2 * amounts.l2 * array
        found, gradients = program.gradients(inputs, target)
        assert found == pytest.approx(loss, rel=1e-12)
        for key, slope in wanted.items():
            assert np.abs(slope - gradients[key]).max() < 1e-12, (backend, key)
        inference = program.loss(inputs, target) - alone[backend].loss(inputs, target)
        assert inference == pytest.approx(found - alone[backend].gradients(inputs, target)[0])


def test_the_word_weights_leaves_out_biases_and_norms() -> None:
    found = amounts_of((spec := spec_of(LAYERS, [L2])).graph, spec.model.training)
    assert {*found} == {"hidden.weight", "scores.weight"}


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", ["both of all", "recurrent"])
def test_a_script_with_terms_ends_with_the_weights_of_train(
    name: str, backend: str, tmp_path: Path
) -> None:
    layers, terms = TERMS[name]
    more = {"epochs": 2, "batch_size": 8, "seed": 1, "accumulate": 2, "clip": {"norm": 0.1}}
    if name == "recurrent":
        more["metrics"] = ["accuracy", "f1"]
    spec = spec_of(layers, terms, tmp_path, **more)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)


def test_losses_of_epochs_have_the_terms_in_both(tmp_path: Path) -> None:
    histories = []
    for backend in SUFFIX:
        # Without batch normalisation, whose running variances differ.
        spec = spec_of(*TERMS["recurrent"], tmp_path, epochs=2, batch_size=8)
        done = nnspec.train(spec, backend, tmp_path / backend, dtype="float64")
        histories.append(done.history[-1].values)
    assert histories[0] == pytest.approx(histories[1], rel=1e-9)


def two_losses(folder: Path) -> Spec:
    draw = np.random.default_rng(1)
    numbers = draw.normal(size=(30, 3)).round(3)
    table = {**{f"f{i}": numbers[:, i] for i in range(3)}, "a": numbers[:, 0], "b": numbers[:, 1]}
    pl.DataFrame(table).write_csv(folder / "rows.csv")
    document = {
        "nnspec": 1,
        "name": "Two",
        "inputs": {"x": {"shape": [3]}},
        "layers": [
            {"name": "hidden", "type": "dense", "units": 4, "activation": "tanh"},
            {"name": "first", "type": "dense", "units": 1, "inputs": ["hidden"]},
            {"name": "second", "type": "dense", "units": 1, "inputs": ["hidden"]},
        ],
        "outputs": ["first", "second"],
        "data": {
            "source": "rows.csv",
            "features": {"x": "f*"},
            "target": {"first": "a", "second": "b"},
        },
        "training": {
            "loss": {"first": "mse", "second": {"type": "mae", "weight": 0.5}},
            "regularization": [L2],
            "epochs": 2,
            "batch_size": 8,
            "seed": 1,
        },
    }
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_script_of_two_losses_with_terms_ends_with_the_weights_of_train(
    backend: str, tmp_path: Path
) -> None:
    spec = two_losses(tmp_path)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)


def test_several_losses_have_the_terms_in_their_sum(tmp_path: Path) -> None:
    spec = two_losses(tmp_path)
    ends = [nnspec.train(spec, backend, tmp_path / backend, dtype="float64") for backend in SUFFIX]
    first, second = (each.history[-1].values for each in ends)
    assert first == pytest.approx(second, rel=1e-9)
    weights = load_weights(ends[0].last)
    added = 0.02 * sum((array**2).sum() for array in weights.values() if array.ndim > 1)
    parts = first["val_first_loss"] + 0.5 * first["val_second_loss"]
    assert first["val_loss"] == pytest.approx(parts + added, rel=1e-6)


def test_scripts_with_terms_are_clean(tmp_path: Path) -> None:
    for name, (layers, terms) in TERMS.items():
        folder = tmp_path / name.replace(" ", "_").replace(",", "")
        folder.mkdir()
        spec = spec_of(layers, terms, folder)
        for backend in SUFFIX:
            compiled = get_backend(backend).compile(spec, Options(training=True))
            compiled.write(folder / f"{backend}.py")
    assert_clean(tmp_path)


WRONG = {
    "no such parameter": ([{**L2, "of": "skores.*"}], "unknown-owner"),
    "frozen": ([{**L2, "of": "kept.*"}], "unknown-owner"),
    "negative": ([{"type": "l2", "factor": -1}], "out-of-range"),
    "not a number": ([{"type": "l2", "factor": "much"}], "wrong-type"),
    "another type": ([{"type": "l3", "factor": 1}], "wrong-value"),
    "no factor": ([{"type": "l1"}], "missing-argument"),
}


@pytest.mark.parametrize("name", WRONG)
def test_terms_that_mean_nothing_are_errors(name: str) -> None:
    terms, code = WRONG[name]
    with pytest.raises(SpecError) as error:
        spec_of(LAYERS, terms)
    assert [problem.code for problem in error.value.problems] == [code]


def test_keras_refuses_terms_of_a_part_of_a_variable() -> None:
    spec = spec_of(READER, [{**L2, "of": "reader.bias_ih_l0"}])
    with pytest.raises(UnsupportedError, match="are one variable in Keras"):
        get_backend("keras").compile(spec, Options(training=True))
