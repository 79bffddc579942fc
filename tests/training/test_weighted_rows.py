"""Weights of rows and masks, read from files: in `nnspec train`, in scripts, and refused."""

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
from nnspec.data.rows import load_data
from nnspec.data.weighting import parted
from nnspec.errors import DataError, SpecError
from nnspec.network.loader import Spec, loads
from nnspec.network.objectives import terms_of
from nnspec.training.metrics import measure
from nnspec.verification.samples import random_goals, random_inputs
from tests.training.test_metric_tables import variants

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
    pytest.mark.usefixtures("eager"),
]
SUFFIX = {"torch": "safetensors", "keras": "keras"}
COUNT, STEPS = 46, 5
DRAW = np.random.default_rng(3)
NUMBERS = DRAW.normal(size=(COUNT, 3)).round(3)
WEIGHTS = (DRAW.uniform(0.1, 2, COUNT) * (DRAW.random(COUNT) < 0.7)).round(3)
LENGTHS = DRAW.integers(1, STEPS + 1, COUNT)
WORDS = np.where(np.arange(STEPS) < LENGTHS[:, None], DRAW.integers(1, 7, (COUNT, STEPS)), 0)
TAGS = DRAW.integers(0, 3, (COUNT, STEPS))
TABLE = {
    **{f"f{i}": NUMBERS[:, i] for i in range(3)},
    "f_weight": WEIGHTS,
    "kind": DRAW.integers(0, 3, COUNT),
    "size": NUMBERS.sum(axis=1) * 30 + 200,
    "is_a": DRAW.integers(0, 2, COUNT),
    "is_b": DRAW.integers(0, 2, COUNT),
}
ARRAYS = {
    "words": WORDS,
    "lengths": LENGTHS,
    "tags": TAGS,
    "levels": DRAW.normal(size=(COUNT, STEPS, 2)),
    "weights": WEIGHTS,
    "places": DRAW.uniform(0, 2, (COUNT, STEPS)) * (DRAW.random((COUNT, STEPS)) < 0.8),
}
DENSE = [{"name": "hidden", "type": "dense", "units": 4, "activation": "tanh"}]
TAGGER = [
    {"type": "embedding", "input_dim": 7, "output_dim": 4, "inputs": ["words"]},
    {"name": "tags", "type": "dense", "units": 3, "activation": "softmax"},
]
READER = [
    {"name": "table", "type": "embedding", "input_dim": 7, "output_dim": 4, "inputs": ["words"]},
    {"type": "gru", "units": 3, "return_sequences": True, "inputs": ["table", "lengths"]},
    {"name": "levels", "type": "dense", "units": 2},
]
IDS = {"words": {"shape": [STEPS], "dtype": "int64"}}
BOTH = {**IDS, "lengths": {"shape": [], "dtype": "int64"}}

Case = tuple[str, dict[str, Any], list[dict[str, Any]], dict[str, Any], dict[str, Any]]
CASES: dict[str, Case] = {
    "classes of rows": (
        "csv", {"x": {"shape": [3]}},
        [*DENSE, {"name": "kind", "type": "dense", "units": 3, "activation": "softmax"}],
        {"features": {"x": "f*"}, "target": "kind", "sample_weight": "f_weight"},
        {"task": "multiclass", "metrics": ["accuracy", "f1", "log_loss", "confusion_matrix"],
         "accumulate": 2},
    ),
    "a standardised number": (
        "parquet", {"x": {"shape": [3]}}, [*DENSE, {"name": "size", "type": "dense", "units": 1}],
        {"features": {"x": "f?"}, "target": "size", "sample_weight": "f_weight",
         "standardize_target": True, "standardize": True},
        {"task": "regression", "metrics": ["mae", "r2", "mape"]},
    ),
    "labels of several columns": (
        "csv", {"x": {"shape": [3]}},
        [*DENSE, {"name": "kind", "type": "dense", "units": 2, "activation": "sigmoid"}],
        {"features": {"x": "f*"}, "target": ["is_*"], "sample_weight": "f_weight",
         "validation": 0},
        {"task": "multilabel", "metrics": ["accuracy", {"type": "precision", "average": "micro"}]},
    ),
    "an autoencoder": (
        "csv", {"x": {"shape": [3]}}, [*DENSE, {"type": "dense", "units": 3}],
        {"features": {"x": "f*"}, "sample_weight": "f_weight"}, {"task": "autoencoder"},
    ),
    "tags of words": (
        "npz", IDS, TAGGER,
        {"features": {"words": "words"}, "target": "tags", "sample_weight": "places"},
        {"task": "multiclass", "mask": "words",
         "metrics": ["accuracy", {"type": "f1", "average": "per_class"}]},
    ),
    "numbers up to a length": (
        "npz", BOTH, READER,
        {"features": {"words": "words", "lengths": "lengths"}, "target": "levels",
         "sample_weight": "weights", "test": 0.2},
        {"task": "regression", "mask": "lengths", "metrics": ["mae", "r2", "rmse"]},
    ),
}  # fmt: skip


