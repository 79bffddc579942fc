"""Two files that are compared: one number, draws at inference, names of inputs, what is written."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from nnspec.backend import get_backend
from nnspec.cli import main
from nnspec.judge.process import reference_of
from tests.judge.test_against import judged
from tests.judge.test_compare import compared, exported, saved, written

# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated; PyTorch's older
# exporter says that it is the older one.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    keras.utils.set_random_seed(0)
    torch.manual_seed(0)


ONE = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(SEED)
        self.first = nn.Linear(8, 16)
        self.last = nn.Linear(16, 1)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))
"""


def one_in_keras() -> keras.Model:
    x = keras.Input((8,), name="x")
    hidden = keras.layers.Dense(16, activation="relu")(x)
    return keras.Model(x, keras.layers.Dense(1, bias_initializer="ones")(hidden))


def test_a_network_of_one_number_is_the_same(tmp_path: Path) -> None:
    """Its last bias is one number, which is carried to the other file as all others are."""
    files = [
        written(tmp_path, ONE.replace("SEED", "0"), "a.py"),
        written(tmp_path, ONE.replace("SEED", "0"), "b.py"),
        written(tmp_path, ONE.replace("SEED", "1"), "c.py"),
    ]
    first, *others = (f"{each}:Net" for each in files)
    graph = exported(tmp_path / "net.onnx", ONE.replace("SEED", "2"), "Net", torch.randn(4, 8),
                     dynamo=False)  # fmt: skip
    for other in (*others, saved(tmp_path, one_in_keras()), graph):
        report = compared(first, other, "x=8")
        assert report.verdict == "the same", report.to_json()
        assert report.passed
    bent = written(tmp_path, ONE.replace("SEED", "1").replace("relu", "tanh"), "d.py")
    assert compared(first, f"{bent}:Net", "x=8").verdict == "not the same"


@pytest.mark.parametrize("drawn", ["x + 1e-3 * torch.randn(len(x), 8)", "nn.Dropout(0.1)(x)"])
def test_of_a_file_that_draws_at_inference_nothing_is_said(drawn: str, tmp_path: Path) -> None:
    """What it gives is not what rounding moves."""
    text = ONE.replace("SEED", "0")
    plain = written(tmp_path, text, "a.py")
    other = written(tmp_path, text.replace("self.first(x)", f"self.first({drawn})"), "b.py")
    for pair in ((plain, other), (other, plain)):
        report = compared(*(f"{each}:Net" for each in pair), "x=8")
        assert report.verdict == "not compared"
        assert not report.passed
        (told,) = (each.reason for each in report.not_checked if each.kind == "forward")
        assert "b.py:Net answers otherwise when it is called again" in told


def test_without_a_tensor_in_both_no_gradient_is_compared(tmp_path: Path) -> None:
    text = (
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n"
    )
    one = written(tmp_path, f"{text}        return torch.tanh(x)\n", "a.py")
    other = written(tmp_path, f"{text}        return torch.tanh(x.detach())\n", "b.py")
    report = compared(f"{one}:Net", f"{other}:Net", "x=8")
    assert not any(each.kind == "gradient" for each in report.checks)
    assert any(each.kind == "gradient" for each in report.not_checked)
    assert "digest of the spec" not in report.to_html()  # there is none


def test_nothing_is_written_over_what_is_compared(tmp_path: Path) -> None:
    one, other = (written(tmp_path, ONE.replace("SEED", "0"), name) for name in ("a.py", "b.py"))
    words = ["compare", f"{one}:Net", f"{other}:Net", "--input", "x=8"]
    for option in ("--save-map", "--report"):
        for path in (one, tmp_path / "." / "b.py"):
            before = path.read_text()
            result = CliRunner().invoke(main, [*words, option, str(path)])
            assert result.exit_code == 2
            assert "is what this command reads" in result.output
            assert path.read_text() == before
    spec = tmp_path / "spec.yaml"
    layers = "layers: [{name: y, type: dense, units: 1}]"
    spec.write_text(f"{{nnspec: 1, name: N, inputs: {{x: {{shape: [8]}}}}, {layers}}}")
    for option in ("--save-map", "--report", "--save-weights"):
        words = ["verify", str(spec), "--against", f"{one}:Net", option, str(one)]
        result = CliRunner().invoke(main, words)
        assert (result.exit_code, "is what this command reads" in result.output) == (2, True)
    assert one.read_text() == ONE.replace("SEED", "0")


