"""Training steps of files of others: of right ones, and ones with a fault planted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest

import nnspec
from nnspec.judge.judgement import Judgement
from tests.judge.test_against import (
    ATTENTION,
    FUSED,
    PICTURES,
    SERIES,
    TORCH,
    judged,
    pictures_as_onnx,
    spec_of,
    written,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
TRAINING = {"task": "multiclass", "optimizer": {"type": "adam", "learning_rate": 0.01}}
TRAINED: dict[str, Any] = {**PICTURES, "training": TRAINING}
LEVELS = ("interface", "outputs", "training")


def trained(document: dict[str, Any], file: str | Path) -> Judgement:
    return judged(document, file, levels=LEVELS, required=("training",))


def told(report: Judgement) -> str:
    """Return what is said of the failed training check, which is the only one."""
    (failed,) = [each for each in report.checks if not each.passed]
    assert failed.kind == "training"
    return f"{failed.layer}: {failed.detail}"


def test_a_right_module_trains_as_its_spec_does(tmp_path: Path) -> None:
    report = trained(TRAINED, f"{written(tmp_path, TORCH)}:Net")
    assert report.passed, report.to_json()
    assert report.verdict_of("training") == "same"
    assert any("the unbiased variance" in note for note in report.notes)


CUSTOM = """\
class Norm(nn.Module):
    def __init__(self, width, momentum=0.1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))
        self.momentum = momentum

    def forward(self, x):
        mean, var = self.running_mean, self.running_var
        if self.training:
            mean = x.mean((0, 2, 3))
            var = x.var((0, 2, 3), unbiased=False)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(UNBIASED, self.momentum)
        y = (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + 1e-5)
        return y * self.weight[:, None, None] + self.bias[:, None, None]


class Residual"""


def custom(variance: str) -> str:
    text = TORCH.replace("nn.BatchNorm2d(width)", "Norm(width)")
    return text.replace("class Residual", CUSTOM.replace("UNBIASED", variance), 1)


ANEW = "self.running_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean"
"""Instead of a change in place: the module holds another tensor then."""


@pytest.mark.parametrize("variance", ["var", "x.var((0, 2, 3))"], ids=["biased", "unbiased"])
@pytest.mark.parametrize("is_anew", [False, True])
def test_a_norm_of_the_user_is_the_same(variance: str, is_anew: bool, tmp_path: Path) -> None:
    """The spec's statistic is the biased variance, and PyTorch's own layer has the other."""
    text = custom(variance)
    if is_anew:
        text = text.replace("self.running_mean.lerp_(mean, self.momentum)", ANEW)
    assert (ANEW in text) == is_anew
    report = trained(TRAINED, f"{written(tmp_path, text)}:Net")
    assert report.passed, report.to_json()


FAULTS = {
    "momentum": ("nn.BatchNorm2d(width)", "nn.BatchNorm2d(width, momentum=0.9)", "first.norm",
                 "weighs the old value by 0.1, and the spec by 0.9"),
    "frozen": ("        self.fc1 = nn.Linear(9 * width, 8)\n",
               "        self.fc1 = nn.Linear(9 * width, 8)\n"
               "        self.fc1.weight.requires_grad_(False)\n", "hidden",
               "fc1.weight is frozen in the file"),
    "detached": ("F.relu(x + self.n(self.c(x)))", "F.relu(x + self.n(self.c(x)).detach())",
                 "first", "No gradient reaches"),
    "shortcut": ("F.relu(x + self.n(self.c(x)))", "F.relu(x.detach() + self.n(self.c(x)))",
                 # cut in the second of the two, and so of all before it
                 "first.norm", "The gradient of first.norm"),
    "not-updated": ("nn.BatchNorm2d(width)", "nn.BatchNorm2d(width, momentum=0.0)", "first.norm",
                    "does not update it"),
}  # fmt: skip
"""Text, what stands for it, the layer at fault, and words of the cause."""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_only_training_has_is_found(fault: str, tmp_path: Path) -> None:
    old, new, layer, cause = FAULTS[fault]
    assert old in TORCH
    report = trained(TRAINED, f"{written(tmp_path, TORCH.replace(old, new, 1))}:Net")
    assert report.verdict_of("training") == "differs", report.to_json()
    assert told(report).startswith(layer)
    assert cause in told(report)


@pytest.mark.parametrize(
    "variance", ["var.sqrt()", "x.square().mean((0, 2, 3))"], ids=["deviation", "square"]
)
def test_another_variance_is_found(variance: str, tmp_path: Path) -> None:
    report = trained(TRAINED, f"{written(tmp_path, custom(variance))}:Net")
    assert "first.norm.running_var after step 1: the file updates it otherwise" in told(report)


BIASED: dict[str, Any] = json.loads(json.dumps(TRAINED).replace(', "use_bias": false', ""))
"""A bias before each normalisation, which only its running mean sees."""
BIASES = (", bias=False", "")


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("side", ["torch", "custom", "frozen", "keras"])
def test_a_bias_before_a_normalisation_is_no_fault(
    side: str, optimizer: str, tmp_path: Path
) -> None:
    training = {**TRAINING, "optimizer": {"type": optimizer, "learning_rate": 0.1}}
    document = {**BIASED, "training": training}
    text = (custom("var") if side == "custom" else TORCH).replace(*BIASES)
    if side == "frozen":
        norm = "        self.n = nn.BatchNorm2d(width)\n"
        text = text.replace(norm, norm + "        self.c.bias.requires_grad_(False)\n")
    name = "Net"
    if side == "keras":
        text, name = nnspec.compile(spec_of(document), "keras").source, "pictures"
    report = trained(document, f"{written(tmp_path, text)}:{name}")
    assert report.passed, report.to_json()
    (means,) = [note for note in report.notes if "is compared after one step" in note]
    assert "first.norm.running_mean, second.norm.running_mean" in means
    assert any("its gradient is 0: first.conv.bias" in note for note in report.notes) == (
        side != "frozen"
    )


@pytest.mark.parametrize(
    ("instead", "told"),
    [("pass", "does not update it"), ("self.running_mean.lerp_(mean, 0.3)", "by 0.7"),
     ("self.running_mean.lerp_(mean - self.bias, self.momentum)", "updates it otherwise")],
)  # fmt: skip
def test_a_running_mean_after_a_bias_is_compared(instead: str, told: str, tmp_path: Path) -> None:
    text = custom("var").replace(*BIASES)
    wrong = text.replace("self.running_mean.lerp_(mean, self.momentum)", instead)
    assert wrong != text
    report = trained(BIASED, f"{written(tmp_path, wrong)}:Net")
    (failed,) = report.failures()
    assert (failed.kind, failed.layer) == ("training", "first.norm")
    assert "first.norm.running_mean after step 1: the file" in failed.detail
    assert told in failed.detail


TIED: dict[str, Any] = {
    "nnspec": 1,
    "name": "Words",
    "inputs": {"ids": {"shape": ["time"], "dtype": "int64"}},
    "layers": [
        {"name": "table", "type": "embedding", "input_dim": 11, "output_dim": 6},
        {"name": "mixed", "type": "dense", "units": 6, "activation": "tanh"},
        {"name": "scores", "type": "tied_dense", "layer": "table", "use_bias": False},
    ],
    "training": {"task": "multiclass", "optimizer": {"type": "sgd", "learning_rate": 0.1}},
}
WORDS = """\
import torch
from torch import nn


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(11, 6)
        self.mixed = nn.Linear(6, 6)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.table.weight

    def forward(self, ids):
        return self.head(torch.tanh(self.mixed(self.table(ids))))
