"""Every metric: against scikit-learn, in the emitted scripts, and where it is not defined."""

from __future__ import annotations

import ast
import itertools
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sklearn

from nnspec.backend import Options, get_backend
from nnspec.emit.loading import load_source
from nnspec.emit.metrics import measured_source
from nnspec.errors import SpecError
from nnspec.language.metrics import METRICS
from nnspec.language.training_schema import kind_of
from nnspec.network.loader import Spec, loads
from nnspec.training.measures import confusion
from nnspec.training.metrics import Units, measure, rows_of, undefined

TASKS = ("regression", "binary", "multiclass")
AVERAGES = ("macro", "micro", "weighted", "per_class")


def variants(task: str) -> list[dict[str, Any]]:
    """Every metric of a task, with every average."""
    found: list[dict[str, Any]] = []
    for kind, record in METRICS.items():
        if kind_of(task) not in record.fits:
            continue
        found.append({"type": kind, **({"k": 2} if kind == "top_k_accuracy" else {})})
        if "average" in record.model_fields:
            few = kind in ("auc", "average_precision")
            if few and task == "binary":
                continue
            names = [each for each in AVERAGES if not (few and each == "micro")]
            found += [{"type": kind, "average": average} for average in names]
    macro = {"type": "f1", "average": "macro"}
    # The default by another name: a spec with both is refused.
    return [each for each in found if task != "multiclass" or {**each, "type": "f1"} != macro]


def network(task: str, metrics: list[Any], *, source: str = "rows.npz", **more: Any) -> Spec:
    last = {"regression": 2, "binary": 1, "multiclass": 3}[task]
    activation = {"binary": "sigmoid", "multiclass": "softmax"}.get(task)
    ends = {"logits": None}.get(more.pop("ends", ""), activation)
    layer = {"type": "dense", "units": last, **({"activation": ends} if ends else {})}
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": more.pop("shape", [4])}},
        "layers": [layer],
        "data": {"source": source, "features": {"x": "x"}, "target": "y", **more.pop("data", {})},
        "training": {"task": task, "metrics": metrics, **more},
    }
    return loads(json.dumps(document), is_json=True)


