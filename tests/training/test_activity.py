"""Terms of the loss that are what layers give: formula, frameworks, scripts, errors."""

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
from nnspec.errors import SpecError
from nnspec.network.loader import Spec, loads
from nnspec.verification.samples import random_goals, random_inputs
from tests.training.test_training_tables import programs_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
    pytest.mark.usefixtures("eager"),
]
SUFFIX = {"torch": "safetensors", "keras": "keras"}
HIDDEN: dict[str, Any] = {"name": "hidden", "type": "dense", "units": 3, "activation": "tanh"}
SCORES: dict[str, Any] = {"name": "scores", "type": "dense", "units": 3, "activation": "softmax"}
STEP: dict[str, Any] = {
    "layers": [
        {"name": "inner", "type": "dense", "units": 3, "activation": "relu"},
        {"name": "out", "type": "add", "inputs": ["inner", "x"]},
    ]
}
BLOCKS: list[dict[str, Any]] = [{"name": "steps", "type": "step", "repeat": 3}, SCORES]
TWICE: list[dict[str, Any]] = [
    {"name": "first", "type": "step"},
    {"name": "again", "type": "shared", "layer": "first"},
    HIDDEN,
    {"name": "more", "type": "shared", "layer": "hidden"},
    SCORES,
]
READER: list[dict[str, Any]] = [
    {"name": "reshaped", "type": "reshape", "shape": [3, 1]},
    {"name": "reader", "type": "gru", "units": 3, "return_sequences": True},
    {"name": "last", "type": "lstm", "units": 2},
    SCORES,
]
IMAGE: list[dict[str, Any]] = [
    {"name": "reshaped", "type": "reshape", "shape": [1, 3, 1]},
    {"name": "conv", "type": "conv2d", "filters": 4, "kernel_size": [3, 1], "padding": "same"},
    {"name": "norm", "type": "batch_normalization"},
    {"name": "bend", "type": "gelu"},
    {"name": "flat", "type": "flatten"},
    SCORES,
]
L1, L2 = {"type": "l1", "factor": 0.02}, {"type": "l2", "factor": 0.03}
CASES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {
    "a layer": ([HIDDEN, SCORES], [{**L1, "activity": "hidden"}]),
    "with parameters": ([HIDDEN, SCORES], [{**L2, "activity": ["hid*"]}, L1]),
    "both": ([HIDDEN, SCORES], [{**L2, "activity": "hidden"}, {**L1, "activity": "h*"}]),
    "in every repetition": (BLOCKS, [{**L1, "activity": "steps.*"}]),
    "in one repetition": (BLOCKS, [{**L1, "activity": "steps.1.inner"}]),
    "called twice": (TWICE, [{**L2, "activity": ["first.inner", "hidden"]}]),
    "recurrent": (READER, [{**L1, "activity": ["reader", "last"]}]),
    "image": (IMAGE, [{**L2, "activity": "conv"}, {**L1, "activity": ["norm", "bend"]}]),
}