def spec_of(name: str, folder: Path, rows: dict[str, Any] | None = None, **more: Any) -> Spec:
    kind, inputs, layers, data, training = CASES[name]
    path = folder / f"rows.{kind}"
    if kind == "npz":
        np.savez(path, **{**ARRAYS, **(rows or {})})
    else:
        table = pl.DataFrame({**TABLE, **(rows or {})})
        (table.write_csv if kind == "csv" else table.write_parquet)(path)
    document = {
        "nnspec": 1,
        "name": "Weighted",
        "inputs": inputs,
        "layers": layers,
        "data": {"source": path.name, "validation": 0.3, **data, **more.pop("data", {})},
        "training": {
            "optimizer": {"type": "sgd", "learning_rate": 0.05},
            "epochs": 2,
            "seed": 1,
            "batch_size": 8,
            **training,
            **more,
        },
    }
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", CASES)
def test_a_script_by_weights_ends_with_the_weights_of_train(
    name: str, backend: str, tmp_path: Path
) -> None:
    spec = spec_of(name, tmp_path)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)
    module.predict(output, tmp_path / spec.model.data.source)  # type: ignore[union-attr]


def test_scripts_by_weights_are_clean(tmp_path: Path) -> None:
    for name in CASES:
        folder = tmp_path / name.replace(" ", "_")
        folder.mkdir()
        spec = spec_of(name, folder)
        for backend in SUFFIX:
            compiled = get_backend(backend).compile(spec, Options(training=True))
            compiled.write(folder / f"{backend}.py")
    assert_clean(tmp_path)


def test_weights_in_training_are_rows_so_often(tmp_path: Path) -> None:
    """Whole weights train as rows that stand in the file as often: in one batch, without order."""
    counts = np.array([i % 4 for i in range(COUNT)])
    more: dict[str, Any] = {"batch_size": 1000, "shuffle": False, "data": {"validation": 0}}
    name, ends = "classes of rows", []
    for rows in ({"f_weight": counts}, None):
        folder = tmp_path / str(len(ends))
        folder.mkdir()
        if rows is None:
            rows = {key: np.repeat(values, counts) for key, values in TABLE.items()}
            rows["f_weight"] = np.ones(counts.sum())
        spec = spec_of(name, folder, rows, **more)
        ends.append(nnspec.train(spec, "torch", folder / "run", dtype="float64"))
    first, second = (each.history[-1].values for each in ends)
    assert first == pytest.approx(second, rel=1e-9)
    assert ends[0].confusion == ends[1].confusion


def test_what_a_mask_leaves_out_is_not_read(tmp_path: Path) -> None:
    """Other tags where the mask is 0 change nothing of a run."""
    histories = []
    for backend in SUFFIX:
        for other in (TAGS, np.where(WORDS == 0, (TAGS + 1) % 3, TAGS)):
            folder = tmp_path / str(len(histories))
            folder.mkdir()
            spec = spec_of("tags of words", folder, {"tags": other})
            done = nnspec.train(spec, backend, folder / "run", dtype="float64")
            histories.append(done.history[-1].values)
    for each in histories[1:]:
        assert each == pytest.approx(histories[0], rel=1e-9)


