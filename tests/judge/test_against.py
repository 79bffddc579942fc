"""A spec beside files that nnspec has not written: right ones, and ones with a fault planted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest
import torch
from click.testing import CliRunner

import nnspec
from nnspec.backend import get_backend
from nnspec.cli import main
from nnspec.errors import UsageError
from nnspec.judge.against import judge
from nnspec.judge.judgement import Judgement
from nnspec.judge.ours import Ours
from nnspec.judge.process import reader_of, reference_of
from nnspec.judge.verify import verify_against
from nnspec.network.loader import Spec, loads
from tests.detection.catalogue.networks import network

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
PICTURES: dict[str, Any] = {
    "nnspec": 1,
    "name": "Pictures",
    "inputs": {"image": {"shape": [2, 6, 6]}},
    "blocks": {
        "residual": {
            "layers": [
                {"name": "conv", "type": "conv2d", "filters": 4, "kernel_size": 3,
                 "padding": "same", "use_bias": False},
                {"name": "norm", "type": "batch_normalization"},
                {"name": "sum", "type": "add", "inputs": ["x", "norm"]},
                {"name": "bent", "type": "relu"},
            ]
        }
    },
    "layers": [
        {"name": "stem", "type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same",
         "activation": "relu"},
        {"name": "first", "type": "residual"},
        {"name": "pool", "type": "max_pooling2d", "pool_size": 2},
        {"name": "second", "type": "residual"},
        {"type": "flatten"},
        {"name": "hidden", "type": "dense", "units": 8, "activation": "relu"},
        {"name": "scores", "type": "dense", "units": 3},
        {"name": "chances", "type": "softmax"},
    ],
}  # fmt: skip
TORCH = """\
import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.c = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.n = nn.BatchNorm2d(width)

    def forward(self, x):
        return F.relu(x + self.n(self.c(x)))


class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(2, width, 3, padding=1),
            nn.ReLU(),
            Residual(width),
            nn.MaxPool2d(2),
            Residual(width),
        )
        self.fc2 = nn.Linear(8, 3)
        self.fc1 = nn.Linear(9 * width, 8)

    def forward(self, pictures):
        x = torch.flatten(self.features(pictures), 1)
        x = F.relu(self.fc1(x))
        return F.softmax(self.fc2(x), dim=-1)
