"""Networks of Keras Applications beside the zoo's specs: right ones, and ones with a fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from nnspec.backend import get_backend
from nnspec.judge.against import judge
from nnspec.judge.judgement import Judgement
from nnspec.judge.process import reader_of, reference_of
from nnspec.network.loader import load
from nnspec.verification.levels import LEVELS, Level

ZOO = Path(__file__).parents[2] / "specs" / "zoo"
MODEL = """\
import keras
import numpy as np


def build():
    net = keras.applications.{name}(weights=None, input_shape=({size}, {size}, 3), classes=5)
    draw = np.random.default_rng(1)
    weights = []
    for each in net.weights:
        kind = each.path.rpartition("/")[2]
        deviation = np.prod(each.shape[:-1]) ** -0.5 if kind == "kernel" else 0.1
        drawn = deviation * draw.normal(size=each.shape)
        weights.append(drawn + 1 if kind in ("gamma", "moving_variance") else drawn)
    net.set_weights(weights)
    for layer in net.layers:
        if {momentum} and hasattr(layer, "momentum"):
            layer.momentum = {momentum}
    return net
"""


def judged(
    spec: str, folder: Path, text: str, levels: tuple[Level, ...] = LEVELS, **variables: float
) -> Judgement:
    """Judge a file in this process: one of its own takes seconds to begin."""
    path = folder / "model.py"
    path.write_text(text)
    reference = reference_of(f"{path}:build")
    foreign = get_backend(reader_of(reference).name).open_file(reference)
    loaded = load(ZOO / f"{spec}.yaml", variables={"classes": 5, **variables})
    return judge(loaded, foreign, reference, batch=2, seed=0, known={}, levels=levels)


def is_proven(report: Judgement) -> bool:
    count = len(report.sources)
    return any(note.startswith(f"{count} of {count} parameters") for note in report.notes)


@pytest.mark.slow
def test_resnet50_is_the_same_with_a_bias_in_each_convolution(tmp_path: Path) -> None:
    """Keras's convolutions have biases, which the normalisations after them take away."""
    text = MODEL.format(name="ResNet50", size=32, momentum=0.9)
    report = judged("resnet50", tmp_path, text, image=32, first_strides=2, epsilon=1.001e-5)
    assert report.passed, report.to_json()
    assert is_proven(report), report.notes
    source = report.sources["norm.running_mean"]
    assert source.told() == "conv1_bn/moving_mean - conv1_conv/bias"


@pytest.mark.slow
def test_the_epsilon_of_resnet50_is_told(tmp_path: Path) -> None:
    text = MODEL.format(name="ResNet50", size=32, momentum=None)
    report = judged("resnet50", tmp_path, text, ("outputs",), image=32, first_strides=2)
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "norm"
    assert report.faults[0].cause == "it computes as with epsilon 1.001e-05, and not 1e-05"
    assert 'layer "conv1_bn"' in report.faults[0].places[0]
    assert {each.cause for each in report.faults} == {report.faults[0].cause}


@pytest.mark.slow
def test_mobilenet_v2_is_the_same_where_both_pad_alike(tmp_path: Path) -> None:
    text = MODEL.format(name="MobileNetV2", size=33, momentum=0.9)
    report = judged("mobilenet_v2", tmp_path, text, image=33, epsilon=1e-3)
    assert report.passed, report.to_json()
    assert is_proven(report), report.notes


@pytest.mark.slow
def test_the_side_that_mobilenet_v2_pads_is_told(tmp_path: Path) -> None:
    """Of an even size Keras pads the end alone, and the spec both sides."""
    text = MODEL.format(name="MobileNetV2", size=32, momentum=None)
    report = judged("mobilenet_v2", tmp_path, text, ("outputs",), image=32, epsilon=1e-3)
    assert report.verdict == "not the same"
    assert report.faults[0].layer == "conv"
    assert "padding same" in report.faults[0].cause
    assert 'layer "Conv1"' in report.faults[0].places[0]


@pytest.mark.slow
@pytest.mark.slow
def test_the_momentum_of_mobilenet_v2_is_told(tmp_path: Path) -> None:
    """Keras keeps 0.999 of old statistics, and the zoo's 0.9: all but training is the same."""
    text = MODEL.format(name="MobileNetV2", size=33, momentum=None)
    report = judged("mobilenet_v2", tmp_path, text, ("outputs", "training"), image=33, epsilon=1e-3)
    assert {check.kind for check in report.failures()} == {"training"}
    told = "the file weighs the old value by 0.999, and the spec by 0.9"
    assert told in report.failures()[0].detail
