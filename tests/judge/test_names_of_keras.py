"""Keras files whose layers have no names of their own: they are called as when they were opened."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import nnspec
from nnspec.judge.both import compare
from nnspec.judge.verify import verify_against

pytestmark = pytest.mark.filterwarnings("ignore")

FILE = """
import keras
from keras import layers


def build():
    keras.utils.set_random_seed(0)
    x = keras.Input((8,), name="x")
    hidden = layers.Dense(8, activation="relu")(x)
    return keras.Model(x, layers.Dense(3)(hidden))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        keras.utils.set_random_seed(0)
        self.first = layers.Dense(8, activation="relu")
        self.last = layers.Dense(3)

    def call(self, x):
        return self.last(self.first(x))
"""
SPEC = """
nnspec: 1
name: Two
inputs: {x: {shape: [8]}}
layers:
  - {name: first, type: dense, units: 8, activation: relu}
  - {name: last, type: dense, units: 3}
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["build", "Own"])
def test_a_keras_file_is_compared_with_its_own_weights(name: str, tmp_path: Path) -> None:
    """Also where the tensors are there only once it has run."""
    file = tmp_path / "model.py"
    file.write_text(FILE)
    namespace: dict[str, type[keras.Model]] = {}
    exec(FILE, namespace)  # noqa: S102 - this file's own text
    model = namespace[name]()
    model(np.zeros((1, 8), "float32"))
    held = {f"{i}.{each.name}": np.array(each) for i, each in enumerate(model.weights)}
    np.savez(tmp_path / "w.npz", **held)
    report = compare(f"{file}:{name}", tmp_path / "w.npz", inputs=["x=8"])
    assert report.verdict == "the same", report.to_json()
    assert {check.kind for check in report.checks} == {"interface", "weights", "forward"}
    held["2.kernel"][0, 0] += 1
    np.savez(tmp_path / "w.npz", **held)
    assert compare(f"{file}:{name}", tmp_path / "w.npz", inputs=["x=8"]).verdict == "not the same"

    spec = nnspec.loads(SPEC)
    found = verify_against(spec, f"{file}:{name}", levels="outputs").map_as_json()
    assert found["first.bias"]["tensor"].endswith("dense/bias")
    again = verify_against(spec, f"{file}:{name}", levels="outputs", known=found)
    assert again.verdict == "verified"
    assert again.map_as_json() == found
