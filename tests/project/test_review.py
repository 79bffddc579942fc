"""Networks that were once compiled wrongly."""

from __future__ import annotations

import pytest

import nnspec
from nnspec.network.loader import loads

HEAD = "nnspec: 1\nname: Net\n"

SPECS = {
    "a loop takes a value anew in each round": """
inputs: {a: {shape: [4]}}
blocks:
  blk: {inputs: [d, e], layers: [{name: g, type: multiply, inputs: [d, e]}]}
layers:
  - {name: c, type: dense, units: 4}
  - {name: h, type: blk, inputs: [a, c], repeat: 2}
""",
    "a loop takes a transposed value anew": """
inputs: {n: {shape: [4, 8, 8]}, b: {shape: [4, 8, 8]}}
blocks:
  blk:
    inputs: [d, e]
    layers:
      - {name: g, type: conv2d, filters: 4, kernel_size: 3, padding: same, inputs: d}
      - {name: k, type: add, inputs: [e, g, d]}
layers:
  - {name: h, type: blk, inputs: [n, b], repeat: 3}
  - {name: i, type: blk, inputs: [h, n]}
""",
    "an output of a block that nothing takes": """
inputs: {a: {shape: [4]}}
blocks:
  blk:
    inputs: [d]
    layers:
      - {name: p, type: dense, units: 4, inputs: d}
      - {name: q, type: dense, units: 4, inputs: d}
    outputs: [p, q]
layers: [{name: h, type: blk}, {name: r, type: relu, inputs: h}]
training: {task: regression}
""",
    "softmax of softmax": """
inputs: {a: {shape: [3]}}
layers:
  - {name: k, type: dense, units: 3, activation: softmax}
  - {name: s, type: softmax}
training: {task: multiclass}
""",
    "sigmoid of sigmoid": """
inputs: {a: {shape: [3]}}
layers:
  - {name: k, type: dense, units: 1, activation: sigmoid}
  - {name: s, type: sigmoid}
training: {task: binary}
""",
}


@pytest.mark.parametrize("name", SPECS)
def test_it_is_the_same_everywhere(name: str) -> None:
    report = nnspec.verify(loads(HEAD + SPECS[name]), exporters=False)
    assert report.passed, report.to_json()


def test_a_native_head_is_a_line_of_its_own() -> None:
    spec = loads(
        HEAD
        + """
data_format: channels_last
inputs: {a: {shape: [t, 4]}}
layers:
  - {name: d, type: dense, units: 4, activation: gelu}
  - {name: e, type: dense, units: 4, activation: softmax}
training: {task: multiclass}
"""
    )
    source = nnspec.compile(spec, "torch", layout="native").source
    assert "= self.logits(a)\n" in source
    assert "@" not in source


def test_code_that_does_not_run_is_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnspec import layers
    from nnspec.emit.tree import X, apply
    from nnspec_keras.lowerings import LOWERINGS

    wrong = apply("ops.no_such_operation", X)
    monkeypatch.setitem(LOWERINGS, layers.Relu, wrong)  # type: ignore[arg-type]
    spec = loads(HEAD + "inputs: {a: {shape: [2]}}\nlayers: [{name: bend, type: relu}]\n")
    report = nnspec.verify(spec, exporters=False)
    assert not report.passed
    (broken,) = [check for check in report.checks if check.pair == ("keras", "keras")]
    assert "does not run" in broken.detail
