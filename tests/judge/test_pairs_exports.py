"""One model by both of PyTorch's exporters beside a spec, right and with a fault planted."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import nn

import nnspec
from nnspec.backend import get_backend
from nnspec.judge.against import judge
from nnspec.judge.comparison import Comparison
from nnspec.judge.judgement import Judgement
from nnspec.judge.process import reader_of, reference_of
from nnspec.judge.verify import verify_against
from nnspec.network.loader import load

# PyTorch's older exporter says that it is the older one.
pytestmark = pytest.mark.filterwarnings("ignore")
ZOO = Path(__file__).parents[2] / "specs" / "zoo"


class Words(nn.Module):
    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.last = nn.Linear(6, 2)
        self.first = nn.Linear(5, 6)
        self.reader = nn.LSTM(6, 5, batch_first=True)
        self.table = nn.Embedding(20, 6)
        self.activation = activation

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        _, (state, _) = self.reader(self.table(tokens))
        return self.last(self.activation(self.first(state[-1]))).softmax(-1)


def exported(path: Path, exporter: str, activation: nn.Module, *, has_any_time: bool) -> Path:
    torch.manual_seed(1)
    net, ids = Words(activation).eval(), torch.randint(0, 20, (2, 4))
    sizes = {0: "batch", 1: "time"} if has_any_time else {0: "batch"}
    if exporter == "legacy":
        torch.onnx.export(
            net, (ids,), path, dynamo=False, input_names=["ids"], dynamic_axes={"ids": sizes}
        )
    else:
        dims = {axis: torch.export.Dim(name) for axis, name in sizes.items()}
        torch.onnx.export(
            net, (ids,), path, dynamo=True, input_names=["ids"], dynamic_shapes=(dims,),
            verbose=False,
        )  # fmt: skip
    return path


def judged(path: Path) -> Judgement:
    spec = load(ZOO / "lstm_classifier.yaml", variables={"vocabulary": 20, "width": 6, "units": 5})
    reference = reference_of(str(path))
    foreign = get_backend(reader_of(reference).name).open_file(reference)
    return judge(spec, foreign, reference, batch=3, seed=0, known={})


@pytest.mark.parametrize("exporter", ["legacy", "dynamo"])
def test_an_export_of_a_recurrent_classifier_is_the_same(exporter: str, tmp_path: Path) -> None:
    path = exported(tmp_path / "net.onnx", exporter, nn.ReLU(), has_any_time=True)
    report = judged(path)
    assert report.passed, report.to_json()
    assert any(note.startswith("8 of 8 parameters") for note in report.notes)


@pytest.mark.parametrize("exporter", ["legacy", "dynamo"])
def test_a_fault_of_an_export_is_found_at_its_node(exporter: str, tmp_path: Path) -> None:
    path = exported(tmp_path / "net.onnx", exporter, nn.LeakyReLU(), has_any_time=True)
    report = judged(path)
    assert report.verdict == "not the same"
    (fault,) = report.faults
    assert fault.layer == "hidden"
    assert fault.cause == "it computes leaky_relu, and not relu"
    assert "(LeakyRelu)" in fault.places[0]


def test_an_export_of_one_length_alone_is_judged_at_that(tmp_path: Path) -> None:
    path = exported(tmp_path / "net.onnx", "legacy", nn.ReLU(), has_any_time=False)
    report = judged(path)
    assert report.passed, report.to_json()
    fixed = 'the axis "time" is fixed at 4, and the spec leaves it open'
    assert {each.kind for each in report.not_checked if each.reason == fixed} == {
        "interface", "dynamic_shape",
    }  # fmt: skip


FOLDED = """
nnspec: 1
name: Folded
inputs: {x: {shape: [3, 10, 10]}}
layers:
  - {name: c1, type: conv2d, filters: 8, kernel_size: 3, padding: 1, use_bias: false}
  - {name: n1, type: batch_normalization}
  - {name: r1, type: relu}
  - {name: c2, type: conv2d, filters: 8, kernel_size: 3, strides: 2, padding: 1, use_bias: false}
  - {name: n2, type: batch_normalization}
  - {name: r2, type: relu}
  - {name: g, type: global_average_pooling2d}
  - {name: s, type: dense, units: 5}
"""


FILE = """
import torch
from torch import nn


class Folded(nn.Module):
    def __init__(self, first=nn.functional.relu):
        super().__init__()
        self.one = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        self.two = nn.Sequential(
            nn.Conv2d(8, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8)
        )
        self.head = nn.Linear(8, 5)
        self.first = first

    def forward(self, x):
        return self.head(self.two(self.first(self.one(x))).relu().mean((2, 3)))