def spec_of(
    layers: list[dict[str, Any]],
    terms: list[dict[str, Any]] | None,
    folder: Path | None = None,
    **more: Any,
) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Small",
        "data_format": "channels_first",
        "inputs": {"x": {"shape": [3]}},
        **({"blocks": {"step": STEP}} if any(each["type"] == "step" for each in layers) else {}),
        "layers": layers,
        "training": {
            "task": "multiclass",
            "optimizer": {"type": "sgd", "learning_rate": 0.05, "momentum": 0.9},
            **({"regularization": terms} if terms else {}),
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


def tanh_of(weights: dict[str, Any], x: Any) -> Any:
    return np.tanh(x @ weights["hidden.weight"].T + weights["hidden.bias"])


def step_of(weights: dict[str, Any], path: str, x: Any) -> Any:
    return np.maximum(x @ weights[f"{path}.inner.weight"].T + weights[f"{path}.inner.bias"], 0)


def added(name: str, weights: dict[str, Any], x: Any) -> float:
    """Return what the terms of a case add, by their definition."""
    l1, l2 = L1["factor"], L2["factor"]
    if name in ("a layer", "both", "with parameters"):
        h = tanh_of(weights, x)
        squares, sizes = l2 * (h**2).sum() / len(x), l1 * np.abs(h).sum() / len(x)
        own = l1 * sum(np.abs(w).sum() for key, w in weights.items() if key.endswith("weight"))
        return float({"a layer": sizes, "both": squares + sizes}.get(name, squares + own))
    if name == "called twice":
        first = step_of(weights, "first", x)
        second = step_of(weights, "first", first + x)
        third = tanh_of(weights, second + first + x)
        fourth = tanh_of(weights, third)
        return float(l2 * sum((h**2).sum() for h in (first, second, third, fourth)) / len(x))
    total = 0.0
    for i in range(3):
        h = step_of(weights, f"steps.{i}", x)
        if name == "in every repetition":
            total += np.abs(h).sum() + np.abs(h + x).sum()
        elif i == 1:
            total += np.abs(h).sum()
        x = h + x
    return float(l1 * total / len(x))


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("name", [*CASES][:6])
def test_terms_of_activations_add_their_formula(name: str, rows: int) -> None:
    spec, plain = spec_of(*CASES[name]), spec_of(CASES[name][0], None)
    inputs, target = random_inputs(spec.graph, rows, {}, 1), random_goals(spec, rows, {}, 2)
    alone = programs_of(plain)
    for backend, program in programs_of(spec).items():
        weights = program.weights()
        draw = np.random.default_rng(3)
        weights = {key: array + 0.1 * draw.random(array.shape) for key, array in weights.items()}
        program.load_weights(weights)
        alone[backend].load_weights(weights)
        wanted = added(name, weights, inputs["x"])
        assert wanted > 0.001
        for found, without in (
            (program.loss(inputs, target), alone[backend].loss(inputs, target)),
            (program.gradients(inputs, target)[0], alone[backend].gradients(inputs, target)[0]),
        ):
            assert found - without == pytest.approx(wanted, rel=1e-12)
        served, same = program.forward(inputs), alone[backend].forward(inputs)
        assert all((served[key] == same[key]).all() for key in served)


@pytest.mark.parametrize("name", CASES)
def test_thirty_steps_end_alike(name: str) -> None:
    spec = spec_of(*CASES[name], clip={"norm": 0.5}, accumulate=2)
    programs = programs_of(spec)
    slopes, begun = [], programs["torch"].weights()
    for program in programs.values():
        program.load_weights(begun)
        inputs, target = random_inputs(spec.graph, 6, {}, 1), random_goals(spec, 6, {}, 2)
        slopes.append(program.gradients(inputs, target))
        program.start_training()
        for step in range(30):
            inputs = random_inputs(spec.graph, 6, {}, step)
            program.train_step(inputs, random_goals(spec, 6, {}, step))
    (one, first), (two, second) = slopes
    assert one == pytest.approx(two, rel=1e-12)
    for key, slope in first.items():
        assert np.abs(slope - second[key]).max() < 1e-9, key
    ends = [program.weights() for program in programs.values()]
    for key, array in ends[0].items():
        if "running" not in key:
            assert np.abs(array - ends[1][key]).max() < 1e-7, key


def test_units_that_give_0_have_no_gradient_of_their_size() -> None:
    layers = [{**HIDDEN, "activation": "relu"}, SCORES]
    spec, plain = spec_of(layers, [{**L1, "activity": "hidden"}]), spec_of(layers, None)
    inputs, target = random_inputs(spec.graph, 4, {}, 1), random_goals(spec, 4, {}, 2)
    alone = programs_of(plain)
    for backend, program in programs_of(spec).items():
        weights = program.weights()
        weights["hidden.bias"] = np.full_like(weights["hidden.bias"], -1e3)
        for each in (program, alone[backend]):
            each.load_weights(weights)
        found, wanted = program.gradients(inputs, target), alone[backend].gradients(inputs, target)
        assert found[0] == wanted[0]
        assert all((found[1][key] == wanted[1][key]).all() for key in wanted[1])


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", ["with parameters", "recurrent"])
def test_a_script_with_activations_ends_with_the_weights_of_train(
    name: str, backend: str, tmp_path: Path
) -> None:
    more: dict[str, Any] = {"epochs": 2, "batch_size": 8, "seed": 1}
    if name == "recurrent":
        more |= {"metrics": ["accuracy", "f1"], "accumulate": 2, "clip": {"norm": 0.1}}
    spec = spec_of(*CASES[name], tmp_path, **more)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)


def test_losses_of_epochs_have_the_terms_in_both(tmp_path: Path) -> None:
    histories = []
    for backend in SUFFIX:
        spec = spec_of(*CASES["recurrent"], tmp_path, epochs=2, batch_size=2)
        done = nnspec.train(spec, backend, tmp_path / backend, dtype="float64")
        histories.append(done.history[-1].values)
    assert histories[0] == pytest.approx(histories[1], rel=1e-9)


def test_sources_with_activations_are_clean(tmp_path: Path) -> None:
    for number, (layers, terms) in enumerate(CASES.values()):
        folder = tmp_path / f"case_{number}"
        folder.mkdir()
        spec = spec_of(layers, terms, folder)
        for backend in SUFFIX:
            compiled = get_backend(backend).compile(spec, Options(training=True))
            compiled.write(folder / f"{backend}.py")
    assert_clean(tmp_path)


WRONG = {
    "no such layer": ({**L2, "activity": "hiden"}, "unknown-owner"),
    "of both": ({**L2, "activity": "hidden", "of": "*"}, "wrong-value"),
    "left out by the loss": ({**L2, "activity": "*"}, "wrong-value"),
    "no name": ({**L2, "activity": []}, "missing-argument"),
}


@pytest.mark.parametrize("name", WRONG)
def test_terms_that_mean_nothing_are_errors(name: str) -> None:
    term, code = WRONG[name]
    with pytest.raises(SpecError) as error:
        spec_of([HIDDEN, SCORES], [term])
    assert [problem.code for problem in error.value.problems] == [code]


def test_rows_of_another_number_have_no_mean_over_the_batch() -> None:
    layers = [
        {"name": "reshaped", "type": "reshape", "shape": [3, 1, 1]},
        {"name": "inner", "type": "flatten", "time_distributed": True},
        {"name": "flat", "type": "flatten"},
        SCORES,
    ]
    with pytest.raises(SpecError, match="other rows than the batch"):
        spec_of(layers, [{**L2, "activity": "inner"}])