"""
FAULTS = {
    "epsilon": ("nn.BatchNorm2d(width)", "nn.BatchNorm2d(width, eps=1e-3)", "first.norm",
                "epsilon 0.001", 13),
    "activation": ("F.relu(self.fc1(x))", "F.gelu(self.fc1(x))", "hidden", "gelu", 31),
    "no-activation": ("F.relu(self.fc1(x))", "self.fc1(x)", "hidden", "no activation", 31),
    "pooling": ("nn.MaxPool2d(2)", "nn.AvgPool2d(2)", "pool", "average_pooling2d", 30),
    "no-residual": ("F.relu(x + self.n(self.c(x)))", "F.relu(self.n(self.c(x)))", "first.sum", "",
                    13),
    "flatten-order": ("self.features(pictures), 1", "self.features(pictures).transpose(1, 3), 1",
                      "flatten_1", "in another order", 30),
    "softmax-axis": ("dim=-1", "dim=0", "chances", "", 32),
    "no-softmax": ("F.softmax(self.fc2(x), dim=-1)", "self.fc2(x)", "chances", "leaves the layer",
                   None),
    "bias-twice": ("self.fc2(x), dim", "self.fc2(x) + self.fc2.bias, dim", "scores",
                   "makes more of what the layer gives", 32),
    "padding": ("nn.Conv2d(2, width, 3, padding=1)",
                "nn.Conv2d(2, width, 3, padding=1, padding_mode='circular')", "stem", "", 30),
}  # fmt: skip
"""Text, what stands for it, the layer at fault, a word of the cause, and the line."""


def spec_of(document: dict[str, Any]) -> Spec:
    return loads(json.dumps(document), is_json=True)


def judged(document: dict[str, Any], file: str | Path, **settings: Any) -> Judgement:
    """Judge a file in this process: one of its own takes seconds to begin."""
    reference = reference_of(str(file))
    foreign = get_backend(reader_of(reference).name).open_file(reference)
    return judge(spec_of(document), foreign, reference, batch=4, seed=0, known={}, **settings)


def written(folder: Path, text: str) -> Path:
    path = folder / "model.py"
    path.write_text(text)
    return path


def proven(report: Judgement) -> str:
    return next(note for note in report.notes if "parameters were found" in note)


def test_a_module_with_other_names_is_the_same(tmp_path: Path) -> None:
    report = judged(PICTURES, f"{written(tmp_path, TORCH)}:Net")
    assert report.passed, report.to_json()
    assert {check.kind for check in report.checks} == {
        "forward", "interface", "gradient", "range", "dynamic_shape", "meaning",
    }  # fmt: skip
    assert report.sources["hidden.weight"].tensor == "fc1.weight"
    assert report.sources["second.norm.running_var"].tensor == "features.4.n.running_var"
    assert proven(report).startswith("16 of 16 parameters")
    assert {each.kind for each in report.not_checked} >= {"training"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_at_its_line(fault: str, tmp_path: Path) -> None:
    old, new, layer, cause, line = FAULTS[fault]
    assert old in TORCH
    report = judged(PICTURES, f"{written(tmp_path, TORCH.replace(old, new, 1))}:Net")
    assert not report.passed
    (first, *_) = report.faults
    assert first.layer == layer
    assert cause in first.cause
    if line is not None:
        assert first.places[0].startswith(f"model.py:{line}")


def pictures_in_keras(width: int = 4, epsilon: float = 1e-5) -> keras.Model:
    def residual(x: Any) -> Any:
        y = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        y = keras.layers.BatchNormalization(epsilon=epsilon)(y)
        return keras.layers.ReLU()(keras.layers.Add()([x, y]))

    given = keras.Input((6, 6, 2))
    x = keras.layers.Conv2D(width, 3, padding="same", activation="relu")(given)
    x = residual(keras.layers.MaxPooling2D()(residual(x)))
    x = keras.layers.Flatten()(keras.layers.Permute((3, 1, 2))(x))
    x = keras.layers.Dense(8, activation="relu")(x)
    return keras.Model(given, keras.layers.Dense(3, activation="softmax")(x))


def test_a_keras_file_with_channels_last_is_the_same(tmp_path: Path) -> None:
    pictures_in_keras().save(tmp_path / "net.keras")
    report = judged(PICTURES, tmp_path / "net.keras")
    assert report.passed, report.to_json()
    assert proven(report).startswith("16 of 16 parameters")
    assert any("[0, 2, 3, 1]" in note for note in report.notes)


def test_a_fault_of_a_keras_file_is_found_in_its_layer(tmp_path: Path) -> None:
    pictures_in_keras(epsilon=1e-3).save(tmp_path / "net.keras")
    report = judged(PICTURES, tmp_path / "net.keras")
    assert [each.layer for each in report.faults] == ["first.norm", "second.norm"]
    assert "epsilon 0.001" in report.faults[0].cause
    assert 'layer "batch_normalization' in report.faults[0].places[0]


def pictures_as_onnx(folder: Path, text: str = TORCH) -> Path:
    """Return the file that PyTorch's exporter makes of a module."""
    namespace: dict[str, Any] = {}
    exec(compile(text, "model.py", "exec"), namespace)  # noqa: S102 - this file's own text
    path = folder / "net.onnx"
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        namespace["Net"]().eval(), (torch.randn(2, 2, 6, 6),), path, dynamo=True,
        dynamic_shapes=({0: batch},), verbose=False,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("fault", ["", "no-activation"])
def test_an_export_of_another_exporter_is_judged(fault: str, tmp_path: Path) -> None:
    """It has the normalisations folded into the convolutions, and constants of its own."""
    path = pictures_as_onnx(tmp_path, TORCH.replace(*FAULTS[fault][:2], 1) if fault else TORCH)
    report = judged(PICTURES, path)
    assert report.passed == (not fault), report.to_json()
    assert [each.layer for each in report.faults] == (["hidden"] if fault else [])
    assert any("folded" in note for note in report.notes)
    left_out = {each.kind: each.reason for each in report.not_checked}
    assert "float32" in left_out["gradient"]


