"""Networks that learn from another, trained one: knowledge distillation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import nnspec
from nnspec.backend import get_backend, make_options
from nnspec.data.rows import load_data
from nnspec.errors import NnspecError, SpecError, UsageError
from nnspec.network.loader import Spec
from nnspec.training.datasets import dataset_of
from nnspec.training.teaching import taught
from nnspec.weights.canonical import load_weights, save_weights
from scripts import distillation

TEACHER: dict[str, Any] = {
    "nnspec": 1,
    "name": "Teacher",
    "inputs": {"x": {"shape": [3]}},
    "layers": [
        {"name": "scores", "type": "dense", "units": 4},
        {"name": "probabilities", "type": "softmax"},
    ],
    "data": {"source": "rows.npz", "features": {"x": "x"}, "target": "y"},
    "training": {"task": "multiclass", "epochs": 1},
}
LAYERS: list[dict[str, Any]] = [
    {"name": "scores", "type": "dense", "units": 4},
    {"name": "probabilities", "type": "softmax"},
    {"name": "cooled", "type": "rescaling", "scale": 0.5, "inputs": "scores"},
    {"name": "softened", "type": "softmax"},
]
GIVEN = {"teacher": "teacher.yaml", "weights": "teacher/best.safetensors", "temperature": 2.0}
PLAIN = {**GIVEN, "weights": "plain.safetensors"}
LOSS = {
    "probabilities": {"type": "categorical_cross_entropy", "weight": 0.5},
    "softened": {"type": "kl_divergence", "weight": 2.0},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("taught")
    draw = np.random.default_rng(0)
    x = draw.normal(size=(60, 3)).astype(np.float32)
    np.savez(place / "rows.npz", x=x, y=(x[:, 0] > 0) * 2 + (x[:, 1] > 0))
    (place / "teacher.yaml").write_text(json.dumps(TEACHER))
    best = nnspec.train(place / "teacher.yaml", "torch", place / "teacher").best
    # Without the hash of the network, so that others with the same layers take them.
    save_weights(place / "plain.safetensors", dict(load_weights(best)), {})
    return place


def student(folder: Path, given: dict[str, Any] = GIVEN, **changes: Any) -> Spec:
    document = {
        **TEACHER,
        "name": "Student",
        "layers": LAYERS,
        "outputs": ["probabilities", "softened"],
        "data": {
            "source": "rows.npz",
            "features": {"x": "x"},
            "target": {"probabilities": "y", "softened": given},
            "test": 0.1,
        },
        "training": {"loss": LOSS, "epochs": 2, "batch_size": 8},
        **changes,
    }
    (folder / "student.yaml").write_text(json.dumps(document))
    return nnspec.load(folder / "student.yaml")


def expected_logits(folder: Path, x: Any) -> Any:
    weights = load_weights(folder / "teacher" / "best.safetensors")
    return (x @ weights["scores.weight"].T + weights["scores.bias"]).astype(np.float64)


@pytest.mark.parametrize("output", ["probabilities", "scores"])
def test_the_target_is_what_the_teacher_says_softened(output: str, folder: Path) -> None:
    both = {key: TEACHER[key] for key in ("nnspec", "name", "inputs", "layers")}
    both["outputs"] = ["scores", "probabilities"]
    (folder / "both.yaml").write_text(json.dumps(both))
    spec = student(folder, {**PLAIN, "teacher": "both.yaml", "output": output})
    data = taught(spec, load_data(spec))
    for part in (data.train, data.validation, data.test):
        assert part is not None
        assert isinstance(part.target, dict)
        powers = np.exp(expected_logits(folder, part.inputs["x"]) / 2.0)
        expected = powers / powers.sum(axis=1, keepdims=True)
        assert np.abs(part.target["softened"] - expected).max() < 1e-6
        assert part.target["probabilities"].dtype == np.int64


def test_a_student_learns_alike_in_every_framework_and_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    spec = student(folder)
    runs = [
        nnspec.train(spec, name, tmp_path / name, dtype="float64") for name in ("torch", "keras")
    ]
    first, second = (run.history[-1].values for run in runs)
    assert first == pytest.approx(second, rel=1e-9)
    assert {"val_softened_loss", "val_probabilities_accuracy"} <= set(first)
    nnspec.train(spec, "torch", tmp_path / "cut", epochs=1, dtype="float64")
    resumed = nnspec.train(spec, "torch", tmp_path / "cut", epochs=2, resume=True)
    assert resumed.last.read_bytes() == runs[0].last.read_bytes()
    # Another teacher makes it another run.
    other = dict(load_weights(folder / "teacher" / "best.safetensors"))
    save_weights(folder / "other.safetensors", {k: v * 2 for k, v in other.items()}, {})
    changed = student(folder, {**GIVEN, "weights": "other.safetensors"})
    with pytest.raises(UsageError, match="another run"):
        nnspec.train(changed, "torch", tmp_path / "cut", epochs=3, resume=True)


def test_numbers_are_learnt_of_a_teacher_as_they_are(folder: Path) -> None:
    hints = {key: TEACHER[key] for key in ("nnspec", "name", "inputs")}
    (folder / "hints.yaml").write_text(json.dumps({**hints, "layers": LAYERS[:1]}))
    given = {"teacher": "hints.yaml", "weights": "plain.safetensors"}
    data = {"source": "rows.npz", "features": {"x": "x"}, "target": {"scores": given}}
    training = {"loss": {"scores": "mse"}}
    spec = student(folder, layers=LAYERS[:1], outputs=["scores"], data=data, training=training)
    part = taught(spec, load_data(spec)).train
    assert isinstance(part.target, dict)
    expected = expected_logits(folder, part.inputs["x"])
    assert np.abs(part.target["scores"] - expected).max() < 1e-5


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_source_of_a_student_reads_no_rows(backend: str, folder: Path) -> None:
    found = get_backend(backend)
    source = found.compile(student(folder), make_options(found, {}, training=True)).source
    assert "def softened_loss" in source
    assert "read_rows" not in source
    assert "__main__" not in source
    compile(source, "student.py", "exec")


def test_a_student_is_verified(folder: Path) -> None:
    report = nnspec.verify(student(folder))
    assert [check.kind for check in report.checks if not check.passed] == []
    assert any(check.kind == "training" for check in report.checks)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"output": "nothing"}, 'has no output "nothing"'),
        ({"weights": "absent.safetensors"}, "absent.safetensors"),
        ({"teacher": "absent.yaml"}, "there is no such file"),
        ({"teacher": "wider.yaml"}, 'gives \\(5,\\), and "softened"'),
        ({"teacher": "longer.yaml"}, 'takes "x" of \\(4,\\)'),
    ],
)
def test_a_teacher_that_does_not_fit_is_refused(
    folder: Path, given: dict[str, Any], message: str
) -> None:
    alone = {key: TEACHER[key] for key in ("nnspec", "name", "inputs", "layers")}
    wider = {**alone, "layers": [{"name": "scores", "type": "dense", "units": 5}]}
    longer = {**alone, "inputs": {"x": {"shape": [4]}}}
    for name, document in (("wider", wider), ("longer", longer)):
        (folder / f"{name}.yaml").write_text(json.dumps(document))
    spec = student(folder, {**GIVEN, **given})
    with pytest.raises(NnspecError, match=message):
        taught(spec, load_data(spec))


def test_a_teacher_on_another_scale_is_refused(folder: Path) -> None:
    data = {
        "source": "rows.npz",
        "features": {"x": "x"},
        "target": {"probabilities": "y", "softened": GIVEN},
        "standardize": True,
    }
    spec = student(folder, data=data)
    with pytest.raises(UsageError, match="another mean and deviation"):
        taught(spec, load_data(spec))


def test_a_teacher_of_other_columns_is_refused_and_weights_are_kept(tmp_path: Path) -> None:
    """What it would say of words, or columns, that mean something else is nothing to learn."""
    draw = np.random.default_rng(0)
    names = ("a", "b", "c", "w")
    columns = {name: draw.random(60).round(6) for name in names} | {"y": np.arange(60) % 4}
    pl.DataFrame(columns).write_csv(tmp_path / "rows.csv")
    made = {"prepare": {"a": {"scale": "standard"}, "[bc]": {"scale": "min_max"}}}
    rows = {"source": "rows.csv", "features": {"x": ["a", "b", "c"]}, "test": 0.1, **made}
    (tmp_path / "teacher.yaml").write_text(json.dumps({**TEACHER, "data": {**rows, "target": "y"}}))
    nnspec.train(tmp_path / "teacher.yaml", "torch", tmp_path / "teacher")
    rows["target"] = {"probabilities": "y", "softened": GIVEN}
    spec = student(tmp_path, data={**rows, "sample_weight": "w"})
    loaded = load_data(spec)
    part = taught(spec, loaded).train
    assert part.weight is not None
    np.testing.assert_array_equal(part.weight, loaded.train.weight)
    for wrong in (
        {"features": {"x": ["b", "a", "c"]}},
        {"prepare": {**made["prepare"], "a": {"scale": "robust"}}},
        {"test": 0.4},  # other rows to train on have another mean
    ):
        spec = student(tmp_path, data={**rows, **wrong})
        with pytest.raises(UsageError, match="of other columns"):
            taught(spec, load_data(spec))


def test_a_loss_that_takes_no_teacher_is_refused(folder: Path) -> None:
    for loss, message in (
        ({"type": "hinge"}, "takes no target that a teacher gives"),
        ({"type": "mse"}, "has a temperature"),
    ):
        with pytest.raises(SpecError, match=message):
            student(folder, training={"loss": {**LOSS, "softened": loss}})


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_example_reaches_what_is_stated(backend: str, tmp_path: Path) -> None:
    found = distillation.measured(backend, tmp_path, range(1))
    assert found["teacher"] >= 0.97
    assert found["taught"] >= 0.95


def test_numbers_are_learnt_in_the_units_of_the_teacher_s_rows(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    x = draw.normal(size=(80, 2))
    table = pl.DataFrame({"x0": x[:, 0], "x1": x[:, 1], "price": 250_000 + 90_000 * x[:, 0]})
    table.write_csv(tmp_path / "rows.csv")
    given = {
        "nnspec": 1, "name": "Teacher", "inputs": {"x": {"shape": [2]}},
        "layers": [{"name": "price", "type": "dense", "units": 1}],
        "data": {"source": "rows.csv", "features": {"x": ["x0", "x1"]}, "target": "price",
                 "standardize_target": True},
        "training": {"task": "regression", "epochs": 30,
                     "optimizer": {"type": "adam", "learning_rate": 0.1}},
    }  # fmt: skip
    (tmp_path / "t.json").write_text(json.dumps(given))
    nnspec.train(tmp_path / "t.json", "torch", tmp_path / "runs")
    learns = {"price": {"teacher": "t.json", "weights": "runs/best.safetensors"}}
    own = {
        **given, "name": "Student",
        "data": {"source": "rows.csv", "features": {"x": ["x0", "x1"]}, "target": learns},
        "training": {"task": "regression", "loss": {"price": "mse"}},
    }  # fmt: skip
    (tmp_path / "s.json").write_text(json.dumps(own))
    data = dataset_of(nnspec.load(tmp_path / "s.json"))
    assert isinstance(data.train.target, dict)
    learnt = data.train.target["price"]
    assert learnt.mean() == pytest.approx(250_000, rel=0.2)