"""


def written(folder: Path) -> tuple[Path, Callable[..., nn.Module]]:
    path = folder / "net.py"
    path.write_text(FILE)
    found = importlib.util.spec_from_file_location("net", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return path, module.Folded


def folded(path: Path, model: nn.Module, exporter: str, *, is_trained: bool) -> Path:
    """Export a model; where it is trained, its normalisations are moved first."""
    with torch.no_grad():
        for layer in model.eval().modules() if is_trained else ():
            if isinstance(layer, nn.BatchNorm2d):
                assert layer.running_mean is not None
                assert layer.running_var is not None
                for tensor in (layer.weight, layer.bias, layer.running_mean):
                    tensor.normal_(0.5, 0.3)
                layer.running_var.uniform_(0.5, 2)
    given = (torch.randn(4, 3, 10, 10),)
    if exporter == "legacy":
        torch.onnx.export(model, given, str(path), dynamo=False, input_names=["x"],
                          dynamic_axes={"x": {0: "rows"}})  # fmt: skip
    else:
        torch.onnx.export(model, given, str(path), dynamo=True, input_names=["x"],
                          dynamic_shapes=({0: torch.export.Dim("rows")},))  # fmt: skip
    return path


@pytest.mark.parametrize("exporter", ["legacy", "dynamo"])
@pytest.mark.parametrize("is_trained", [False, True])
def test_normalisations_that_an_export_folds_into_layers_without_a_bias_are_right(
    exporter: str, is_trained: bool, tmp_path: Path
) -> None:
    """What was learned becomes the bias of a convolution that the other has none of."""
    torch.manual_seed(0)
    file, network = written(tmp_path)
    path = folded(tmp_path / "folded.onnx", network(), exporter, is_trained=is_trained)
    found = verify_against(nnspec.loads(FOLDED), path)
    assert found.passed, found.to_json()
    assert not found.faults
    for pair in ((file, path), (path, file)):
        compared = nnspec.compare(*pair)
        assert compared.verdict == "the same", compared.to_json()
        assert not any("has no place for" in note for note in compared.notes)


@pytest.mark.parametrize("exporter", ["legacy", "dynamo"])
def test_a_fault_beside_folded_normalisations_is_found_at_its_node(
    exporter: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    file, network = written(tmp_path)
    model = network(nn.functional.leaky_relu)
    path = folded(tmp_path / "folded.onnx", model, exporter, is_trained=True)
    for pair in ((file, path), (path, file)):
        compared = nnspec.compare(*pair)
        assert isinstance(compared, Comparison)
        assert compared.verdict == "not the same"
        (fault,) = compared.faults
        assert fault["cause"] == "computes leaky_relu, and not relu"
        places = (fault["a"], fault["b"])
        assert any("(LeakyRelu)" in each for each in places)
        assert any("net.py:17" in each for each in places)


def added_alone(path: Path) -> Path:
    """Put the biases of convolutions into sums of their own, as some converters write them."""
    model = onnx.load(path)
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        if node.op_type == "Conv":
            bias, given = node.input.pop(), node.output[0]
            held = next(each for each in model.graph.initializer if each.name == bias)
            array = numpy_helper.to_array(held).reshape(1, -1, 1, 1)
            held.CopyFrom(numpy_helper.from_array(array, bias))
            node.output[0] = f"{given}_before"
            nodes.append(helper.make_node("Add", [node.output[0], bias], [given]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("first", [nn.functional.relu, nn.Identity()], ids=["relu", "nothing"])
@pytest.mark.parametrize("is_added_alone", [False, True])
def test_the_bias_of_a_folded_normalisation_stands_where_the_export_has_it(
    first: Callable[..., torch.Tensor], is_added_alone: bool, tmp_path: Path
) -> None:
    """After it comes an activation, or a convolution at once."""
    torch.manual_seed(0)
    file, network = written(tmp_path)
    path = folded(tmp_path / "folded.onnx", network(first), "legacy", is_trained=True)
    path = added_alone(path) if is_added_alone else path
    kind = "relu" if first is nn.functional.relu else "linear"
    spec = FOLDED.replace("{name: r1, type: relu}", f"{{name: r1, type: {kind}}}")
    found = verify_against(nnspec.loads(spec), path)
    assert found.passed, found.to_json()
    if kind == "linear":
        file.write_text(FILE.replace("=nn.functional.relu", "=nn.Identity()"))
    compared = nnspec.compare(file, path)
    assert compared.verdict == "the same", compared.to_json()