TWO = """\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.of_a = nn.Linear(4, 3)
        self.of_b = nn.Linear(4, 5)

    def forward(self, a, b):
        return {"scores": self.of_a(a), "classes": torch.tanh(self.of_b(b))}
"""


def two_in_keras(kind: str) -> keras.Model:
    a, b = (keras.Input((4,), name=name) for name in "ab")
    # Their layers have each the name of the other output.
    scores = keras.layers.Dense(3, name="classes")(a)
    classes = keras.layers.Dense(5, activation="tanh", name="scores")(b)
    given = [b, a] if kind == "list" else {"second": b, "first": a}
    return keras.Model(given, {"scores": scores, "classes": classes})


@pytest.mark.parametrize("kind", ["list", "mapping"])
def test_inputs_and_outputs_go_by_their_names(kind: str, tmp_path: Path) -> None:
    """Not by an order that Keras has for itself."""
    pair = f"{written(tmp_path, TWO)}:Net", saved(tmp_path, two_in_keras(kind))
    for each in (pair, pair[::-1]):
        report = compared(*each, "a=4", "b=4")
        assert report.verdict == "the same", report.to_json()


def test_what_a_keras_file_was_adapted_to_stays(tmp_path: Path) -> None:
    """Normalization computes by copies of its weights, which are made when it is finalized."""

    def made(scale: float) -> keras.Model:
        keras.utils.set_random_seed(0)
        x = keras.Input((8,), name="x")
        scaled = keras.layers.Normalization(name="scaled")
        model = keras.Model(x, keras.layers.Dense(3)(scaled(x)))
        scaled.adapt(scale * np.random.default_rng(0).normal(5.0, 3.0, (64, 8)))
        return model

    first, same = (saved(tmp_path, made(1.0), f"{name}.keras") for name in "ab")
    report = compared(first, same)
    assert report.verdict == "the same", report.to_json()
    network = get_backend("keras").open_file(reference_of(str(first)))
    rows = {"x": np.random.default_rng(1).normal(size=(4, 8))}
    single = network.run(rows)
    assert network.use("float64") == "float64"
    for name, array in network.run(rows).items():
        np.testing.assert_allclose(array, single[name], rtol=1e-4, atol=1e-5)
    other = made(2.0)
    held = network.weights()
    network.load(
        {
            name: np.asarray(each, held[name].dtype)
            for name, each in zip(held, other.get_weights(), strict=True)
        }
    )
    expected = np.array(other(rows["x"].astype("float32")))
    (given,) = network.run(rows).values()
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5)


def test_half_precision_of_one_layer_is_told(tmp_path: Path) -> None:
    def made(policy: str) -> keras.Model:
        keras.utils.set_random_seed(0)
        x = keras.Input((8,), name="x")
        hidden = keras.layers.Dense(16, activation="tanh", dtype=policy, name="hidden")(x)
        return keras.Model(x, keras.layers.Dense(3)(hidden))

    first = saved(tmp_path, made("float32"), "a.keras")
    half = saved(tmp_path, made("mixed_float16"), "b.keras")
    report = compared(first, half)
    assert report.verdict == "not the same"
    assert "b.keras has half precision in hidden: a difference of 1e-3 may be its rounding" in (
        report.notes
    )


