"""What metrics compare for losses whose output is not what their target is compared with."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, mean_absolute_error, roc_auc_score

import nnspec
from nnspec.data.rows import load_data
from nnspec.emit.metrics import measured_source
from nnspec.language.metrics import METRICS
from nnspec.network.loader import Spec
from nnspec.training.labels import edits
from nnspec.training.metrics import measure, undefined
from nnspec.training.watching import notes_of_undefined
from tests.training.test_loss_targets import CASES, LABELS, spec_of

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]


def with_training(spec: Spec, **more: Any) -> Spec:
    """Return the spec with other keys of its training."""
    training = spec.model.training
    assert training is not None
    changed = type(training).model_validate({**dict(training), **more})
    model = spec.model.model_copy(update={"training": changed})
    return Spec(model, spec.graph, spec.path)


def fitting(spec: Spec) -> list[dict[str, Any]]:
    """Return every metric that the spec may have, with each average."""
    training = spec.model.training
    assert training is not None
    found: list[dict[str, Any]] = []
    for name, kind in METRICS.items():
        given = {"type": name}
        if name == "top_k_accuracy":
            given["k"] = 2
        if not training.takes_metric(kind.model_validate(given)):
            continue
        if kind.needs_probabilities and not training.resolved_loss.leaves_out:
            continue
        found.append(given)
        if "average" in kind.model_fields:
            found += [{**given, "average": "per_class"}, {**given, "average": "weighted"}]
    return found


def outputs(spec: Spec, rows: int, seed: int = 0) -> np.ndarray:
    """Return what a network might give for so many rows."""
    shape = spec.graph.types[spec.graph.outputs[0]].shape
    return np.random.default_rng(seed).normal(size=(rows, *shape)).astype(np.float32)


def scripted(spec: Spec) -> Any:
    """Return the function of a script that measures."""
    made = measured_source(spec, is_table=False)
    space: dict[str, Any] = {}
    exec("\n".join(["import numpy as np", *made.imports, *made.parts]), space)  # noqa: S102
    return space["measure"]


@pytest.mark.parametrize("name", CASES)
def test_a_script_measures_bit_for_bit_what_train_does(name: str, tmp_path: Path) -> None:
    plain = spec_of(name, tmp_path)
    spec = with_training(plain, metrics=fitting(plain))
    training = spec.model.training
    assert training is not None
    data = load_data(spec)
    for part in (data.train, data.train.take(slice(3, 4))):  # of which all may be ignored
        output = outputs(spec, len(part))
        values = measure(spec.graph, training, output, part.target)
        assert scripted(spec)(part.target, output) == values
        missing = undefined(spec.graph, training, part.target)
        assert not {*values} & {*missing}
        numbers = (metric for metric in training.metrics or () if metric.is_number)
        classes = 3 if training.metric_kind == "multiclass" else 2
        every = {each for one in numbers for each in one.names(training.metric_kind, classes)}
        assert {*values} | {*missing} == every
        assert len(every) >= 2


@pytest.mark.parametrize("name", CASES)
def test_it_does_by_weights_too(name: str, tmp_path: Path) -> None:
    plain = spec_of(name, tmp_path)
    spec = with_training(plain, metrics=fitting(plain))
    training, data = spec.model.training, spec.model.data
    assert training is not None
    assert data is not None
    part = load_data(spec).train
    model = spec.model.model_copy(
        update={"data": data.model_copy(update={"sample_weight": "weight"})}
    )
    output, weight = outputs(spec, len(part)), np.arange(len(part)) % 3 + 0.5
    weight[2] = 0
    found = measure(spec.graph, training, output, part.target, weight=weight)
    written = scripted(Spec(model, spec.graph, spec.path))(part.target, output, weight)
    assert written == pytest.approx(found, rel=1e-12)
    # A weight of 2 is a row that is there twice.
    doubled = 1.0 + (np.arange(len(part)) % 2)
    twice = np.repeat(np.arange(len(part)), doubled.astype(int))
    plainly = measure(spec.graph, training, output[twice], part.target[twice])
    assert measure(spec.graph, training, output, part.target, weight=doubled) == pytest.approx(
        plainly, rel=1e-12
    )


USUAL = {
    "classes of positions, padded": ["accuracy"],
    "classes of pixels": ["accuracy"],
    "a probability per class of pixels": ["accuracy"],
    "a mask with a void": ["accuracy"],
    "a mask": ["accuracy", "iou"],
    "signs": ["accuracy"],
    "signs by word": ["accuracy"],
    "classes by word": ["accuracy"],
    "shares": ["accuracy"],
    "counts": ["mae", "r2"],
    "halves": ["mae", "r2"],
    "alike or not": ["auc"],
    "labels": ["label_error_rate"],
}


@pytest.mark.parametrize("name", CASES)
def test_a_loss_has_metrics_that_say_something_of_it(name: str, tmp_path: Path) -> None:
    training = spec_of(name, tmp_path).model.training
    assert training is not None
    assert [metric.type for metric in training.resolved_metrics] == USUAL[name]


def measured(loss: dict[str, Any], output: Any, target: Any, **more: Any) -> dict[str, float]:
    """Return the metrics of an output and a target."""
    output, target = np.array(output, np.float32), np.array(target)
    training = {"loss": loss, "task": "regression", **more}
    spec = nnspec.loads(
        json.dumps(
            {
                "nnspec": 1,
                "name": "Net",
                "inputs": {"x": {"shape": output.shape[1:]}},
                "layers": [{"type": "clip", "min_value": -9.0}],
                "training": training,
            }
        ),
        is_json=True,
    )
    assert spec.model.training is not None
    return measure(spec.graph, spec.model.training, output, target)


def test_ignored_places_count_for_nothing() -> None:
    scores = [[[3, 0, 0], [0, 3, 0], [0, 3, 0]], [[0, 0, 3], [9, 0, 0], [9, 0, 0]]]
    loss = {"type": "categorical_cross_entropy", "ignore_index": -100}
    found = measured(
        loss, scores, [[0, 1, 2], [2, -100, -100]], task="multiclass",
        metrics=["accuracy", "balanced_accuracy", "f1", "log_loss"],
    )  # fmt: skip
    assert found["accuracy"] == 0.75
    assert found["balanced_accuracy"] == pytest.approx((1 + 1 + 1 / 2) / 3)
    right, wrong = math.log(math.e**3 + 2) - 3, math.log(math.e**3 + 2)
    assert found["log_loss"] == pytest.approx((3 * right + wrong) / 4)


def test_of_a_mask_the_void_counts_for_nothing() -> None:
    loss = {"type": "binary_cross_entropy", "ignore_index": 255}
    found = measured(
        loss, [[2, -2, 2], [-2, 2, 2]], [[1, 0, 255], [1, 255, 1]], task="binary",
        metrics=["accuracy", "iou"],
    )  # fmt: skip
    assert found == {"accuracy": 0.75, "iou": pytest.approx(2 / 3)}


def test_classes_may_be_on_another_axis() -> None:
    output = np.moveaxis(np.eye(3)[[[0, 1], [2, 1]]], -1, 1)
    loss = {"type": "categorical_cross_entropy", "axis": 0}
    metrics = ["accuracy", {"type": "recall", "average": "per_class"}]
    assert measured(loss, output, [[0, 1], [2, 2]], task="multiclass", metrics=metrics) == {
        "accuracy": 0.75, "recall_class_0": 1.0, "recall_class_1": 1.0, "recall_class_2": 0.5,
    }  # fmt: skip
    dense = np.moveaxis(np.eye(3)[[[0, 1], [2, 2]]], -1, 1)
    assert measured(loss, output, dense, task="multiclass") == {"accuracy": 0.75}


def test_a_sign_is_right_on_its_side_of_0() -> None:
    for kind in ("hinge", "squared_hinge"):
        loss = {"type": kind}
        output = [[0.3], [-0.1], [0.2], [0.0]]
        assert measured(loss, output, [[1], [-1], [-1], [-1]], task="binary") == {"accuracy": 0.75}


def test_of_distributions_the_means_are_compared() -> None:
    output = [[1, 2, 50, 60], [3, 4, 70, 80]]
    found = measured({"type": "gaussian_nll"}, output, [[1.5, 2.0], [3.0, 5.0]])
    assert found["mae"] == pytest.approx(1.5 / 4)


def test_of_a_count_the_rate_is_compared() -> None:
    output = [[math.log(2.0)], [math.log(5.0)]]
    assert measured({"type": "poisson"}, output, [[3], [5]])["mae"] == pytest.approx(0.5)
    loss = {"type": "poisson", "log_input": False}
    assert measured(loss, [[2], [5]], [[3], [5]])["mae"] == 0.5


PAIRS = np.random.default_rng(2).normal(size=(30, 2, 4))
ALIKE = np.arange(30) % 3 == 0


def test_pairs_are_ranked_by_how_alike_they_are() -> None:
    first, second = PAIRS.astype(np.float32).astype(np.float64).transpose(1, 0, 2)
    distance = np.sqrt(((first - second + 1e-6) ** 2).sum(axis=1))
    cosine = (first * second).sum(axis=1) / np.sqrt((first**2).sum(1) * (second**2).sum(1))
    metrics = ["auc", "average_precision"]
    for loss, score in (("contrastive", -distance), ("cosine_embedding", cosine)):
        found = measured({"type": loss}, PAIRS, 2 * ALIKE - 1, metrics=metrics)
        assert found["auc"] == pytest.approx(roc_auc_score(ALIKE, score))
        assert found["average_precision"] == pytest.approx(average_precision_score(ALIKE, score))


def test_of_triplets_and_of_ranks_those_in_their_order_are_right() -> None:
    triplets = [[[0, 0], [1, 0], [0, 2]], [[0, 0], [3, 0], [0, 2]], [[0, 0], [1, 0], [0, 1]]]
    assert measured({"type": "triplet"}, triplets, np.zeros(3)) == {"accuracy": 1 / 3}
    ranks = [[[2], [1]], [[1], [2]], [[3], [1]]]
    target = [[1], [1], [-1]]
    found = measured({"type": "margin_ranking"}, ranks, target, task="binary")
    assert found == {"accuracy": 1 / 3}


def test_labels_are_those_of_the_best_class_of_each_step() -> None:
    steps = np.eye(3)[[[1, 1, 0, 1], [0, 2, 2, 0], [0, 0, 0, 0]]]
    target = [[1, 1, -1], [1, 2, -1], [-1, -1, -1]]
    found = measured(
        {"type": "ctc"}, steps, target, task="multiclass",
        metrics=["label_error_rate", "accuracy"],
    )  # fmt: skip
    assert found == {"label_error_rate": 1 / 4, "accuracy": 2 / 3}
    none = measured({"type": "ctc"}, steps, np.full((3, 2), -1), task="multiclass")
    assert none == {}


def test_the_count_of_edits_is_the_least_that_leads_from_one_list_to_the_other() -> None:
    @cache
    def least(given: tuple[int, ...], wanted: tuple[int, ...]) -> int:
        if not given or not wanted:
            return len(given) + len(wanted)
        same = least(given[1:], wanted[1:])
        if given[0] == wanted[0]:
            return same
        return 1 + min(same, least(given[1:], wanted), least(given, wanted[1:]))

    rng = np.random.default_rng(1)
    for _ in range(60):
        given, wanted = (rng.integers(0, 3, rng.integers(0, 7)).tolist() for _ in range(2))
        assert edits(given, wanted) == least(tuple(given), tuple(wanted))


UNFIT: dict[str, tuple[str, str, str]] = {
    "alike or not": (
        "accuracy", "for distances of pairs, of which none alone says yes, which the loss "
        "contrastive compares", "choose of auc, average_precision",
    ),
    "labels": ("f1", "for lists of labels, which the loss ctc compares", "label_error_rate"),
    "halves": ("auc", "for numbers, which the loss gaussian_nll compares", "mae"),
    "signs": ("mae", "for yes or no, which the loss hinge compares", "accuracy"),
    "counts": ("accuracy", "for numbers, which the loss poisson compares", "rmse"),
    "classes of pixels": ("mae", "which the task \"multiclass\" predicts", "accuracy"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNFIT)
def test_a_metric_that_says_nothing_of_a_loss_is_refused(name: str, tmp_path: Path) -> None:
    spec_of(name, tmp_path)
    metric, message, hint = UNFIT[name]
    arrays, layers, task, loss, _ = CASES[name]
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {key: {"shape": values.shape[1:]} for key, values in arrays.items()},
        "layers": layers,
        "training": {"task": task, "loss": loss, "metrics": [metric]},
    }
    with pytest.raises(nnspec.SpecError) as caught:
        nnspec.loads(json.dumps(document), is_json=True)
    (problem,) = caught.value.problems
    assert problem.code == "unfit-metric"
    assert message in problem.message
    assert hint in (problem.hint or "")
    document["training"]["metrics"] = []  # type: ignore[index]
    nnspec.loads(json.dumps(document), is_json=True)


ENDS = ("classes of positions, padded", "classes of pixels", "signs", "alike or not", "labels")


@pytest.mark.parametrize(
    "name", [*ENDS[:1], *(pytest.param(e, marks=pytest.mark.slow) for e in ENDS[1:])]
)
def test_both_frameworks_measure_alike_and_their_scripts_as_verify_does(
    name: str, tmp_path: Path
) -> None:
    plain = spec_of(name, tmp_path)
    spec = with_training(plain, metrics=fitting(plain)[:4])
    found = {}
    for backend in ("torch", "keras"):
        run = nnspec.train(spec, backend=backend, folder=tmp_path / backend, dtype="float64")
        found[backend] = run.history[-1].values
    assert found["torch"] == pytest.approx(found["keras"], abs=1e-9)
    assert len(found["torch"]) >= 3
    checked = nnspec.verify(spec, backends=["torch", "keras"], exporters=False, steps=2)
    metrics = [check for check in checked.checks if check.kind == "metrics"]
    assert metrics
    assert all(check.passed for check in metrics), metrics


def test_a_run_says_where_no_place_counts(tmp_path: Path) -> None:
    case = "classes of positions, padded"
    spec = spec_of(
        case, tmp_path, target=np.where(np.arange(20)[:, None] < 99, -100, CASES[case][4])
    )
    assert spec.model.training is not None
    data = load_data(spec)
    (note,) = notes_of_undefined(spec.graph, spec.model.training, data)
    assert note == (
        "accuracy of the validation rows: not defined, as none of their places counts, and left out"
    )
    spec = spec_of("labels", tmp_path, target=np.where(LABELS > 99, LABELS, -1))
    assert spec.model.training is not None
    (note,) = notes_of_undefined(spec.graph, spec.model.training, load_data(spec))
    assert "label_error_rate of the validation rows: not defined, as they have no labels" in note


def test_mae_is_that_of_scikit_learn() -> None:
    output, target = np.random.default_rng(4).normal(size=(2, 9, 3))
    found = measured({"type": "huber"}, output, target)["mae"]
    assert found == pytest.approx(mean_absolute_error(target, output.astype(np.float32)))


def test_the_labels_of_the_cases_are_padded() -> None:
    assert (LABELS == -1).any()