SERIES: dict[str, Any] = {
    "nnspec": 1,
    "name": "Series",
    "inputs": {"ids": {"shape": ["time"], "dtype": "int64"}},
    "layers": [
        {"name": "table", "type": "embedding", "input_dim": 11, "output_dim": 6},
        {"name": "long", "type": "lstm", "units": 5, "return_sequences": True},
        {"name": "gated", "type": "gru", "units": 5},
        {"name": "scores", "type": "dense", "units": 2},
    ],
}


@pytest.mark.parametrize("resets_after", [True, False])
def test_gates_in_another_order_and_fewer_biases_are_found(
    resets_after: bool, tmp_path: Path
) -> None:
    given = keras.Input((None,), dtype="int64")
    x = keras.layers.Embedding(11, 6)(given)
    x = keras.layers.LSTM(5, return_sequences=True)(x)
    x = keras.layers.GRU(5, reset_after=resets_after)(x)
    keras.Model(given, keras.layers.Dense(2)(x)).save(tmp_path / "net.keras")
    report = judged(SERIES, tmp_path / "net.keras")
    assert report.passed == resets_after
    if resets_after:
        assert report.sources["gated.weight_ih_l0"].blocks == (1, 0, 2)
        assert report.sources["long.bias_ih_l0"].tensor.endswith("lstm_cell/bias")
    else:
        assert report.faults[0].layer == "gated"


RECURRENT = """\
import torch
from torch import nn


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(5, 2)
        self.second = nn.GRU(5, 5, batch_first=True)
        self.first = nn.LSTM(6, 5, batch_first=True)
        self.words = nn.Embedding(11, 6)

    def forward(self, ids):
        states, _ = self.first(self.words(ids))
        states, _ = self.second(states)
        return self.out(states[:, -1])
"""


def test_two_biases_of_one_layer_are_added(tmp_path: Path) -> None:
    report = judged(SERIES, written(tmp_path, RECURRENT))
    assert report.passed, report.to_json()
    bias = report.sources["long.bias_ih_l0"]
    assert (bias.tensor, bias.added) == ("first.bias_ih_l0", "first.bias_hh_l0")


def test_another_state_of_the_sequence_is_blamed(tmp_path: Path) -> None:
    text = RECURRENT.replace("states[:, -1]", "states[:, 0]")
    report = judged(SERIES, written(tmp_path, text))
    assert report.verdict == "not the same"
    assert report.faults[0].layer in ("gated", "scores")


@pytest.mark.filterwarnings("ignore")  # PyTorch's older exporter says that it is the older one
@pytest.mark.parametrize("exporter", ["onnx", "torch"])
def test_recurrent_layers_of_onnx_files_are_the_same(exporter: str, tmp_path: Path) -> None:
    """ONNX has other orders of gates, and both biases in one tensor."""
    path = tmp_path / "net.onnx"
    if exporter == "onnx":
        nnspec.export(spec_of(SERIES), path)
    else:
        namespace: dict[str, Any] = {}
        exec(compile(RECURRENT, "model.py", "exec"), namespace)  # noqa: S102 - of this file
        ids = torch.randint(0, 11, (2, 4))
        torch.onnx.export(
            namespace["Words"]().eval(), (ids,), path, dynamo=False, input_names=["ids"],
            dynamic_axes={"ids": {0: "batch", 1: "time"}},
        )  # fmt: skip
    report = judged(SERIES, path)
    assert report.passed, report.to_json()
    assert proven(report).startswith("10 of 10 parameters")


def test_a_weight_that_a_file_makes_of_two_tensors_accuses_nobody(tmp_path: Path) -> None:
    text = TORCH.replace(
        "self.fc1 = nn.Linear(9 * width, 8)",
        "self.fc1 = nn.utils.parametrizations.weight_norm(nn.Linear(9 * width, 8))\n"
        "        self.fc1.parametrizations.weight.original0.data.mul_(1.5)",
    )
    report = judged(PICTURES, f"{written(tmp_path, text)}:Net")
    assert report.verdict == "not compared", report.to_json()


