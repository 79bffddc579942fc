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
from nnspec.layers import Dense
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


def residual(scale: float, **last: Any) -> list[dict[str, Any]]:
    """Return branches that are scaled, as those of ConvNeXt, or whose last layers begin so."""
    layers: list[dict[str, Any]] = [{"name": "stem", "type": "dense", "units": 24}]
    before = "stem"
    for i in range(4):
        layers += [
            {"name": f"norm{i}", "type": "layer_normalization", "inputs": before},
            {"name": f"wide{i}", "type": "dense", "units": 48, "activation": "gelu"},
            {"name": f"back{i}", "type": "dense", "units": 24, **last},
            {"name": f"scale{i}", "type": "parameter", "inputs": f"back{i}", "shape": [24],
             "initializer": {"type": "constant", "value": scale}},
            {"name": f"branch{i}", "type": "multiply", "inputs": [f"back{i}", f"scale{i}"]},
            {"name": f"sum{i}", "type": "add", "inputs": [before, f"branch{i}"]},
        ]  # fmt: skip
        before = f"sum{i}"
    return [*layers, {**stack(0, "")[0], "inputs": before}]


def images(depth: int, activation: str, **more: Any) -> list[dict[str, Any]]:
    conv = {"type": "conv2d", "filters": 8, "kernel_size": 3, "padding": "same"}
    return [
        {"name": "spread", "type": "reshape", "shape": [1, 2, 4]},
        *({"name": f"conv{i}", **conv, "activation": activation, **more} for i in range(depth)),
        {"name": "flat", "type": "flatten"},
        *stack(0, ""),
    ]


SMALL = {"kernel_initializer": {"type": "normal", "stddev": 1e-3}}
SMALL_STACK = {"kernel_initializer": {"type": "normal", "stddev": 0.05}}
FINE: dict[str, tuple[str, ...]] = {}
BY_KIND: dict[str, tuple[list[dict[str, Any]], dict[str, Any], dict[str, tuple[str, ...]]]] = {
    # Each bad one is followed by its twin.
    "convolutions of sigmoid": (
        images(8, "sigmoid"), {}, {"vanishing": ("conv0", "conv1", "conv2", "conv3")},
    ),
    "convolutions of relu": (images(8, "relu", **HE), {}, FINE),
    "small weights, whose units die too": (
        stack(10, "relu", **SMALL_STACK), SGD, {"vanishing": HIDDEN[:2]},
    ),
    "convolutions that are dead": (images(2, "relu", **BELOW), {}, {"dying": ("conv0", "conv1")}),
    "convolutions that live": (images(2, "relu", **HE), {}, FINE),
    "tanh at a large rate": (
        stack(3, "tanh"), {"optimizer": {"type": "adam", "learning_rate": 1.0}},
        {"exploding": ("hidden0", "hidden1", "hidden2")},
    ),
    "tanh at a usual rate": (stack(3, "tanh"), {}, FINE),
    # What begins near 0 on purpose neither vanishes nor explodes.
    "scales of 1e-6 by adam": (
        residual(1e-6), {"optimizer": {"type": "adam", "learning_rate": 0.004}}, FINE,
    ),
    "scales of 1e-6 by sgd": (residual(1e-6), {"optimizer": {"type": "sgd",
                              "learning_rate": 0.1}}, FINE),
    "branches that begin at 0": (residual(1.0, kernel_initializer="zeros"), {}, FINE),
    "a last layer near 0": (
        [*stack(2, "relu", **HE)[:2], {**stack(0, "")[0], **SMALL}],
        {"optimizer": {"type": "adam", "learning_rate": 0.005}}, FINE,
    ),
    # Half of the units die, and the network learns all the better: no step was too long.
    "a rate that kills and learns": (
        stack(3, "relu", **HE), {"optimizer": {"type": "adam", "learning_rate": 0.1}, "epochs": 5},
        FINE,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "backend"),
    [
        pytest.param(case, backend, marks=[pytest.mark.slow] if backend == "keras" else [])
        for case in BY_KIND
        for backend in ("torch", "keras")
    ],
)
def test_what_is_diagnosed_is_what_was_done_on_purpose(
    case: str, backend: str, tmp_path: Path
) -> None:
    layers, training, expected = BY_KIND[case]
    spec = network(tmp_path, layers, **training)
    run = nnspec.train(spec, backend, tmp_path / "run", diagnose=True)
    assert run.findings is not None
    found = {each.kind: each.layers for each in run.findings}
    assert {*expected} <= {*found} if expected else found == {}, run.findings
    for kind, layers_named in expected.items():
        assert {*layers_named} <= {*found[kind]}  # type: ignore[index]


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


def layer(gradient: float = 1.0, weight: float = 1.0, **more: float) -> LayerState:
    return LayerState(gradient=gradient, weight=weight, size=1.0, usual=2.0, **more)


def test_a_scale_that_begins_near_0_is_moved_far_and_does_not_explode() -> None:
    for weight, kinds in ((1e-6, []), (2.0, ["exploding"])):
        states = {"scale": layer(weight=weight, update=3.0), "out": layer(update=1e-3)}
        found = findings([Snapshot(1, states, 1.0)], {})
        assert [each.kind for each in found] == kinds


@pytest.mark.parametrize(
    ("shares", "is_vanishing"),
    [
        ((1e-5, 1e-5, 1e-5), True),
        ((1e-6, 1e-5, 2e-5), True),  # in as long a run again it would be 4e-4
        ((1e-6, 1e-4, 4e-4), False),
        ((0.0, 1e-4, 4e-4), False),
        ((0.0, 0.0, 0.0), True),
        ((1e-4, 1e-4, 1e-2), False),
        ((1e-1, 1e-1, 1e-5), False),
    ],
)
def test_a_layer_vanishes_whose_gradient_does_not_come(
    shares: tuple[float, ...], is_vanishing: bool
) -> None:
    snapshots = [
        Snapshot(i, {"first": layer(share), "out": layer()}, 1.0) for i, share in enumerate(shares)
    ]
    found = findings(snapshots, {"first": Dense(units=1), "out": Dense(units=1)})
    assert [each.kind for each in found] == ["vanishing"] * is_vanishing


@pytest.mark.parametrize(
    ("step", "dead", "is_dying"),
    [(0.4, 0.6, False), (0.6, 0.4, False), (0.6, 0.6, True), (0.01, 0.8, True)],
)
def test_fewer_dead_units_are_dying_where_a_step_was_long(
    step: float, dead: float, is_dying: bool
) -> None:
    states = [{"first": layer(weight=4.0, update=step, dead=each)} for each in (0.0, dead)]
    snapshots = [Snapshot(i, each, 1.0) for i, each in enumerate(states)]
    found = findings(snapshots, {"first": Dense(units=1)})
    assert [each.kind for each in found] == ["dying"] * is_dying
