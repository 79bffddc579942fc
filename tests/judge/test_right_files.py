"""Files that are right, and were accused once, or not compared: found among random networks."""

from __future__ import annotations

from pathlib import Path

import keras
import pytest
import torch

import nnspec
from nnspec.judge.blank import NOTHING
from nnspec.judge.judgement import Judgement
from tests.detection.catalogue.harmless import ONNX, PYTHON
from tests.detection.catalogue.target import Target

RIGHT = {
    "equal-where-float32-has-nothing": (
        "onnx", "none", "x: {shape: [8]}",
        "{name: a, type: sigmoid}, {name: b, type: selu}, {name: y, type: equal, inputs: [b, a]}",
        "",
    ),
    "scale-like-a-weight-of-one-number": (
        "onnx", "none", "x: {shape: [7, 1]}",
        "{name: z, type: multi_head_attention, num_heads: 1, use_bias: false}, "
        "{name: m, type: reduce_mean, axes: [0]}, {name: n, type: rescaling, scale: 1.0e-5}, "
        "{name: f, type: flatten, inputs: [x]}, {name: g, type: concatenate, inputs: [n, f]}, "
        "{name: d, type: dense, units: 3}, {name: y, type: softmax}", "",
    ),
    "normalisation-that-begins-as-nothing": (
        "onnx", "renamed", "x: {shape: [2]}",
        "{name: k, type: batch_normalization, affine: false}, {name: z, type: relu}, "
        "{name: y, type: add, inputs: [z, k]}", "",
    ),
    "powers-beyond-float32-in-some-rows": (
        "onnx", "none", "x: {shape: [6, 4]}",
        "{name: a, type: exp}, {name: b, type: add, inputs: [a, x]}, {name: c, type: exp}, "
        "{name: d, type: add, inputs: [c, b]}, {name: z, type: gru, units: 3}, "
        "{name: y, type: dense, units: 1}", "",
    ),
    "powers-beyond-float32-beside-what-is-not": (
        "onnx", "none", "x: {shape: [6, 4]}",
        "{name: a, type: exp}, {name: b, type: exp}, {name: c, type: flatten}, "
        "{name: d, type: dense, units: 1}, {name: z, type: multi_head_attention, num_heads: 1, "
        "key_dim: 3, inputs: [x]}, {name: f, type: flatten}, "
        "{name: y, type: concatenate, inputs: [d, f]}", "",
    ),
    "nothing-held": (
        "torch", "none", "x: {shape: [8]}", "{name: y, type: relu6}", "",
    ),
    "no-gradient": (
        "torch", "none", "x: {shape: [3]}", "{name: y, type: stop_gradient}", "",
    ),
    "parameter-given": (
        "torch", "none", "x: {shape: [2]}",
        "{name: z, type: relu}, {name: y, type: parameter, shape: [3]}", "",
    ),
    "powers-beyond-float64": (
        "keras", "none", "x: {shape: [4]}",
        "{name: a, type: exp}, {name: b, type: exp}, {name: c, type: exp}, {name: e, type: exp}, "
        "{name: d, type: dropout, rate: 0.5}, {name: z, type: dense, units: 3}, "
        "{name: y, type: softmax}", "",
    ),
    "powers-beyond-float64-beside-what-is-not": (
        "keras", "renamed", "x: {shape: [4]}, z: {shape: [3, 5]}",
        "{name: a, type: exp, inputs: [x]}, {name: b, type: exp}, {name: c, type: exp}, "
        "{name: d, type: exp}, {name: e, type: dropout, rate: 0.5}, "
        "{name: s, type: lstm, units: 2, inputs: [z]}, {name: f, type: dense, units: 4}, "
        "{name: y, type: add, inputs: [e, f]}", "",
    ),
    "one-value-normalised-in-float32": (
        "keras", "none", "x: {shape: [4, 2, 2, 8]}",
        "{name: a, type: average_pooling3d, pool_size: [2, 2, 2], strides: 3}, "
        "{name: z, type: reshape, shape: [1, 8, 1]}, {name: c, type: celu}, "
        "{name: y, type: layer_normalization}", "",
    ),
    "next-to-nothing-left-of-small-rows": (
        "onnx", "reordered", "x: {shape: [2]}",
        "{name: a, type: tanh_shrink}, {name: y, type: tanh_shrink}", "",
    ),
    "no-kernel-in-float64": (
        "keras", "none", "x: {shape: [4, 4, 4, 2]}",
        "{name: z, type: average_pooling3d, pool_size: 2}, {type: flatten}, "
        "{name: y, type: dense, units: 3}", "",
    ),
    "depthwise-of-several": (
        "keras", "renamed", "x: {shape: [4, 6]}",
        "{name: y, type: depthwise_conv1d, depth_multiplier: 2, kernel_size: 3}", "",
    ),
    "constants": (
        "onnx", "constants", "x: {shape: [5, 2]}", "{name: y, type: dense, units: 1}", "",
    ),
    "bias-beside-a-short-row": (
        "onnx", "none", "x: {shape: [5, 4]}", "{name: y, type: dense, units: 1}", "",
    ),
    "whole-weight-for-length-and-direction": (
        "onnx", "renamed", "x: {shape: [6, 4]}",
        "{name: z, type: conv1d, filters: 3, kernel_size: 2, weight_normalization: true}, "
        "{name: y, type: dense, units: 1}", "",
    ),
    "square-out-of-attention": (
        "onnx", "reordered", "x: {shape: [6, 2]}",
        "{name: z, type: multi_head_attention, num_heads: 1, output_dim: 2, use_bias: false}, "
        "{name: y, type: global_average_pooling1d}", "",
    ),
    "saturated-directions": (
        "onnx", "none", "x: {shape: [3, 6]}",
        "{name: y, type: bidirectional, layer: {type: gru, units: 3}, merge_mode: multiply}", "",
    ),
    "length-like-its-direction": (
        "keras", "none", "x: {shape: [1]}",
        "{name: y, type: dense, units: 8, weight_normalization: true}", "",
    ),
    "parameter-of-one-number": (
        "onnx", "renamed", "x: {shape: [3]}",
        "{name: p, type: parameter, shape: [1]}, {name: z, type: dense, units: 3, inputs: [x]}, "
        "{name: y, type: concatenate, inputs: [p, z]}", "",
    ),
    "zero-biases-of-attention": (
        "onnx", "constants", "x: {shape: [1, 2]}",
        "{name: z, type: multi_head_attention, num_heads: 2}, {name: y, type: flatten}", "",
    ),
    "recurrent-dropout": (
        "keras", "none", "x: {shape: [4, 3]}",
        "{name: z, type: lstm, units: 3, recurrent_dropout: 0.2}, "
        "{name: y, type: dense, units: 1}",
        "training: {task: regression, optimizer: sgd}\n"
        "data: {source: rows.npz, features: {x: x}, target: t}\n",
    ),
    "no-rows-of-a-framework": (
        "torch", "none", "x: {shape: [8, 8, 6]}",
        "{name: y, type: pixel_unshuffle, downscale_factor: 2}", "",
    ),
    "closed-gates": (
        "onnx", "reordered", "x: {shape: [3, 4]}",
        "{name: y, type: bidirectional, layer: {type: lstm, units: 2}}", "",
    ),
    "one-number-behind-gates": (
        "onnx", "none", "x: {shape: [2, 5]}",
        "{name: z, type: batch_normalization}, {name: y, type: lstm, units: 1}", "",
    ),
    "gradient-of-nothing-but-rounding": (
        "keras", "none", "x: {shape: [1, 2], dtype: int64}",
        "{name: z, type: embedding, input_dim: 5, output_dim: 1}, "
        "{name: y, type: l2_normalize, axis: -1}", "",
    ),
}  # fmt: skip


