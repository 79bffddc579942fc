"""Two files that nnspec has not written: the same, and with a fault planted in one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from click.testing import CliRunner

import nnspec
from nnspec.backend import get_backend
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.judge.compare import compare_files
from nnspec.judge.comparison import Comparison
from nnspec.judge.meeting import asked_of
from nnspec.judge.process import reader_of, reference_of
from tests.judge.test_against import FUSED, TORCH, pictures_in_keras

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated; PyTorch's older
# exporter says that it is the older one.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)


def compared(
    first: str | Path, second: str | Path, *asked: str, known: dict[str, Any] | None = None
) -> Comparison:
    """Compare files in this process: one of its own takes seconds to begin."""
    references = [reference_of(str(each)) for each in (first, second)]
    files = [get_backend(reader_of(each).name).open_file(each) for each in references]
    labels = references[0].label, references[1].label
    return compare_files(
        labels, (files[0], files[1]), asked=asked_of(asked), batch=4, seed=0, known=known
    )


def written(folder: Path, text: str, name: str = "model.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def saved(folder: Path, model: keras.Model, name: str = "net.keras") -> Path:
    model.save(folder / name)
    return folder / name


def exported(path: Path, text: str, name: str, given: Any, *, dynamo: bool) -> Path:
    namespace: dict[str, Any] = {}
    exec(compile(text, "model.py", "exec"), namespace)  # noqa: S102 - this file's own text
    torch.manual_seed(1)
    model = namespace[name]().eval()
    if dynamo:
        axes = ({0: torch.export.Dim("batch")},)
        torch.onnx.export(model, (given,), path, dynamo=True, dynamic_shapes=axes, verbose=False)
    else:
        torch.onnx.export(
            model, (given,), path, dynamo=False, input_names=["given"],
            dynamic_axes={"given": {0: "batch"}},
        )  # fmt: skip
    return path


def only_fault(report: Comparison) -> dict[str, Any]:
    assert report.verdict == "not the same", report.to_json()
    return report.faults[0]


MLP = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.last = nn.Linear(8, 3)
        self.second = nn.Linear(8, 8)
        self.first = nn.Linear(8, 8)

    def forward(self, rows):
        x = torch.relu(self.first(rows))
        x = self.norm(torch.tanh(self.second(x)))
        return self.last(x)
"""


def mlp_in_keras(activation: str = "relu", epsilon: float = 1e-5) -> keras.Model:
    given = keras.Input((8,))
    x = keras.layers.Dense(8, activation=activation, name="bent")(given)
    x = keras.layers.Dense(8, activation="tanh")(x)
    x = keras.layers.LayerNormalization(epsilon=epsilon, name="scaled")(x)
    return keras.Model(given, keras.layers.Dense(3)(x))


def test_networks_of_two_frameworks_are_the_same(tmp_path: Path) -> None:
    pair = written(tmp_path, MLP), saved(tmp_path, mlp_in_keras())
    for report in (compared(*pair), compared(*reversed(pair))):
        assert report.passed, report.to_json()
        assert {check.kind for check in report.checks} == {"forward", "interface", "gradient"}
        assert len(report.sources) == 8
        assert any("8 of 8 tensors" in note for note in report.notes)


@pytest.mark.parametrize(
    ("change", "cause", "line", "layer"),
    [
        ({"activation": "gelu"}, "relu", 14, "bent"),
        ({"epsilon": 1e-3}, "0.001", 15, "scaled"),
    ],
)
def test_a_fault_is_blamed_in_both_files(
    change: dict[str, Any], cause: str, line: int, layer: str, tmp_path: Path
) -> None:
    report = compared(written(tmp_path, MLP), saved(tmp_path, mlp_in_keras(**change)))
    fault = only_fault(report)
    assert cause in fault["cause"]
    assert fault["a"].startswith(f"model.py:{line}")
    assert fault["b"].startswith(f'layer "{layer}"')