def test_a_parameter_that_no_tensor_fits_accuses_nobody(tmp_path: Path) -> None:
    text = FUSED.replace("self.tail = nn.Linear(8, 8)", "self.tail = nn.Linear(8, 9)").replace(
        "return self.tail(self.ln(self.out(x)))", "return self.tail(self.ln(self.out(x)))[..., :8]"
    )
    report = judged(ATTENTION, written(tmp_path, text))
    assert report.verdict == "not compared"
    assert any("tail.weight" in each.reason for each in report.not_checked)


ATTENTION: dict[str, Any] = {
    "nnspec": 1,
    "name": "Attention",
    "inputs": {"x": {"shape": ["time", 8]}},
    "layers": [
        {"name": "attend", "type": "multi_head_attention", "num_heads": 2, "causal": True},
        {"name": "norm", "type": "layer_normalization"},
        {"name": "tail", "type": "dense", "units": 8},
    ],
}
FUSED = """\
import math
import torch
from torch import nn


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Parameter(torch.randn(8, 24) / 3)
        self.shift = nn.Parameter(torch.zeros(24))
        self.out = nn.Linear(8, 8)
        self.ln = nn.LayerNorm(8)
        self.tail = nn.Linear(8, 8)
        self.register_buffer("mask", torch.ones(64, 64, dtype=torch.bool).tril())

    def forward(self, x):
        rows, time, _ = x.shape
        q, k, v = (x @ self.qkv + self.shift).split(8, dim=-1)
        q, k, v = (each.view(rows, time, 2, 4).transpose(1, 2) for each in (q, k, v))
        scores = q @ k.transpose(-1, -2) / math.sqrt(4)
        scores = scores.masked_fill(~self.mask[:time, :time], -math.inf)
        x = (scores.softmax(-1) @ v).transpose(1, 2).reshape(rows, time, 8)
        return self.tail(self.ln(self.out(x)))
"""


def test_a_fused_projection_is_taken_apart(tmp_path: Path) -> None:
    report = judged(ATTENTION, written(tmp_path, FUSED))
    assert report.passed, report.to_json()
    assert report.sources["attend.k.weight"].told() == "qkv, transposed, part 2 of 3"


def test_attention_without_its_mask_is_blamed(tmp_path: Path) -> None:
    text = FUSED.replace("        scores = scores.masked_fill", "        scores.masked_fill")
    report = judged(ATTENTION, written(tmp_path, text))
    assert [each.layer for each in report.faults] == ["attend"]
    assert "causal False" in report.faults[0].cause


def test_the_command_judges_a_file_in_a_process_of_its_own(tmp_path: Path) -> None:
    spec = tmp_path / "net.json"
    spec.write_text(json.dumps(PICTURES))
    file = f"{written(tmp_path, TORCH)}:Net"
    saved = tmp_path / "map.json"
    given = ["verify", str(spec), "--against", file, "--json"]
    done = CliRunner().invoke(main, [*given, "--save-map", str(saved), "--args", '{"width": 4}'])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["against"] == "model.py:Net"
    assert json.loads(saved.read_text()) == report["map"]
    swapped = {**report["map"], "first.conv.weight": report["map"]["second.conv.weight"]}
    saved.write_text(json.dumps({"first.conv.weight": swapped["first.conv.weight"]}))
    done = CliRunner().invoke(main, [*given, "--map", str(saved)])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["faults"][0]["layer"].startswith("first.")


def test_values_in_bfloat16_on_the_way_are_followed(tmp_path: Path) -> None:
    text = TORCH.replace("self.fc1(x)", "self.fc1(x.bfloat16().to(x.dtype))")
    report = judged(PICTURES, f"{written(tmp_path, text)}:Net")
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "flatten_1"
    assert "makes more of what the layer gives" in report.faults[0].cause