def _judged(side: str, way: str, spec: str, folder: Path) -> Judgement:
    target = Target("right", side, folder, nnspec.loads(spec))
    path = folder / f"rewritten_{target.path.name}"
    if side == "onnx":
        import onnx

        if way != "none":
            ONNX[way](target.model)
        onnx.save(target.model, path)
    else:
        text = target.source.text
        path.write_text(text if way == "none" else PYTHON[side][way](target.source))
    return target.judged(path)


def _spec(inputs: str, layers: str, more: str) -> str:
    return (
        f"nnspec: 1\nname: Right\ndata_format: channels_last\ninputs: {{{inputs}}}\n"
        f"layers: [{layers}]\noutputs: [y]\n{more}"
    )


@pytest.mark.parametrize("case", RIGHT)
def test_a_right_file_is_verified(case: str, tmp_path: Path) -> None:
    side, way, *parts = RIGHT[case]
    report = _judged(side, way, _spec(*parts), tmp_path)
    assert report.verdict == "verified", [f.told() for f in report.faults] or report.not_checked


def test_a_parameter_that_is_given_is_found_by_its_value(tmp_path: Path) -> None:
    """No operation takes it, where PyTorch only lays it out for each row."""
    text = _spec("x: {shape: [2]}", "{name: lambda_, type: parameter, shape: [3]}", "")
    report = _judged("torch", "renamed", text.replace("[y]", "[lambda_]"), tmp_path)
    assert report.verdict == "verified", report.not_checked


GROWING = """
nnspec: 1
name: Net
data_format: channels_last
inputs: {n1: {shape: [8, 4, 6]}}
blocks:
  step:
    variables: {rate: 0.25}
    layers:
      - {name: n4, type: sampling, inputs: [x, x]}
      - {name: less, type: subtract, inputs: [n4, x]}
      - {name: some, type: dropout, rate: "${rate}"}
      - {name: more, type: add, inputs: [some, x]}
layers:
  - {name: twice, type: add, inputs: [n1, n1]}
  - {name: less, type: negative}
  - {name: n8, type: step, repeat: 2, rate: "${0.1 * (index + 1)}"}
  - {name: n9, type: step, repeat: 3, rate: "${0.1 * (index + 1)}"}
  - {name: k, type: slice, axis: 2, start: 2, stop: 4}
  - {type: log_softmax}
  - {type: flatten}
  - {name: units, type: dense, units: 1}
training: {task: regression, optimizer: {type: sgd, momentum: 0.0}, loss: mae}
"""