def rows(task: str, case: str, shape: tuple[int, ...], seed: int = 0) -> tuple[Any, Any]:
    """Outputs and targets: of one class alone, predicted as one class alone, ties, extremes."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=shape).astype("float32")
    if case == "extreme":
        scores *= 1000
    if case == "ties":
        scores = np.round(scores)
    if task == "regression":
        target = scores + rng.normal(size=shape).astype("float32")
        return scores, np.zeros_like(target) if case == "one" else target
    if task == "binary":
        output = 1 / (1 + np.exp(-scores.clip(-80, 80)))
        target = (rng.random(shape) < 0.5).astype("float32")
        if case == "one":
            target[:] = 0
        if case == "predicted one":
            output[:] = 0.25
        return output.astype("float32"), target
    if case == "predicted one":
        scores[..., 1] = 2000
    output = np.exp(scores - scores.max(-1, keepdims=True))
    output /= output.sum(-1, keepdims=True)
    target = rng.integers(0, 3, size=shape[:-1])
    return output.astype("float32"), np.zeros_like(target) if case == "one" else target


CASES = ("plain", "one", "predicted one", "ties", "extreme")


@pytest.fixture(scope="module")
def emitted() -> dict[tuple[str, str], Any]:
    """The sources with every metric of a task, by task and what the network gives."""
    found = {}
    for task, ends in itertools.product(TASKS, ("", "logits")):
        spec = network(task, variants(task), ends=ends)
        sources = [
            get_backend(name).compile(spec, Options(training=True)).source
            for name in ("torch", "keras")
        ]
        # Loading one of them will do.
        assert measuring(sources[0]) == measuring(sources[1])
        found[task, ends] = load_source(sources[0], f"metrics_{task}")
    return found


def measuring(source: str) -> list[str]:
    """The definitions of a source that measure."""
    parts = source.split("\n\n\n")
    return [
        part for part in parts if part.startswith(("def measure(", "def confusion(", "def r2("))
    ]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("task", TASKS)
def test_scripts_measure_as_training_does(task: str, case: str, emitted: Any) -> None:
    for ends, count in (("", 40), ("logits", 30), ("", 1)):
        spec = network(task, variants(task), ends=ends)
        training, graph = spec.model.training, spec.graph
        assert training is not None
        output, target = rows(task, case, (count, *graph.types[graph.outputs[0]].shape))  # type: ignore[arg-type]
        if ends:
            output = (8 * output - 4).astype("float32")
        expected = measure(graph, training, output, target)
        assert all(map(math.isfinite, expected.values()))
        known = {n for each in training.resolved_metrics for n in each.names(kind_of(task), 3)}
        assert known - {*expected} == {*undefined(graph, training, target)}
        module = emitted[task, ends]
        with warnings.catch_warnings():
            if case in ("one", "predicted one") or count == 1:
                warnings.simplefilter("ignore")  # scikit-learn says that one class is few
            found = module.measure(target, output)
        assert {*found} == {*expected}
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, rel=1e-12, abs=1e-15), name
        if task != "regression":
            table = confusion(rows_of(graph, training, output, target))
            assert module.confusion(target, output) == table
            assert np.sum(table) == target.size


def test_rows_of_several_positions_and_of_probabilities_are_measured_alike(emitted: Any) -> None:
    spec = network("multiclass", variants("multiclass"), shape=[5, 4])
    training = spec.model.training
    assert training is not None
    output, target = rows("multiclass", "plain", (8, 5, 3))
    expected = measure(spec.graph, training, output, target)
    flat = emitted["multiclass", ""].measure(target.reshape(-1), output.reshape(-1, 3))
    assert expected == pytest.approx(flat, rel=1e-12)
    assert measure(spec.graph, training, output, np.eye(3)[target]) == expected
    source = get_backend("torch").compile(spec, Options(training=True)).source
    module = load_source(source, "positions")
    assert module.measure(target, output) == pytest.approx(expected, rel=1e-12)
    assert module.measure(np.eye(3)[target], output) == pytest.approx(expected, rel=1e-12)


def test_against_scikit_learn_itself() -> None:
    spec = network("multiclass", variants("multiclass"))
    training = spec.model.training
    assert training is not None
    output, target = rows("multiclass", "plain", (60, 3))
    found = measure(spec.graph, training, output, target)
    predicted = output.argmax(-1)
    wide = output.astype(float) / output.astype(float).sum(-1, keepdims=True)
    wanted = {
        "balanced_accuracy": sklearn.balanced_accuracy_score(target, predicted),
        "auc": sklearn.roc_auc_score(target, wide, multi_class="ovr"),
        "auc_weighted": sklearn.roc_auc_score(target, wide, multi_class="ovr", average="weighted"),
        "average_precision": sklearn.average_precision_score(np.eye(3)[target], wide),
        "f1": sklearn.f1_score(target, predicted, average="macro"),
        "f1_micro": sklearn.f1_score(target, predicted, average="micro"),
        "iou": sklearn.jaccard_score(target, predicted, average="macro"),
        "brier": sklearn.brier_score_loss(target, wide, labels=range(3)),
        "log_loss": sklearn.log_loss(target, wide),
        "perplexity": math.exp(sklearn.log_loss(target, wide)),
    }
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-12)


def test_logits_and_their_probabilities_are_measured_alike() -> None:
    for task in ("binary", "multiclass"):
        metrics = [each for each in variants(task) if each["type"] != "accuracy"]
        ended, bare = network(task, metrics), network(task, metrics, ends="logits")
        assert ended.model.training is not None
        output, target = rows(task, "plain", (50, 3 if task == "multiclass" else 1))
        wide = output.astype("float64")
        logits = np.log(wide) if task == "multiclass" else np.log(wide / (1 - wide))
        found = measure(bare.graph, ended.model.training, logits, target)
        expected = measure(ended.graph, ended.model.training, wide, target)
        assert found == pytest.approx(expected, rel=1e-9)


def test_units_of_a_standardised_target_are_those_of_all_metrics() -> None:
    spec = network("regression", variants("regression"), data={"standardize_target": True})
    training = spec.model.training
    assert training is not None
    output, target = rows("regression", "plain", (30, 2))
    units = Units((3.0, -1.0), (2.0, 0.5))
    found = measure(spec.graph, training, output, target, units)
    restored = [values * units.scale + units.mean for values in (output.astype(float), target)]
    assert found == pytest.approx(measure(spec.graph, training, *restored), rel=1e-6)


def text(training: str) -> str:
    return (
        "nnspec: 1\nname: N\ninputs: {x: {shape: [2]}}\nlayers:\n"
        f"  - {{type: dense, units: 3}}\ntraining:\n  {training}\n"
    )


@pytest.mark.parametrize(
    ("training", "code", "line", "said"),
    [
        ("{task: regression, metrics: [mae, f1]}", "unfit-metric", 7, '"f1" is not defined'),
        ("{task: multiclass, metrics: [r2]}", "unfit-metric", 7, "one of several classes"),
        ("{task: multiclass, metrics: [f1, f1]}", "duplicate-name", 7, "reported as `f1`"),
        ("{task: multiclass, metrics: [f1, {type: f1, average: macro}]}", "duplicate-name", 7,
         "reported as `f1`"),
        ("{task: multiclass, metrics: [f2]}", "unknown-metric", 7, 'no metric "f2"'),
        ("{task: multiclass, metrics: [{type: f1, avg: x}]}", "unknown-key", 7, '"avg"'),
        ("{task: multiclass, metrics: [{type: top_k_accuracy, k: 3}]}", "unfit-metric", 5,
         "more classes than 3"),
        ("{task: multiclass, loss: multi_margin, metrics: [log_loss]}", "unfit-metric", 5,
         "takes probabilities"),
        ("{task: multiclass, keep: {metric: val_f1}}", "unknown-measure", 7, "add f1"),
        ("{task: regression, stop: {metric: mae2}}", "unknown-measure", 7, "no epoch"),
        ("{task: regression, stop: {patience: 0}}", "bad-size", 7, "more than 0"),
        ("{task: regression, stop: {min_delta: -1}}", "out-of-range", 7, "at least 0"),
        ("{task: regression, keep: {mode: most}}", "wrong-value", 7, "most"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_metrics_is_said_at_its_line(
    training: str, code: str, line: int, said: str
) -> None:
    with pytest.raises(SpecError) as caught:
        loads(text(training))
    (problem,) = caught.value.problems
    assert problem.mark is not None
    assert (problem.code, problem.mark.line + 1) == (code, line)
    assert said in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize(
    ("task", "loss", "units"),
    [
        *(
            ("binary", loss, 1)
            for loss in ("hinge", "squared_hinge", "mse", "binary_cross_entropy")
        ),
        *(("multiclass", loss, 6) for loss in ("categorical_hinge", "multi_margin")),
        ("multiclass", "categorical_cross_entropy", 6),
        ("regression", "mae", 1),
    ],
)
def test_the_help_names_only_metrics_that_are_taken(task: str, loss: str, units: int) -> None:
    """As the network ends, which gives probabilities to no loss that takes no logits."""
    other = "f1" if task == "regression" else "r2"
    start = text(f"{{task: {task}, loss: {loss}, metrics: [METRIC]}}").replace(
        "units: 3", f"units: {units}"
    )
    with pytest.raises(SpecError) as caught:
        loads(start.replace("METRIC", other))
    (problem,) = caught.value.problems
    named = (problem.hint or "").removeprefix("choose of ").split(", ")
    assert len(named) > 1
    for name in named:
        loads(start.replace("METRIC", name))


def test_metrics_are_written_as_they_were_read() -> None:
    spec = network("multiclass", ["accuracy", {"type": "f1", "average": "micro"}])
    assert "metrics: [accuracy, {type: f1, average: micro}]" in spec.to_yaml()
    assert loads(spec.to_yaml()).model == spec.model


def test_a_scripts_metrics_are_those_of_its_spec_alone(tmp_path: Path) -> None:
    spec = network("multiclass", ["accuracy", "f1"])
    for backend in ("torch", "keras"):
        source = get_backend(backend).compile(spec, Options(training=True)).source
        assert "from sklearn.metrics import accuracy_score, f1_score\n" in source
        plain = network("multiclass", ["accuracy"])
        assert "sklearn" not in get_backend(backend).compile(plain, Options(training=True)).source


@pytest.mark.parametrize("task", TASKS)
def test_a_script_imports_what_it_calls(task: str) -> None:
    """The name of one function may end in that of another."""
    for metric in variants(task):
        text = "\n".join(measured_source(network(task, [metric]), is_table=False).parts)
        imports = measured_source(network(task, [metric]), is_table=False).imports
        imported = {
            alias.name
            for line in imports
            for node in ast.walk(ast.parse(line))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        called = {
            getattr(node.func, "id", "")
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call)
        }
        assert imported <= called, metric
