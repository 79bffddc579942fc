"""A convolution that is called again with other strides, padding or dilation."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest

from nnspec import verify
from nnspec.backend import Options, get_backend
from nnspec.network.graph import LayerNode
from nnspec.network.loader import loads
from nnspec.verification.report import Report

BRANCHES = """
nnspec: 1
name: Branches
inputs: {image: {shape: [2, 7, 6]}}
layers:
  - {name: near, type: conv2d, filters: 2, kernel_size: 3, padding: same, inputs: image}
  - {name: far, type: shared, layer: near, dilation_rate: 2, inputs: image}
  - {name: half, type: shared, layer: far, strides: 2, padding: [[1, 0], [1, 1]], inputs: image}
  - {type: multiply, inputs: [near, far]}
  - {name: whole_mean, type: global_average_pooling2d}
  - {name: half_mean, type: global_average_pooling2d, inputs: half}
  - {type: add, inputs: [whole_mean, half_mean]}
"""


def text(source: str) -> str:
    return textwrap.dedent(source).lstrip("\n")


def failed(report: Report, kind: str) -> set[str | None]:
    return {c.layer for c in report.checks if c.kind == kind and not c.passed}


def test_a_call_has_the_settings_of_the_one_it_names_unless_it_gives_others() -> None:
    graph = loads(BRANCHES).graph
    windows = {}
    for node in graph.nodes[:3]:
        assert isinstance(node, LayerNode)
        layer = node.layer
        windows[node.name] = (layer.strides, layer.padding, layer.dilation_rate)  # type: ignore[attr-defined]
    assert windows == {
        "near": ((1, 1), "same", (1, 1)),
        "far": ((1, 1), "same", (2, 2)),
        "half": ((2, 2), ((1, 0), (1, 1)), (2, 2)),
    }
    assert [name for name, _ in graph.parameters()] == ["near.weight", "near.bias"]


def test_settings_that_the_layer_has_already_change_nothing() -> None:
    plain = loads(BRANCHES.replace(", dilation_rate: 2", ""))
    said = loads(BRANCHES.replace("dilation_rate: 2", "dilation_rate: 1, padding: same"))
    assert said.sha256 == plain.sha256 != loads(BRANCHES).sha256
    sources = [get_backend("keras").compile(spec).source for spec in (said, plain)]
    assert sources[0] == sources[1]


def test_in_pytorch_it_is_the_function_of_the_weights() -> None:
    source = get_backend("torch").compile(loads(BRANCHES)).source
    assert textwrap.dedent(source.partition("-> Tensor:\n")[2]) == text("""
        near = self.near(image)
        far = F.conv2d(
            image, self.near.weight, self.near.bias, padding="same", dilation=2
        )
        half = F.conv2d(
            F.pad(image, (1, 1, 1, 0)),
            self.near.weight,
            self.near.bias,
            stride=2,
            dilation=2,
        )
        x = near * far
        whole_mean = x.mean((2, 3))
        x = half.mean((2, 3))
        return whole_mean + x
        """)


def test_in_keras_the_layer_is_called_with_another_window() -> None:
    source = get_backend("keras").compile(loads(BRANCHES)).source
    made = '(2, 3, padding="same", data_format="channels_last", name="near")'
    assert f"near_layer = VaryingConv2D{made}" in "".join(source.split("\n")).replace("  ", "")
    assert 'far = near_layer(image_native, strides=1, padding="same", dilation_rate=2)' in source
    assert 'near_layer(x, strides=1, padding="valid", dilation_rate=2)[:, ::2, ::2]' in source


def test_onnx_stores_the_weights_once() -> None:
    header, _, operators = get_backend("onnx").compile(loads(BRANCHES)).source.partition("\n>\n")
    assert header.count("near.weight") == 1
    assert operators.count("near.weight") == 3


def test_a_layer_that_is_called_as_it_is_stays_the_frameworks_own() -> None:
    plain = BRANCHES.replace(", dilation_rate: 2", "")
    plain = plain.replace(", strides: 2, padding: [[1, 0], [1, 1]]", "")
    assert "Varying" not in get_backend("keras").compile(loads(plain)).source


# Keras's own writer of weights calls NumPy so.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_keras_model_is_saved_and_read_again(tmp_path: Path) -> None:
    import keras

    program = get_backend("keras").compile(loads(BRANCHES)).build()
    program.model.save(tmp_path / "model.keras")
    image = np.random.default_rng(0).normal(size=(3, 2, 7, 6)).astype(np.float32)
    given = keras.models.load_model(tmp_path / "model.keras")(image, training=False)
    (expected,) = program.forward({"image": image}).values()
    np.testing.assert_array_equal(np.asarray(given), expected)


@pytest.mark.usefixtures("network_alone")
def test_a_wrong_window_of_a_call_is_found_at_that_call(monkeypatch: pytest.MonkeyPatch) -> None:
    import nnspec_keras.convolution

    right = nnspec_keras.convolution._varied

    def wrong(forward: object, before: object, keywords: dict[str, object]) -> object:
        return right(forward, before, {**keywords, "dilation_rate": 1, "padding": "same"})  # type: ignore[arg-type]

    monkeypatch.setattr(nnspec_keras.convolution, "_varied", wrong)
    spec = BRANCHES.replace("strides: 2, padding: [[1, 0], [1, 1]]", "padding: same")
    report = verify(loads(spec), steps=1, exporters=False)
    assert failed(report, "forward") == {"far"}


@pytest.mark.usefixtures("network_alone")
def test_a_frozen_convolution_is_frozen_in_every_call() -> None:
    frozen = BRANCHES.replace("layers:", "freeze: [near]\nlayers:", 1)
    spec = loads(frozen + "  - {type: dense, units: 1}\ntraining: {task: regression}\n")
    assert [parameter.is_frozen for _, parameter in spec.graph.parameters()][:2] == [True, True]
    report = verify(spec, steps=2, exporters=False)
    assert report.passed, report.to_json()
    program = get_backend("torch").compile(spec, Options(training=True)).build()
    assert not program.model.near.weight.requires_grad