def test_noise_that_grows_beyond_all_floats_accuses_nobody(tmp_path: Path) -> None:
    """Two runs of it are alike, and so it seems to be off: both give NaN."""
    keras.utils.set_random_seed(6322)
    report = _judged("keras", "renamed", GROWING, tmp_path)
    assert report.verdict == "verified", [each.detail for each in report.failures()]
    told = [each.reason for each in report.not_checked if each.kind == "training"]
    assert any("whether noise makes it so" in each for each in told)


TOWER = """
nnspec: 1
name: Tower
data_format: channels_first
inputs: {residual: {shape: [6, 2]}}
blocks:
  stage:
    layers:
      - {name: e, type: exponential, inputs: [x]}
      - {name: d, type: dropout, rate: 0.25}
      - {name: s, type: add, inputs: [d, x]}
layers:
  - {name: mean, type: average_pooling1d, pool_size: 2, strides: 1}
  - {name: size, type: reduce_norm, axes: [-1, 0], keepdims: true}
  - {name: some, type: stage, inputs: [mean], repeat: 3}
  - {name: high, type: stage, repeat: 3}
  - {name: less, type: less, inputs: [size, residual]}
  - {name: states, type: simple_rnn, inputs: [high], units: 3, activation: relu}
  - {name: truth, type: cast, inputs: [less], dtype: float32}
  - {name: flat, type: flatten}
  - {name: rest, type: flatten, inputs: [states]}
  - {name: both, type: concatenate, inputs: [flat, rest]}
  - {name: y, type: dense, units: 1}
"""


def test_what_no_float_holds_is_not_compared(tmp_path: Path) -> None:
    torch.manual_seed(13338)
    report = _judged("torch", "renamed", TOWER, tmp_path)
    assert not report.failures()
    assert report.verdict in ("not compared", NOTHING)


def test_layers_that_no_input_reaches_are_found(tmp_path: Path) -> None:
    """A run of the file shows what it makes of its tensors alone as no operation."""
    layers = (
        "{name: first, type: parameter, shape: [2, 3]}, {name: flat, type: flatten}, "
        "{name: y, type: dense, units: 3}, {name: s, type: softmax}"
    )
    text = _spec("x: {shape: [2]}", layers, "").replace("[y]", "[s]")
    report = _judged("torch", "renamed", text, tmp_path)
    assert report.verdict == "verified", report.not_checked


def test_what_is_resized_beside_large_numbers_is_verified(tmp_path: Path) -> None:
    spec = """\
nnspec: 1
name: Right
inputs: {k: {shape: [4, time, 2]}}
layers:
  - {type: resize, size: [6, 5], interpolation: bicubic}
  - {type: softplus}
  - {type: rescaling, scale: 1.0, offset: 0.5}
  - {type: reciprocal}
"""
    report = _judged("onnx", "none", spec, tmp_path)
    assert report.verdict == "verified", [f.told() for f in report.faults]


def test_a_difference_that_only_float64_holds_is_left_to_rounding(tmp_path: Path) -> None:
    layers = (
        "{name: a, type: rescaling, scale: 1.0, offset: 1.0e-9}, "
        "{name: y, type: not_equal, inputs: [a, x]}"
    )
    report = _judged("onnx", "none", _spec("x: {shape: [40]}", layers, ""), tmp_path)
    assert report.verdict != "not the same"
    assert any("rounding may decide" in left.reason for left in report.not_checked)


def test_what_float32_does_not_hold_accuses_nobody(tmp_path: Path) -> None:
    layers = ", ".join(["{type: softplus}, {type: exponential}"] * 4) + ", {name: y, type: sqrt}"
    spec = _spec("x: {shape: [4]}", layers, "")
    report = _judged("onnx", "none", spec, tmp_path)
    assert report.verdict == "not compared"
    assert any("rounding alone" in left.reason for left in report.not_checked)


@pytest.mark.parametrize("side", ["torch", "keras", "onnx"])
def test_a_tied_table_in_lengths_and_directions_is_verified(side: str, tmp_path: Path) -> None:
    spec = """\
nnspec: 1
name: Right
inputs: {tokens: {shape: [time], dtype: int64}}
layers:
  - {type: embedding, name: table, input_dim: 5, output_dim: 3, weight_normalization: true}
  - {type: dense, name: wide, units: 3, activation: tanh}
  - {type: tied_dense, name: scores, layer: table}
"""
    report = _judged(side, "none", spec, tmp_path)
    assert report.verdict == "verified", [f.told() for f in report.faults]