def test_a_variant_that_a_framework_refuses_is_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = Ours.values

    def refused(self: Ours, node: Any, given: Any, weights: Any, layer: Any = None) -> Any:
        if "tanh" in str(getattr(layer, "activation", "")):  # a variant, tried before gelu
            raise RuntimeError("pad should be at most half of the kernel")
        return values(self, node, given, weights, layer)

    monkeypatch.setattr(Ours, "values", refused)
    text = TORCH.replace("F.relu(self.fc1(x))", "F.gelu(self.fc1(x))")
    report = judged(PICTURES, f"{written(tmp_path, text)}:Net")
    assert report.verdict == "not the same"
    assert "gelu" in report.faults[0].cause


def test_a_source_of_its_own_is_not_accused(tmp_path: Path) -> None:
    """Of a network with many tensors alike those that fit first need not be the right ones."""
    spec = network("zoo.convnext_t")
    path = written(tmp_path, nnspec.compile(spec, "torch").source)
    reference = reference_of(f"{path}:{spec.name}")
    report = judge(spec, get_backend("torch").open_file(reference), reference, batch=4, seed=0,
                   known={})  # fmt: skip
    assert report.passed, report.to_json()


def test_a_map_that_is_not_found_accuses_nobody(tmp_path: Path) -> None:
    """Ten vectors of one length are too many ways to fill two layers that differ."""
    rest = "sum(each.sum() for each in [*self.more, *self.most])"
    text = FUSED.replace(
        "self.ln(self.out(x))", f"self.ln(self.out(x) * 1.5 + 0 * {rest})"
    ).replace(
        "self.tail = nn.Linear(8, 8)",
        "self.tail = nn.Linear(8, 8)\n"
        "        self.more = nn.ParameterList(nn.Parameter(torch.randn(8)) for _ in range(60))\n"
        "        self.most = nn.ParameterList(nn.Parameter(torch.randn(8, 8)) for _ in range(60))",
    )
    report = judged(ATTENTION, written(tmp_path, text))
    assert not report.passed
    assert report.verdict == "not compared"
    assert [check.passed for check in report.checks] == [True]
    assert any("--map" in each.reason for each in report.not_checked)


ERRORS = {
    "no file": ("none.py", "there is no such file"),
    "no name": ("model.py:Nett", 'did you mean "Net"'),
    "several": ("model.py", "say model.py:NAME"),
    "kind": ("net.txt", "files of these kinds are read"),
    "no model": ("net.onnx", "no ONNX model"),
    "broken": ("broken.py", "line 2"),
    "no archive": ("net.keras", "cannot be loaded"),
    "arguments": ("needs.py:Net", "--args"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_what_cannot_be_opened_is_said(case: str, tmp_path: Path) -> None:
    written(tmp_path, TORCH)
    (tmp_path / "net.txt").write_text("")
    (tmp_path / "net.onnx").write_text("no protobuf")
    (tmp_path / "net.keras").write_text("no archive")
    (tmp_path / "broken.py").write_text("import torch\nraise ValueError('early')\n")
    (tmp_path / "needs.py").write_text(TORCH.replace("width=4", "width"))
    file, said = ERRORS[case]
    with pytest.raises(UsageError, match=said):
        judged(PICTURES, tmp_path / file)


def test_a_file_that_does_not_end_is_ended(tmp_path: Path) -> None:
    path = written(tmp_path, "import torch\nwhile True:\n    pass\n")
    with pytest.raises(UsageError, match="did not answer within 12 s"):
        verify_against(spec_of(PICTURES), path, seconds=12)


def test_a_file_that_takes_too_much_memory_is_refused_it(tmp_path: Path) -> None:
    path = written(tmp_path, "import torch\nheld = torch.zeros(2**30)\n")
    with pytest.raises(UsageError, match="does not run"):
        verify_against(spec_of(PICTURES), path, memory=2**30)


def test_levels_of_a_file_are_chosen_and_required(tmp_path: Path) -> None:
    file = f"{written(tmp_path, TORCH)}:Net"
    report = judged(PICTURES, file, levels=("interface", "gradients"))
    assert report.passed, report.to_json()
    assert {check.kind for check in report.checks} == {"interface", "gradient"}
    assert report.verdict_of("outputs") == "not checked"
    report = judged(PICTURES, pictures_as_onnx(tmp_path), required=("gradients",))
    assert report.verdict == "not checked as required"
    assert "gradients are compared in float64 alone" in report.unmet()[0]