def test_a_network_in_half_precision_is_judged_in_double(tmp_path: Path) -> None:
    def made(policy: str) -> keras.Model:
        keras.utils.set_random_seed(0)
        x = keras.Input((8,), name="x")
        hidden = keras.layers.Dense(16, activation="tanh", dtype=policy, name="hidden")(x)
        last = keras.layers.Dense(3, dtype=policy, name="last")(hidden)
        return keras.Model(x, keras.layers.Activation("softmax", dtype="float32")(last))

    files = [saved(tmp_path, made(each), f"{each}.keras") for each in ("float32", "mixed_float16")]
    report = compared(*files)
    assert report.verdict == "the same", report.to_json()
    (note,) = (each for each in report.notes if "half precision" in each)
    assert note.endswith("hidden, last: here in float64, so that its rounding is not judged")


def test_half_precision_that_is_not_judged_is_told(tmp_path: Path) -> None:
    text = ONE.replace("SEED", "0")
    first = f"{written(tmp_path, text, 'a.py')}:Net"
    half = text.replace("nn.Linear(8, 16)", "nn.Linear(8, 16).bfloat16()")
    half = half.replace("self.first(x)", "self.first(x.to(self.first.weight.dtype)).to(x.dtype)")
    report = compared(first, f"{written(tmp_path, half, 'b.py')}:Net", "x=8")
    (note,) = (each for each in report.notes if "half precision" in each)
    assert note.startswith("b.py:Net has half precision in first.")
    assert note.endswith("here in float64, so that its rounding is not judged")


def test_the_kernels_of_onnx_runtime_are_no_fault(tmp_path: Path) -> None:
    """Its sigmoid is 0 where that of PyTorch is 1e-11, as in `verify --against`."""
    text = ONE.replace("SEED", "0").replace("return self.last(", "return torch.sigmoid(-25 + ")
    graph = exported(tmp_path / "net.onnx", text, "Net", torch.randn(4, 8), dynamo=False)
    model = written(tmp_path, text, "a.py")
    report = compared(f"{model}:Net", graph, "x=8")
    assert not report.failures(), report.to_json()
    bent = written(tmp_path, text.replace("sigmoid", "tanh"), "b.py")
    assert compared(f"{bent}:Net", graph, "x=8").verdict == "not the same"


TWO_ENDS = (
    ONE[: ONE.index("        torch.manual_seed")]
    + """\
        self.a, self.b = nn.Linear(8, 5), nn.Linear(8, 5)
        nn.init.constant_(self.b.bias, -30.0)

    def forward(self, x):
        a = torch.tanh(self.a(x))
        return GIVEN, torch.relu(self.b(x))
"""
)


def test_an_output_near_0_excuses_no_other(tmp_path: Path) -> None:
    """What the sigmoid of ONNX Runtime explains is of each output by itself."""
    text = ONE.replace("SEED", "0").replace(", 1)", ", 5)")
    text = (
        text.replace("return self", "x = self").rstrip()
        + "\n        return x, torch.sigmoid(x) * 0\n"
    )
    graph = exported(tmp_path / "net.onnx", text, "Net", torch.randn(4, 8), dynamo=False)
    right = written(tmp_path, text, "a.py")
    report = compared(f"{right}:Net", graph, "x=8")
    assert report.verdict == "the same", report.to_json()
    wrong = written(tmp_path, text.replace("return x,", "return 1.5 * x,"), "b.py")
    for pair in ((f"{wrong}:Net", graph), (graph, f"{wrong}:Net")):
        assert compared(*pair, "x=8").verdict == "not the same"

    dense = {"type": "dense", "units": 5, "inputs": "x"}
    document = {
        "nnspec": 1, "name": "Two", "inputs": {"x": {"shape": [8]}}, "outputs": ["a", "b"],
        "layers": [
            dense | {"name": "a", "activation": "tanh"}, dense | {"name": "b", "activation": "relu"}
        ],
    }  # fmt: skip
    for given, told in (("a", "same"), ("a * (1 + 0.5 * (a > 0))", "differs")):
        text = TWO_ENDS.replace("GIVEN", given)
        graph = exported(tmp_path / "two.onnx", text, "Net", torch.randn(4, 8), dynamo=False)
        report = judged(document, graph)
        assert report.verdict_of("outputs") == told, report.to_json()