def test_two_files_of_one_framework_need_the_shapes(tmp_path: Path) -> None:
    first = written(tmp_path, MLP)
    text = MLP.replace("torch.tanh(self.second(x))", "self.second(x)").replace("self.la", "self.a")
    second = written(tmp_path, text, "other.py")
    with pytest.raises(UsageError, match="--input"):
        compared(first, second)
    fault = only_fault(compared(first, second, "rows=8"))
    assert (fault["kind"], fault["a"][:11]) == ("tanh", "model.py:15")
    assert fault["b"].startswith("other.py:15")
    second.write_text(MLP.replace("self.la", "self.a"))
    assert compared(first, second, "rows=8").passed


def test_convolutions_of_two_frameworks_are_the_same(tmp_path: Path) -> None:
    file = f"{written(tmp_path, TORCH)}:Net"
    report = compared(file, saved(tmp_path, pictures_in_keras()))
    assert report.passed, report.to_json()
    assert any("the axes in the order" in note for note in report.notes)
    report = compared(file, saved(tmp_path, pictures_in_keras(epsilon=1e-3)))
    fault = only_fault(report)
    assert "0.001" in fault["cause"]
    assert fault["a"].startswith("model.py:13")
    assert fault["b"].startswith('layer "batch_normalization')


@pytest.mark.parametrize("fault", ["", "AvgPool2d"])
def test_exports_of_two_exporters_are_compared(fault: str, tmp_path: Path) -> None:
    """The older exporter folds the normalisations into the convolutions in its own way."""
    given = torch.randn(2, 2, 6, 6)
    text = TORCH.replace("MaxPool2d", fault) if fault else TORCH
    first = exported(tmp_path / "first.onnx", TORCH, "Net", given, dynamo=True)
    second = exported(tmp_path / "second.onnx", text, "Net", given, dynamo=False)
    report = compared(first, second)
    assert report.passed == (not fault), report.to_json()
    if fault:
        told = only_fault(report)
        assert "MaxPool" in told["a"]
        assert "AveragePool" in told["b"]
        assert all(check.kind == "forward" for check in report.failures())
    else:
        file = f"{written(tmp_path, TORCH)}:Net"
        report = compared(second, file)
        assert report.passed, report.to_json()
        assert any("each holds weights of its own" in note for note in report.notes)


def test_an_export_by_tf2onnx_is_the_same_as_one_by_torch(tmp_path: Path) -> None:
    """It leaves out biases of 0 and scales of 1."""
    model = mlp_in_keras()
    model(np.zeros((1, 8)))
    model.export(tmp_path / "tf.onnx", format="onnx", verbose=False)
    other = exported(tmp_path / "torch.onnx", MLP, "Net", torch.randn(2, 8), dynamo=True)
    report = compared(tmp_path / "tf.onnx", other)
    assert report.passed, report.to_json()
    assert any("does without" in note for note in report.notes)
    text = MLP.replace("torch.tanh", "torch.sigmoid")
    other = exported(tmp_path / "torch.onnx", text, "Net", torch.randn(2, 8), dynamo=True)
    fault = only_fault(compared(tmp_path / "tf.onnx", other))
    assert "(Sigmoid)" in fault["b"]


LSTM = """\
import torch
from torch import nn


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(11, 6)
        self.rnn = nn.LSTM(6, 5, batch_first=True)
        self.out = nn.Linear(5, 3)

    def forward(self, ids):
        states, _ = self.rnn(self.table(ids))
        return torch.softmax(self.out(states[:, -1]), dim=-1)
"""
WRITTEN_OUT = LSTM.replace(
    "self.rnn = nn.LSTM(6, 5, batch_first=True)",
    "self.wx = nn.Linear(6, 20)\n        self.wh = nn.Linear(5, 20, bias=False)",
).replace(
    """\
        states, _ = self.rnn(self.table(ids))
        return torch.softmax(self.out(states[:, -1]), dim=-1)
""",
    """\
        x = self.table(ids)
        h = c = x.new_zeros(len(ids), 5)
        for t in range(x.shape[1]):
            i, f, g, o = (self.wx(x[:, t]) + self.wh(h)).chunk(4, dim=-1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
        return torch.softmax(self.out(h), dim=-1)
""",
)


