import numpy as np
import pytest
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

from nnspec.errors import UsageError
from nnspec.language.losses.cross_entropy import BinaryCrossEntropy
from nnspec.language.losses.regression import MeanSquaredError
from nnspec.language.training_schema import Training
from nnspec.network.loader import loads
from nnspec.training import metrics


@pytest.mark.parametrize("seed", range(5))
def test_against_scikit_learn(seed):
    print("seed", seed)
    rng = np.random.default_rng(seed)
    output = rng.normal(size=(50, 3)).astype(np.float32)
    target = (output + rng.normal(size=(50, 3))).astype(np.float32)
    assert metrics.mae(output, target) == pytest.approx(
        mean_absolute_error(target.astype(float), output.astype(float)), rel=1e-12
    )
    assert metrics.r2(output, target) == pytest.approx(
        r2_score(target.astype(float), output.astype(float)), rel=1e-12
    )
    classes = rng.integers(0, 3, size=50)
    assert metrics.multiclass_accuracy(output, classes) == pytest.approx(
        accuracy_score(classes, output.argmax(axis=1)), rel=1e-12
    )


def test_a_half_says_no():
    output = np.array([[0.5], [np.nextafter(0.5, 1)], [0.2], [0.9]])
    assert metrics.binary_accuracy(output, np.array([[1], [1], [0], [0]])) == 0.5


def test_the_first_of_equal_scores_counts():
    output = np.array([[0.4, 0.4, 0.2], [0.1, 0.45, 0.45]])
    assert metrics.multiclass_accuracy(output, np.array([0, 1])) == 1
    assert metrics.multiclass_accuracy(output, np.array([1, 2])) == 0


def test_dense_targets_and_sequences():
    output = np.eye(3)[[[0, 1], [2, 2]]]
    assert metrics.multiclass_accuracy(output, np.array([[0, 1], [2, 0]])) == 0.75
    assert metrics.multiclass_accuracy(output, np.eye(3)[[[0, 1], [2, 0]]]) == 0.75


def test_r2_of_a_constant_target():
    constant = np.full((4, 1), 0.1)
    assert metrics.r2(constant, constant) == 1
    assert metrics.r2(constant + 1, constant) == 0


def test_a_missing_axis_is_never_broadcast():
    with pytest.raises(ValueError, match="differ in shape"):
        metrics.mae(np.ones((4, 1)), np.ones(4))


def net(*last):
    text = "{nnspec: 1, name: N, inputs: {features: {shape: [2]}}, layers: [%s]}"
    return loads(text % ", ".join(last)).graph


def test_logits_are_cut_at_zero_and_probabilities_at_a_half():
    logits = net("{type: dense, units: 1}")
    fused = net("{type: dense, units: 1, activation: sigmoid}")
    separate = net("{type: dense, units: 1}", "{type: sigmoid}")
    training = Training(task="binary")
    assert training.resolved_loss == BinaryCrossEntropy()
    assert metrics.threshold(logits, training) == 0
    assert metrics.threshold(fused, training) == 0.5
    assert metrics.threshold(separate, training) == 0.5
    squared = Training(task="binary", loss=MeanSquaredError())
    assert metrics.threshold(logits, squared) == 0.5
    output = np.array([[0.3]])
    assert metrics.measure(logits, training, output, np.array([[1.0]])) == {"accuracy": 1.0}
    assert metrics.measure(logits, squared, output, np.array([[1.0]])) == {"accuracy": 0.0}


@pytest.mark.parametrize(
    ("task", "metric"), [("regression", "accuracy"), ("binary", "r2"), ("multiclass", "mae")]
)
def test_a_metric_of_another_task_is_refused(task, metric):
    with pytest.raises(UsageError, match=f'metric "{metric}" means nothing'):
        metrics.require_measurable(Training(task=task, metrics=(metric,)))