def language_model(folder: Path) -> Spec:
    np.savez(folder / "rows.npz", **ARRAYS)
    document = {
        "nnspec": 1,
        "name": "Words",
        "inputs": IDS,
        "layers": [
            {"type": "embedding", "input_dim": 7, "output_dim": 4},
            {"name": "next", "type": "dense", "units": 7, "activation": "softmax"},
        ],
        "data": {
            "source": "rows.npz",
            "features": {"words": "words"},
            "target": {"shifted": "words"},
            "sample_weight": "weights",
        },
        "training": {"task": "language", "mask": "words", "epochs": 2, "batch_size": 8, "seed": 1},
    }
    return loads(json.dumps(document), path=folder / "net.json", is_json=True)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_script_of_a_masked_language_model_ends_with_the_weights_of_train(
    backend: str, tmp_path: Path
) -> None:
    spec = language_model(tmp_path)
    module = script_of(spec, backend)
    output = tmp_path / f"out.{SUFFIX[backend]}"
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)


def test_a_masked_language_model_trains_alike_in_both(tmp_path: Path) -> None:
    spec = language_model(tmp_path)
    ends = [
        nnspec.train(spec, backend, tmp_path / backend, dtype="float64").history[-1].values
        for backend in SUFFIX
    ]
    assert ends[0] == pytest.approx(ends[1], rel=1e-9)