def lstm_in_keras(*, pools: bool = False, turns: bool = False) -> keras.Model:
    given = keras.Input((None,), dtype="int64", name="tokens")
    x = keras.layers.Embedding(11, 6, name="words")(given)
    memory = keras.layers.LSTM(5, return_sequences=pools, go_backwards=turns, name="memory")
    x = memory(x)
    if pools:
        x = keras.layers.GlobalAveragePooling1D(name="mean")(x)
    x = keras.layers.Dense(3, activation="softmax", name="scores")(x)
    return keras.Model(given, x)


def test_classifiers_with_an_lstm_are_the_same_with_weights_of_their_own(tmp_path: Path) -> None:
    other = saved(tmp_path, lstm_in_keras())
    for text in (LSTM, WRITTEN_OUT):
        report = compared(written(tmp_path, text), other)
        assert report.passed, report.to_json()
        assert {check.kind for check in report.checks} >= {"forward", "gradient"}
    given = torch.randint(0, 11, (2, 4))
    export = exported(tmp_path / "net.onnx", LSTM, "Classifier", given, dynamo=False)
    report = compared(export, other)  # i, o, f, c in ONNX
    assert report.passed, report.to_json()
    assert any("gates stand in another order" in note for note in report.notes)


LSTM_FAULTS = {
    "mean": (LSTM, {"pools": True}, "takes the mean", "model.py:14", "mean"),
    "reversed": (LSTM, {"turns": True}, "backwards", "model.py:13", "memory"),
    "first": (LSTM.replace("[:, -1]", "[:, 0]"), {}, "place -1", "model.py:14", "memory"),
    "no tanh": (WRITTEN_OUT.replace("* c.tanh()", "* c"), {}, "", "model.py:19", "memory"),
}  # fmt: skip


@pytest.mark.parametrize("case", LSTM_FAULTS)
def test_a_fault_of_a_classifier_is_blamed_at_its_line(case: str, tmp_path: Path) -> None:
    text, change, cause, line, layer = LSTM_FAULTS[case]
    report = compared(written(tmp_path, text), saved(tmp_path, lstm_in_keras(**change)))
    fault = only_fault(report)
    assert cause in fault["cause"]
    assert fault["a"].startswith(line), fault
    assert f'layer "{layer}"' in fault["b"]


PORTED = """

def build():
    import pathlib
    import numpy as np
    held = np.load(pathlib.Path(__file__).with_name("weights.npz"))
    table, kernel, recurrent, bias, last, shift = (torch.from_numpy(held[k]) for k in held)
    net = Classifier()
    with torch.no_grad():
        net.table.weight.copy_(table)
        net.rnn.weight_ih_l0.copy_(kernel.T)
        net.rnn.weight_hh_l0.copy_(recurrent.T)
        net.rnn.bias_ih_l0.copy_(bias)
        net.rnn.bias_hh_l0.zero_()
        net.out.weight.copy_(last.T)
        net.out.bias.copy_(shift)
    return net
"""
SWAP = ".view(4, 5, -1)[[0, 2, 1, 3]].flatten(0, 1)"
PORT_FAULTS = {
    "": ("", "", "", ""),
    "gates": ("er.T)", f"er.T{SWAP})", "gates in another order", "model.py:13"),
    "weight": ("last.T)", "last.T * 1.01)", "", ""),
}


@pytest.mark.parametrize("fault", PORT_FAULTS)
def test_ported_weights_are_compared_as_they_are(fault: str, tmp_path: Path) -> None:
    model = lstm_in_keras()
    np.savez(tmp_path / "weights.npz", *model.get_weights())
    text = LSTM + PORTED
    old, new, cause, line = PORT_FAULTS[fault]
    if fault == "gates":
        text = text.replace("kernel.T)", f"kernel.T{SWAP})").replace(
            "recurrent.T)", f"recurrent.T{SWAP})"
        )
    elif fault:
        assert old in text
        text = text.replace(old, new)
    report = compared(f"{written(tmp_path, text)}:build", saved(tmp_path, model))
    assert report.passed == (not fault), report.to_json()
    as_they_are = next(each for each in report.checks if "that they hold" in each.pair[1])
    assert as_they_are.passed == (not fault)
    if fault == "weight":  # the tensor alone is at fault
        failed = [each for each in report.failures() if each.kind == "weights"]
        assert "out.weight is not scores/kernel" in failed[0].detail
        assert not report.faults
    elif fault:
        told = only_fault(report)
        assert cause in told["cause"]
        assert told["a"].startswith(line)