"""


def test_tied_weights_train_as_one(tmp_path: Path) -> None:
    report = trained(TIED, written(tmp_path, WORDS))
    assert report.passed, report.to_json()


def test_tied_weights_that_were_copied_are_found(tmp_path: Path) -> None:
    text = WORDS.replace(
        "self.head.weight = self.table.weight",
        "self.head.weight = nn.Parameter(self.table.weight.detach().clone())",
    )
    report = trained(TIED, written(tmp_path, text))
    assert report.verdict_of("training") == "differs", report.to_json()
    assert "The gradient of table.weight as in training differs" in told(report)


def test_dropout_is_off_on_both_sides(tmp_path: Path) -> None:
    dropped = {**TRAINED, "layers": [*TRAINED["layers"]]}
    dropped["layers"].insert(6, {"name": "drop", "type": "dropout", "rate": 0.3})
    text = TORCH.replace("x = F.relu(self.fc1(x))",
                         "x = F.dropout(F.relu(self.fc1(x)), 0.3, self.training)")  # fmt: skip
    report = trained(dropped, f"{written(tmp_path, text)}:Net")
    assert report.passed, report.to_json()
    assert any("dropout and noise off" in note for note in report.notes)


def test_what_cannot_be_switched_off_is_not_checked(tmp_path: Path) -> None:
    text = TORCH.replace(
        "x = F.relu(self.fc1(x))",
        "x = F.relu(self.fc1(x))\n        if self.training:\n            x = x * torch.rand(8)",
    )
    report = trained(TRAINED, f"{written(tmp_path, text)}:Net")
    assert report.verdict == "not checked as required", report.to_json()
    assert any("draws random numbers in training" in each.reason for each in report.not_checked)


KERAS = """\
import keras
from keras import layers


@keras.saving.register_keras_serializable()
class Norm(layers.BatchNormalization):  # with the unbiased variance as its statistic
    def call(self, x, training=None):
        before = keras.ops.copy(self.moving_variance)
        y = super().call(x, training=training)
        if training:
            n = x.shape[0]
            biased = (self.moving_variance - self.momentum * before) / (1 - self.momentum)
            moved = self.momentum * before + (1 - self.momentum) * biased * n / (n - 1)
            self.moving_variance.assign(moved)
        return y