@pytest.mark.parametrize("kind", ["regression", "binary", "multiclass"])
def test_every_metric_counts_a_row_as_often_as_it_weighs(kind: str) -> None:
    from nnspec.language.metrics import METRICS

    draw = np.random.default_rng(1)
    units, end = {"regression": (2, None), "binary": (1, "sigmoid"), "multiclass": (3, "softmax")}[
        kind
    ]
    metrics = [each for each in variants(kind) if METRICS[each["type"]].is_number]
    for metric in metrics:
        layers: list[dict[str, Any]] = [{"type": "dense", "units": units}]
        layers += [{"type": end}] if end else []
        document = {
            "nnspec": 1,
            "name": "Small",
            "inputs": {"x": {"shape": [4, 2]}},
            "layers": layers,
            "training": {"task": kind, "metrics": [metric]},
        }
        spec = loads(json.dumps(document))
        training = spec.model.training
        assert training is not None
        output = draw.dirichlet(np.ones(3), (30, 4))
        target: Any = draw.integers(0, 3, (30, 4))
        if kind != "multiclass":
            output = draw.random((30, 4, units))
            target = draw.integers(0, 2, (30, 4, units)).astype(float)
        for counts in (draw.integers(0, 3, 30), draw.integers(0, 3, (30, 4))):
            places = np.broadcast_to(counts.reshape(30, -1), (30, 4))
            if counts.ndim == 1:
                again = [each.repeat(counts, axis=0) for each in (output, target)]
            else:
                again = [
                    np.repeat(each.reshape(120, 1, *each.shape[2:]), places.reshape(-1), axis=0)
                    for each in (output, target)
                ]
            found = measure(spec.graph, training, output, target, weight=counts / 2)
            wanted = measure(spec.graph, training, *again)
            assert found == pytest.approx(wanted, rel=1e-9), metric


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "negative": ("classes of rows", {"f_weight": WEIGHTS - 1}, "is no weight; a finite number"),
    "not a number": (
        "a standardised number", {"f_weight": np.where(WEIGHTS > 1, np.nan, WEIGHTS)},
        "is no weight; a finite number",
    ),
    "infinite": (
        "tags of words", {"places": np.where(ARRAYS["places"] > 1, np.inf, 1)},
        "is no weight; a finite number",
    ),
    "beyond float32": ("classes of rows", {"f_weight": WEIGHTS * 1e39}, "which float32 holds"),
    "all zero": ("classes of rows", {"f_weight": 0 * WEIGHTS}, "every row has the weight 0"),
    "words": ("classes of rows", {"f_weight": ["much"] * COUNT}, '"much" is not a number'),
    "words of an array": ("tags of words", {"places": np.array(["a"] * COUNT)}, "numbers are"),
    "too few": ("tags of words", {"places": WEIGHTS[:-1]}, "there are 45 weights, and 46 rows"),
    "of no places": (
        "numbers up to a length", {"weights": np.ones((COUNT, 3))},
        r"a number for each row is expected, or for each place",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_weights_that_are_none_are_refused(name: str, tmp_path: Path) -> None:
    case, rows, message = WRONG[name]
    with pytest.raises(DataError, match=message):
        load_data(spec_of(case, tmp_path, rows))
    module = script_of(spec_of(case, tmp_path), "torch")  # the right rows, for what it is made of
    spec_of(case, tmp_path, rows)
    with pytest.raises(ValueError, match=r"weight|number"):
        module.load_data(tmp_path / f"rows.{CASES[case][0]}")


def test_a_part_whose_rows_all_weigh_nothing_is_refused(tmp_path: Path) -> None:
    spec = spec_of("classes of rows", tmp_path)
    from nnspec.data.splitting import split

    data = spec.model.data
    assert data is not None
    weights = np.ones(COUNT)
    weights[split(COUNT, data, 1)["validation"]] = 0
    with pytest.raises(DataError, match="every row of the validation part has the weight 0"):
        load_data(spec_of("classes of rows", tmp_path, {"f_weight": weights}))


def test_weights_without_a_column_are_refused(tmp_path: Path) -> None:
    spec = spec_of("classes of rows", tmp_path, data={"sample_weight": "f_weigth"})
    with pytest.raises(DataError, match='no column "f_weigth"; did you mean "f_weight"'):
        load_data(spec)


SPECS: dict[str, tuple[str, dict[str, Any], dict[str, Any], str, str]] = {
    "the target": ("classes of rows", {"sample_weight": "kind"}, {}, "wrong-value", "the target"),
    "a feature": (
        "classes of rows", {"features": {"x": ["f0", "f1", "f_weight"]}}, {},
        "wrong-value", "the input x",
    ),
    "no input": ("tags of words", {}, {"mask": "word"}, "unknown-input", 'mean "words"'),
    "floats": ("classes of rows", {}, {"mask": "x"}, "wrong-value", "of float32"),
    "whole rows": (
        "numbers up to a length", {}, {"mask": "words", "loss": "dice"},
        "wrong-value", "no places within a row",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
def test_weights_and_masks_that_fit_nothing_are_errors(name: str, tmp_path: Path) -> None:
    case, data, training, code, message = SPECS[name]
    with pytest.raises(SpecError) as error:
        spec_of(case, tmp_path, data=data, **training)
    assert [problem.code for problem in error.value.problems] == [code]
    assert message in error.value.problems[0].message


@pytest.mark.parametrize("name", ["tags of words", "a standardised number", "language"])
def test_a_script_measures_by_weights_as_the_spec_defines(name: str, tmp_path: Path) -> None:
    spec = language_model(tmp_path) if name == "language" else spec_of(name, tmp_path)
    inputs = random_inputs(spec.graph, 30, {}, 1)
    target = random_goals(spec, 30, {}, 2, inputs)
    goal, weight = parted(target)
    for backend in SUFFIX:
        found = get_backend(backend)
        program: Any = found.compile(spec, found.options(training=True)).build(dtype="float64")
        training = spec.model.training
        assert training is not None
        (output,) = program.forward(inputs).values()
        if name == "language":
            (term,) = terms_of(spec.model, spec.graph)
            training, goal = term.training, parted(target)[0]["next"]
        wanted = measure(spec.graph, training, output, goal, weight=weight)
        assert program.measured(inputs, target) == pytest.approx(wanted, rel=1e-9)