def test_a_fused_projection_is_compared_with_a_module(tmp_path: Path) -> None:
    text = FUSED.replace(
        "self.qkv = nn.Parameter(torch.randn(8, 24) / 3)",
        "self.qkv = nn.Linear(8, 24, bias=False)",
    ).replace("x @ self.qkv", "self.qkv(x)")
    first, second = written(tmp_path, FUSED), written(tmp_path, text, "other.py")
    assert compared(first, second, "x=5,8").passed


def test_a_map_that_is_not_found_accuses_nobody(tmp_path: Path) -> None:
    text = MLP.replace("nn.Linear(8, 3)", "nn.Linear(9, 3)").replace(
        "self.last(x)", "self.last(torch.cat([x, x[:, :1]], -1))"
    )
    report = compared(written(tmp_path, text), saved(tmp_path, mlp_in_keras()))
    assert report.verdict == "not compared", report.to_json()
    assert any("--map" in each.reason for each in report.not_checked)


def test_other_outputs_are_a_difference_of_the_interface(tmp_path: Path) -> None:
    text = MLP.replace("return self.last(x)", "return self.last(x), x")
    report = compared(written(tmp_path, text), saved(tmp_path, mlp_in_keras()))
    assert report.verdict == "not the same"
    assert report.failures()[0].kind == "interface"  # type: ignore[index]


def test_the_command_compares_files_in_processes_of_their_own(tmp_path: Path) -> None:
    first, second = str(written(tmp_path, MLP)), str(saved(tmp_path, mlp_in_keras()))
    save = str(tmp_path / "map.json")
    done = CliRunner().invoke(main, ["compare", first, second, "--json", "--save-map", save])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["verdict"] == "the same"
    kept = json.loads(Path(save).read_text())
    assert kept == {"of": report["of"], "map": report["map"]}
    kept["map"]["first.weight"] = kept["map"]["second.weight"]
    Path(save).write_text(json.dumps(kept))
    done = CliRunner().invoke(main, ["compare", first, second, "--map", save])
    assert done.exit_code == 1


def test_a_spec_is_compared_with_a_spec_and_with_a_file(tmp_path: Path) -> None:
    document: dict[str, Any] = {
        "nnspec": 1,
        "name": "Mlp",
        "inputs": {"rows": {"shape": [8]}},
        "layers": [
            {"type": "dense", "units": 8, "activation": "relu"},
            {"type": "dense", "units": 8, "activation": "tanh"},
            {"type": "layer_normalization"},
            {"type": "dense", "units": 3},
        ],
    }
    spec, other = tmp_path / "one.json", tmp_path / "two.json"
    spec.write_text(json.dumps(document))
    document["layers"][1]["activation"] = "sigmoid"
    other.write_text(json.dumps(document))
    assert nnspec.compare(spec, spec).passed
    assert not nnspec.compare(spec, other).passed
    assert nnspec.compare(written(tmp_path, MLP), spec).passed
    with pytest.raises(UsageError, match="a spec takes no arguments"):
        nnspec.compare(spec, other, args_a=[1])
    for pair in ((spec, other), (spec, tmp_path / "model.py"), (tmp_path / "model.py", spec)):
        with pytest.raises(UsageError, match="--input is given for rows"):
            nnspec.compare(*pair, inputs=["rows=8"])


@pytest.mark.parametrize("text", ["rows", "rows=a", "rows=8:text", "rows=8:int64:x"])
def test_a_wrong_input_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--input"):
        asked_of([text])