class Drop(layers.Layer):
    def __init__(self, draw):
        super().__init__()
        self.draw = draw
        self.seed = keras.random.SeedGenerator(3)

    def call(self, x, training=False):
        return self.draw(x, self.seed) if training else x


def dropped(x, seed):
    return keras.random.dropout(x, 0.4, seed=seed)


def moved(x, seed):
    return x + keras.random.normal(keras.ops.shape(x), dtype=x.dtype, seed=seed)


def build(
    momentum=0.9, frozen=False, stop=False, drop=0.0, norm=layers.BatchNormalization, own=None
):
    x = given = keras.Input((5,))
    x = layers.Dense(6, activation="tanh", trainable=not frozen)(x)
    x = norm(momentum=momentum, epsilon=1e-5)(x)
    if drop:
        x = layers.Dropout(drop)(x)
    if own:
        x = Drop(own)(x)
    y = layers.Dense(6)(x)
    if stop:
        y = layers.Lambda(keras.ops.stop_gradient)(y)
    x = layers.Add()([x, y])
    return keras.Model(given, layers.Dense(3, activation="softmax")(x))
"""
ROWS: dict[str, Any] = {
    "nnspec": 1,
    "name": "Rows",
    "inputs": {"x": {"shape": [5]}},
    "layers": [
        {"name": "first", "type": "dense", "units": 6, "activation": "tanh"},
        {"name": "norm", "type": "batch_normalization"},
        {"name": "second", "type": "dense", "units": 6},
        {"name": "sum", "type": "add", "inputs": ["norm", "second"]},
        {"name": "scores", "type": "dense", "units": 3},
        {"name": "chances", "type": "softmax"},
    ],
    "training": TRAINING,
}


@pytest.mark.parametrize(
    ("arguments", "layer", "cause"),
    [
        ({}, "", ""),
        ({"drop": 0.4}, "", ""),
        ({"own": "dropped"}, "", ""),
        ({"momentum": 0.1}, "norm", "weighs the old value by 0.1, and the spec by 0.9"),
        ({"frozen": True}, "first", "is frozen in the file"),
        ({"stop": True}, "second", "No gradient reaches"),
        ({"norm": "Norm"}, "norm", "takes the unbiased variance, over 3, and the spec over 4"),
    ],
    ids=[
        "right",
        "dropped",
        "dropped by a layer of its own",
        "momentum",
        "frozen",
        "stopped",
        "unbiased",
    ],
)
def test_a_keras_file_trains_as_its_spec_or_is_told(
    arguments: dict[str, Any], layer: str, cause: str, tmp_path: Path
) -> None:
    file = written(tmp_path, KERAS)
    call = ", ".join(f"{key}={each}" for key, each in arguments.items())
    file.write_text(f"{KERAS}\n\ndef made():\n    return build({call})\n")
    report = trained(ROWS, f"{file}:made")
    if not layer:
        assert report.passed, report.to_json()
        return
    assert told(report).startswith(f"{layer}:"), report.to_json()
    assert cause in told(report)


def test_noise_of_a_layer_of_its_own_is_not_compared(tmp_path: Path) -> None:
    file = written(tmp_path, f"{KERAS}\n\ndef made():\n    return build(own=moved)\n")
    report = trained(ROWS, f"{file}:made")
    assert not any(check.kind == "training" for check in report.checks)
    reasons = [each.reason for each in report.not_checked if each.kind == "training"]
    assert any("draws random numbers in training" in each for each in reasons), reasons


def test_a_fused_projection_trains_as_its_parts(tmp_path: Path) -> None:
    document = {**ATTENTION, "training": {"task": "regression", "optimizer": {"type": "adam"}}}
    report = trained(document, written(tmp_path, FUSED))
    assert report.passed, report.to_json()


def test_gates_in_another_order_train_as_those_of_the_spec(tmp_path: Path) -> None:
    given = keras.Input((None,), dtype="int64")
    x = keras.layers.Embedding(11, 6)(given)
    x = keras.layers.LSTM(5, return_sequences=True)(x)
    x = keras.layers.GRU(5)(x)
    keras.Model(given, keras.layers.Dense(2)(x)).save(tmp_path / "net.keras")
    schedule = {"schedule": "cosine", "peak": 0.01, "warmup": 2, "steps": 20}
    optimizer = {"type": "adam", "learning_rate": schedule}
    document = {**SERIES, "training": {"task": "regression", "optimizer": optimizer}}
    report = trained(document, tmp_path / "net.keras")
    assert report.passed, report.to_json()


def test_what_has_no_training_is_not_checked(tmp_path: Path) -> None:
    report = judged(TRAINED, pictures_as_onnx(tmp_path))
    reasons = {each.kind: each.reason for each in report.not_checked}
    assert reasons["training"] == "a model of ONNX has no training"
    report = judged(PICTURES, f"{written(tmp_path, TORCH)}:Net", levels=LEVELS)
    reasons = {each.kind: each.reason for each in report.not_checked}
    assert "the spec has no `training`" in reasons["training"]
