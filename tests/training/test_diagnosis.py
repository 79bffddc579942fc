"""What vanishes, explodes or dies on purpose is named by its layer; its mended twin is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import nnspec
from nnspec.cli import main
from nnspec.network.loader import Spec, loads
from nnspec.training.diagnosis import LayerState, Snapshot
from nnspec.training.diagnosis_words import findings
from nnspec.training.run import TrainingError
from nnspec.weights.canonical import load_weights

ROOT = Path(__file__).parents[2]


def stack(depth: int, activation: str, **more: Any) -> list[dict[str, Any]]:
    hidden = {"type": "dense", "units": 24, "activation": activation, **more}
    last = {"name": "out", "type": "dense", "units": 3, "activation": "softmax"}
    return [*({"name": f"hidden{i}", **hidden} for i in range(depth)), last]


def network(folder: Path, layers: list[dict[str, Any]], **more: Any) -> Spec:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 8)).astype("float32")
    np.savez(folder / "rows.npz", x=x, y=(x @ rng.normal(size=(8, 3))).argmax(axis=1))
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [8]}},
        "layers": layers,
        "data": {"source": "rows.npz", "features": {"x": "x"}, "target": "y"},
        "training": {"task": "multiclass", "epochs": 2, **more},
    }
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


HE = {"kernel_initializer": "he_normal"}
LARGE = {"kernel_initializer": {"type": "normal", "stddev": 2.0}}
BELOW = {**HE, "bias_initializer": {"type": "constant", "value": -10.0}}
SGD: dict[str, Any] = {"optimizer": {"type": "sgd", "learning_rate": 0.05}}
FAST: dict[str, Any] = {"optimizer": {"type": "adam", "learning_rate": 1.0}}
HIDDEN = tuple(f"hidden{i}" for i in range(12))

CASES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], dict[str, tuple[str, ...]], str]] = {
    "deep sigmoid": (stack(10, "sigmoid"), {}, {"vanishing": HIDDEN[:6]}, "place of sigmoid"),
    "deep tanh of small weights": (
        stack(10, "tanh", kernel_initializer={"type": "normal", "stddev": 0.03}),
        {},
        {"vanishing": ()},
        "in the place of tanh",
    ),
    "deep relu": (stack(10, "relu", **HE), {}, {}, ""),
    "shallow sigmoid": (stack(2, "sigmoid"), {}, {}, ""),
    "large weights": (stack(5, "relu", **LARGE), {}, {"exploding": HIDDEN[3:5]}, "smaller first"),
    "weights of he": (stack(5, "relu", **HE), SGD, {}, ""),
    "bias below zero": (stack(3, "relu", **BELOW), {}, {"dying": HIDDEN[:3]}, "begins at 0"),
    "bias at zero": (stack(3, "relu", **HE), {}, {}, ""),
    "large rate": (
        stack(3, "relu", **HE), FAST, {"exploding": (), "dying": HIDDEN[1:2]}, "learning_rate",
    ),
    "much momentum": (
        stack(6, "relu", **HE), {"optimizer": {**SGD["optimizer"], "learning_rate": 0.5,
        "momentum": 0.9}, "epochs": 4}, {"dying": HIDDEN[5:6]}, "smaller learning_rate",
    ),
    "less momentum": (
        stack(6, "relu", **HE), {"optimizer": {**SGD["optimizer"], "momentum": 0.5}}, {}, "",
    ),
}  # fmt: skip
IN_KERAS = ("large rate", "deep sigmoid")
"""Cases that are diagnosed in Keras too by the fast tests; the slow ones take all."""
RUNS = [
    pytest.param(
        case, backend,
        marks=[pytest.mark.slow] if backend == "keras" and case not in IN_KERAS else [],
    )
    for case in CASES
    for backend in ("torch", "keras")
]  # fmt: skip


@pytest.mark.parametrize(("case", "backend"), RUNS)
def test_what_goes_wrong_is_named_by_its_layers_and_its_mended_twin_is_not(
    case: str, backend: str, tmp_path: Path
) -> None:
    layers, training, expected, change = CASES[case]
    spec = network(tmp_path, layers, **training)
    run = nnspec.train(spec, backend, tmp_path / "run", diagnose=True)
    assert run.findings is not None
    assert {each.kind for each in run.findings} == {*expected}, run.findings
    for found in run.findings:
        wanted = expected[found.kind]
        assert found.layers == wanted or not wanted
        assert found.layers[0] in found.text
    assert change in " ".join(each.change for each in run.findings)
    record = json.loads((tmp_path / "run" / "run.json").read_text())["diagnosis"]
    assert record["findings"] == [each.as_json() for each in run.findings]
    epochs = training.get("epochs", 2)
    assert [each["before_epoch"] for each in record["states"]] == [*range(1, epochs + 2)]
    first = record["states"][0]["layers"]["hidden0"]
    assert {"gradient", "weight", "update", "mean", "deviation"} <= {*first}
    assert ("dead" in first) == (layers[0]["activation"] == "relu")
    assert (tmp_path / "run" / "diagnosis.png").stat().st_size > 5000


def test_a_run_that_diverges_says_which_layer_explodes(tmp_path: Path) -> None:
    training = {"optimizer": {"type": "sgd", "learning_rate": 0.1}}
    spec = network(tmp_path, stack(5, "relu", **LARGE), **training)
    with pytest.raises(TrainingError, match=r'exploding: .*"hidden') as caught:
        nnspec.train(spec, "torch", tmp_path / "run", diagnose=True)
    assert "To change: " in str(caught.value)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["status"] == "diverged"
    assert record["diagnosis"]["findings"][0]["kind"] == "exploding"


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_diagnosed_run_ends_with_the_weights_that_it_has_without(
    backend: str, tmp_path: Path
) -> None:
    layers = stack(2, "relu", **HE)
    layers[1:1] = [{"type": "dropout", "rate": 0.5}, {"type": "batch_normalization"}]
    spec = network(tmp_path, layers, batch_size=16)
    one = nnspec.train(spec, backend, tmp_path / "one", diagnose=True)
    other = nnspec.train(spec, backend, tmp_path / "other")
    assert other.findings is None
    expected = load_weights(other.last)
    for name, array in load_weights(one.last).items():
        np.testing.assert_array_equal(array, expected[name])


def test_backends_measure_layers_alike(tmp_path: Path) -> None:
    layers: list[dict[str, Any]] = [
        {"name": "spread", "type": "reshape", "shape": [1, 2, 4]},
        {"name": "conv", "type": "conv2d", "filters": 6, "kernel_size": 2, "activation": "relu"},
        {"name": "flat", "type": "flatten"},
        *stack(2, "relu"),
    ]
    spec = network(tmp_path, layers, shuffle=False)
    states = []
    for backend in ("torch", "keras"):
        nnspec.train(spec, backend, tmp_path / backend, epochs=1, diagnose=True)
        record = json.loads((tmp_path / backend / "run.json").read_text())
        states.append(record["diagnosis"]["states"])
    for one, other in zip(*states, strict=True):
        assert {*one["layers"]} == {*other["layers"]} == {each["name"] for each in layers}
        for path, measures in one["layers"].items():
            assert measures == pytest.approx(other["layers"][path], rel=1e-3, abs=1e-6), path
    assert states[0][0]["layers"]["conv"]["dead"] in {i / 6 for i in range(7)}


def test_the_command_says_what_it_finds(tmp_path: Path) -> None:
    for layers, said in (
        (stack(10, "sigmoid"), 'vanishing: the gradient of "hidden0"'),
        (stack(2, "relu", **HE), "diagnosis: no layer vanishes, explodes or dies"),
    ):
        spec = network(tmp_path, layers)
        assert spec.path is not None
        text = json.dumps({**_document(spec), "layers": layers})
        (tmp_path / "net.json").write_text(text)
        arguments = ["train", str(tmp_path / "net.json"), "-o", str(tmp_path / "run")]
        result = CliRunner().invoke(
            main, [*arguments, "--backend", "torch", "--diagnose", "--overwrite"]
        )
        assert result.exit_code == 0, result.output
        assert said in result.output


def _document(spec: Spec) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(spec.to_yaml())
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["breast_cancer", "diabetes", "digits_cnn", "digits_mlp", "tabular_binary"]
)
def test_the_examples_go_well(name: str, tmp_path: Path) -> None:
    spec = nnspec.load(ROOT / "specs" / f"{name}.yaml")
    assert nnspec.train(spec, "torch", tmp_path / "run", diagnose=True).findings == ()


def test_a_scale_that_begins_near_0_is_moved_far_and_does_not_explode() -> None:
    def layer(weight: float, update: float) -> LayerState:
        return LayerState(gradient=1.0, weight=weight, update=update, size=1.0)

    for weight, kinds in ((1e-6, []), (2.0, ["exploding"])):
        states = {"scale": layer(weight, 3.0), "out": layer(4.0, 1e-3)}
        found = findings([Snapshot(1, states, 1.0)], {})
        assert [each.kind for each in found] == kinds
