"""Trainings that minimise several losses: of several outputs, each by its weight."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnspec
from nnspec.backend import Can, installed_backends
from nnspec.data.rows import load_data
from nnspec.errors import SpecError
from nnspec.network.loader import Spec, loads
from nnspec.verification.samples import random_goals, random_inputs
from tests.training.test_training_tables import programs_of

ROWS = 5
LAYERS: list[dict[str, Any]] = [
    {"name": "hidden", "type": "dense", "units": 4, "activation": "tanh"},
    {"name": "score", "type": "dense", "units": 1},
    {"name": "kind", "type": "dense", "units": 3, "activation": "softmax", "inputs": "hidden"},
    {"name": "mixed", "type": "concatenate", "inputs": ["kind", "hidden"]},
    {"name": "scores", "type": "dense", "units": 2},
    {"name": "yes", "type": "sigmoid"},
    {"name": "unused", "type": "dense", "units": 2, "inputs": "hidden"},
]
OUTPUTS = ["score", "kind", "yes", "unused"]
LOSS = {
    "score": {"type": "huber", "weight": 0.3, "delta": 0.5},
    "yes": "binary_cross_entropy",
    "kind": {"type": "categorical_cross_entropy", "weight": 2.0},
}


def spec_of(**changes: Any) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Several",
        "inputs": {"x": {"shape": [3]}},
        "layers": LAYERS,
        "outputs": OUTPUTS,
        "training": {"loss": LOSS},
        **changes,
    }
    return loads(json.dumps(document))


def test_the_sum_of_losses_by_their_weights_is_minimised_in_every_source() -> None:
    spec = spec_of()
    inputs = random_inputs(spec.graph, ROWS, {}, 1)
    goals = random_goals(spec, ROWS, {}, 2)
    assert isinstance(goals, dict)
    sources = programs_of(spec)
    assert len(sources) >= 2
    weights = next(iter(sources.values())).weights()
    expected: dict[str, Any] = dict.fromkeys(weights, 0.0)
    total = 0.0
    for output, weight, loss, task in (
        ("score", 0.3, {"type": "huber", "delta": 0.5}, "regression"),
        ("yes", 1.0, "binary_cross_entropy", "binary"),
        ("kind", 2.0, "categorical_cross_entropy", "multiclass"),
    ):
        alone = spec_of(training={"task": {output: task}, "loss": {output: loss}})
        program = programs_of(alone, weights)["torch"]
        found, gradients = program.gradients(inputs, {output: goals[output]})
        total += weight * found
        for name, gradient in gradients.items():
            expected[name] = expected[name] + weight * gradient
    for name, program in programs_of(spec, weights).items():
        found, gradients = program.gradients(inputs, goals)
        assert found == pytest.approx(total, rel=1e-12), name
        assert program.loss(inputs, goals) == pytest.approx(total, rel=1e-12)
        for each, gradient in gradients.items():
            assert np.abs(gradient - expected[each]).max() < 1e-12, each
        probabilities = program.forward(inputs)["kind"]
        assert np.abs(probabilities.sum(axis=-1) - 1).max() < 1e-12


def test_one_loss_has_a_weight_too() -> None:
    layers = LAYERS[:2]
    plain = {"task": "regression", "loss": "mse"}
    weighted = {"task": "regression", "loss": {"type": "mse", "weight": 0.25}}
    found = {}
    for key, training in {"plain": plain, "weighted": weighted}.items():
        spec = spec_of(layers=layers, outputs=["score"], training=training)
        inputs, target = random_inputs(spec.graph, ROWS, {}, 1), np.ones((ROWS, 1))
        found[key] = {
            name: program.gradients(inputs, target)[0]
            for name, program in programs_of(spec).items()
        }
    for name, loss in found["plain"].items():
        assert found["weighted"][name] == pytest.approx(0.25 * loss, rel=1e-12)


@pytest.fixture
def trained(tmp_path: Path) -> Spec:
    draw = np.random.default_rng(0)
    x = draw.normal(size=(40, 3)).astype(np.float32)
    kinds = np.array(["low", "mid", "top"])[(x[:, 0] > 0).astype(int) + (x[:, 1] > 0)]
    np.savez(tmp_path / "rows.npz", x=x, y=x.sum(axis=1), label=kinds, sign=(x > 0)[:, :2] * 1.0)
    data = {
        "source": "rows.npz",
        "features": {"x": "x"},
        "target": {"score": "y", "kind": "label", "yes": "sign"},
    }
    spec = spec_of(data=data, training={"loss": LOSS, "epochs": 2, "batch_size": 8})
    (tmp_path / "several.yaml").write_text(spec.to_yaml())
    return nnspec.load(tmp_path / "several.yaml")


def test_a_run_tells_of_each_loss_and_metric_and_is_the_same_in_every_backend(
    trained: Spec, tmp_path: Path
) -> None:
    runs = {
        backend.name: nnspec.train(trained, backend.name, tmp_path / backend.name)
        for backend in installed_backends()
        if Can.TRAINING in backend.can and backend.name in ("torch", "keras")
    }
    first, *others = (run.history[-1].values for run in runs.values())
    assert list(first) == [
        *("loss", "val_loss", "val_score_loss", "val_kind_loss", "val_yes_loss"),
        *("val_score_mae", "val_score_r2", "val_kind_accuracy", "val_yes_accuracy"),
    ]
    parts = first["val_score_loss"], first["val_kind_loss"], first["val_yes_loss"]
    assert first["val_loss"] == pytest.approx(0.3 * parts[0] + 2.0 * parts[1] + parts[2])
    assert len(others) == 1
    for other in others:
        assert other == pytest.approx(first, rel=1e-4)


def test_a_run_of_several_losses_goes_on_to_the_same_weights(trained: Spec, tmp_path: Path) -> None:
    whole = nnspec.train(trained, "torch", tmp_path / "whole", epochs=3)
    nnspec.train(trained, "torch", tmp_path / "cut", epochs=2)
    resumed = nnspec.train(trained, "torch", tmp_path / "cut", epochs=3, resume=True)
    assert resumed.last.read_bytes() == whole.last.read_bytes()


def test_what_each_output_means_is_kept(trained: Spec) -> None:
    answers = load_data(trained).preprocessing.answers
    assert answers is not None
    assert {name: each.task for name, each in answers.items()} == {
        "score": "regression",
        "kind": "multiclass",
        "yes": "binary",
    }
    assert answers["kind"].labels == ("low", "mid", "top")


def test_a_model_of_several_outputs_answers_by_each(trained: Spec, tmp_path: Path) -> None:
    run = nnspec.train(trained, "torch", tmp_path / "run", epochs=1)
    nnspec.export(trained, tmp_path / "net.onnx", weights=run.best)
    found = nnspec.predict(tmp_path / "net.onnx", tmp_path / "rows.npz")
    assert found.by_output["kind"].answer is not None
    assert set(found.by_output["kind"].answer) <= {"low", "mid", "top"}
    assert (found.by_output["yes"].answer == (found.outputs["yes"] > 0.5)).all()
    table = found.table()
    assert table.columns[:2] == ["y", "label"]
    assert len(table) == 40
    assert len(table.columns) == 1 + 1 + 3 + 2 + 2 + 2


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"training": {"loss": {"scor": "mse"}}}, "unknown-output", 'did you mean "score"'),
        ({"training": {"loss": {"kind": "binary_cross_entropy"}}}, "loss-activation", "softmax"),
        ({"training": {"loss": {"score": {"type": "huber", "detla": 1}}}}, "unknown-key", "delta"),
        ({"training": {"loss": {"score": {"type": "mse", "weight": 0}}}}, "out-of-range", "weight"),
        (
            {"data": {"source": "rows.csv", "features": {"x": "x*"}, "target": {"score": "y"}}},
            "missing-target",
            'the output "kind" has a loss',
        ),
        (
            {"data": {"source": "rows.csv", "features": {"x": "x*"}, "target": "y"}},
            "missing-target",
            'the output "score" has a loss',
        ),
    ],
)
def test_what_is_wrong_with_losses_by_output_is_said(
    changes: dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(SpecError) as error:
        spec_of(**changes)
    found = [f"{each.message} {each.hint}" for each in error.value.problems if each.code == code]
    assert any(words in each for each in found), error.value.problems


def test_an_output_without_a_loss_is_named() -> None:
    advice = [each.message for each in spec_of().advice if each.code == "untrained-output"]
    assert advice == [
        'the output "unused" has no loss, so that nothing trains it but what it shares with others'
    ]


def test_several_losses_are_verified() -> None:
    report = nnspec.verify(spec_of(), backends=["torch", "keras"], exporters=False, steps=2)
    assert report.passed, [check for check in report.checks if not check.passed]
    assert {"gradient", "training"} <= {check.kind for check in report.checks}


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_wrong_weight_or_a_missing_loss_is_found(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of()
    wrongs = {
        "torch": (r"0\.3 \* found", "0.35 * found"),
        "keras": (r'"score": 0\.3', '"score": 0.35'),
    }
    missing = {
        "torch": (r" \+ found\[\"yes\"\]", ""),
        "keras": (r'"yes": 1\.0', '"yes": 0.0'),
    }
    import nnspec.emit.loading as loading
    import nnspec_keras.runtime as keras
    import nnspec_torch.runtime as torch

    original = loading.load_source
    settings: Any = {"backends": ["torch", "keras"], "exporters": False, "steps": 2}
    for pattern, instead in (wrongs[backend], missing[backend]):

        def injected(source: str, name: str, p: str = pattern, i: str = instead) -> Any:
            return original(re.sub(p, i, source), name)

        with monkeypatch.context() as patched:
            module = {"torch": torch, "keras": keras}[backend]
            patched.setattr(module, "load_source", injected)
            report = nnspec.verify(spec, **settings)
        failed = {check.kind for check in report.checks if not check.passed}
        assert {"gradient", "training"} <= failed, pattern


AUTOENCODER = {
    "inputs": {"x": {"shape": [3]}},
    "layers": [
        {"name": "mean", "type": "dense", "units": 2},
        {"name": "log_variance", "type": "dense", "units": 2, "inputs": "x"},
        {"name": "code", "type": "sampling", "inputs": ["mean", "log_variance"]},
        {"name": "back", "type": "dense", "units": 3},
        {"name": "square", "type": "square", "inputs": "mean"},
        {"name": "variance", "type": "exponential", "inputs": "log_variance"},
        {"name": "both", "type": "add", "inputs": ["square", "variance"]},
        {"name": "divergence", "type": "subtract", "inputs": ["both", "log_variance"]},
    ],
    "outputs": ["back", "divergence"],
}


def test_a_value_and_an_input_as_target_train_alike(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "rows.npz", x=draw.normal(size=(40, 3)).astype(np.float32))
    data = {"source": "rows.npz", "features": {"x": "x"}, "target": {"back": {"input": "x"}}}
    loss = {"back": "mse", "divergence": {"type": "value", "weight": 0.5}}
    spec = spec_of(**AUTOENCODER, data=data, training={"loss": loss, "epochs": 2, "batch_size": 8})
    (tmp_path / "vae.yaml").write_text(spec.to_yaml())
    spec = nnspec.load(tmp_path / "vae.yaml")
    part = load_data(spec).train
    assert isinstance(part.target, dict)
    assert (part.target["back"] == part.inputs["x"]).all()
    runs = [nnspec.train(spec, name, tmp_path / name) for name in ("torch", "keras")]
    first, second = (run.history[-1].values for run in runs)
    assert first == pytest.approx(second, rel=1e-4)
    assert first["val_loss"] == pytest.approx(
        first["val_back_loss"] + 0.5 * first["val_divergence_loss"]
    )


def test_one_output_alone_is_minimised() -> None:
    spec = spec_of(**AUTOENCODER, training={"loss": {"type": "value", "output": "divergence"}})
    inputs = random_inputs(spec.graph, ROWS, {}, 1)
    for program in programs_of(spec).values():
        goals = random_goals(spec, ROWS, {}, 2)
        expected = program.forward(inputs)["divergence"].mean()
        assert program.loss(inputs, goals) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "training",
    [
        {"task": "autoencoder", "loss": {"type": "mse", "weight": 0.3}},
        {"loss": {"rebuilt": "mse", "score": "mse"}, "task": {"rebuilt": "autoencoder"}},
        {"task": "regression", "loss": "value"},
        {"task": "regression", "loss": {"type": "value", "weight": 2.0}},
    ],
)
def test_what_takes_no_column_needs_no_target(training: dict[str, Any], tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", x=x, y=x[:, :1])
    is_several = "rebuilt" in training["loss"]
    layers: list[dict[str, Any]] = [{"name": "rebuilt", "type": "dense", "units": 3}]
    if is_several:
        layers.append({"name": "score", "type": "dense", "units": 1})
    data: dict[str, Any] = {"source": "rows.npz", "features": {"x": "x"}}
    if is_several:
        data["target"] = {"score": "y"}
    document = spec_of(
        layers=layers,
        outputs=["rebuilt", "score"] if is_several else ["rebuilt"],
        data=data,
        training={"epochs": 1, **training},
    )
    (tmp_path / "net.yaml").write_text(document.to_yaml())
    spec = nnspec.load(tmp_path / "net.yaml")
    target = load_data(spec).train.target
    assert isinstance(target, dict)
    if "value" not in str(training["loss"]):
        assert {row.tobytes() for row in target["rebuilt"]} <= {row.tobytes() for row in x}
    run = nnspec.train(spec, "torch", tmp_path / "run")
    assert np.isfinite(run.history[-1].values["loss"])


def test_a_target_is_missed_only_where_the_training_is_read() -> None:
    with pytest.raises(SpecError) as error:
        spec_of(
            layers=LAYERS[:1],
            outputs=["hidden"],
            data={"source": "rows.npz", "features": {"x": "x"}},
            training={"task": "autoencoder", "optimizer": {"type": "adam", "beta_1": 2}},
        )
    assert [each.code for each in error.value.problems] == ["out-of-range"]


def test_the_next_ids_are_the_target(tmp_path: Path) -> None:
    ids = np.array([[1, 2, 3, 0], [4, 0, 1, 2], [2, 3, 4, 1]])
    np.savez(tmp_path / "rows.npz", ids=ids)
    spec = spec_of(
        inputs={"tokens": {"shape": [4], "dtype": "int64"}},
        layers=[
            {"type": "embedding", "input_dim": 5, "output_dim": 3},
            {"name": "scores", "type": "dense", "units": 5, "activation": "softmax"},
        ],
        outputs=["scores"],
        data={
            "source": "rows.npz",
            "features": {"tokens": "ids"},
            "target": {"shifted": "tokens"},
            "validation": 0.0,
        },
        training={"task": "language"},
    )
    (tmp_path / "words.yaml").write_text(spec.to_yaml())
    part = load_data(nnspec.load(tmp_path / "words.yaml")).train
    assert isinstance(part.target, dict)
    assert part.target["scores"].tolist() == [[2, 3, 0, -100], [0, 1, 2, -100], [3, 4, 1, -100]]
    for program in programs_of(spec).values():
        scores = program.forward(part.inputs)["scores"]
        chosen = np.take_along_axis(scores[:, :3], part.target["scores"][:, :3, None], -1)
        expected = -np.log(chosen).mean()
        assert program.loss(part.inputs, part.target) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("target", "code"),
    [({"input": "y"}, "unknown-input"), ({"shifted": "x"}, "task-output")],
)
def test_an_input_that_is_no_target_is_refused(target: dict[str, str], code: str) -> None:
    with pytest.raises(SpecError) as error:
        spec_of(
            layers=LAYERS[:1],
            outputs=["hidden"],
            data={"source": "rows.npz", "features": {"x": "x"}, "target": target},
            training={"task": "regression"},
        )
    assert code in {each.code for each in error.value.problems}
