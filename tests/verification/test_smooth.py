"""Functions that bend nowhere: what is said to be smooth is, and is left out in large networks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import nnspec
import nnspec.verification.state as state_module
from nnspec.language.losses import LOSSES
from nnspec.layers import ACTIVATIONS, LAYERS
from nnspec.network.loader import Spec, loads
from nnspec.verification.kinks import SMOOTH, SMOOTH_LOSSES, bends

STEP = 1e-4
POINTS = np.arange(-7, 7, STEP)
"""Every place where an activation may bend is among them."""


def spec_of(*layers: dict[str, Any], **training: Any) -> Spec:
    document = {
        "nnspec": 1,
        "name": "Net",
        "inputs": {"x": {"shape": [4]}},
        "layers": list(layers),
        "training": {"task": "regression", **training},
    }
    return loads(json.dumps(document), is_json=True)


def test_the_names_are_of_the_language() -> None:
    assert {*LAYERS, *ACTIVATIONS} >= SMOOTH
    assert {*LOSSES} >= SMOOTH_LOSSES


@pytest.mark.parametrize("name", sorted({*ACTIVATIONS} - {"threshold"}))
def test_a_smooth_activation_has_no_jump_in_its_derivative(name: str) -> None:
    """Of a function that bends by c, the second difference at a step h is c · h there."""
    spec = spec_of({"type": name})
    rows = np.stack([POINTS, POINTS / 2, 0 * POINTS + 0.5, -POINTS], axis=1)
    program = nnspec.compile(spec, "torch").build(dtype="float64")
    (values,) = program.forward({"x": rows}).values()
    jump = np.abs(np.diff(values, 2, axis=0)).max() / STEP
    if name in SMOOTH:
        assert jump < 0.01
    if name in ("relu", "leaky_relu", "hard_sigmoid", "hard_tanh", "relu6", "selu"):
        assert jump > 0.1


DENSE = {"type": "dense", "units": 3}
BENT: dict[str, tuple[tuple[dict[str, Any], ...], dict[str, Any]]] = {
    "an activation": (({**DENSE, "activation": "relu"},), {}),
    "a layer": ((DENSE, {"type": "relu"}, DENSE), {}),
    "one that is not known": ((DENSE, {"type": "sort"}), {}),
    "a loss": ((DENSE,), {"loss": "mae"}),
    "a penalty": ((DENSE,), {"regularization": [{"type": "l1", "factor": 0.1}]}),
}


@pytest.mark.parametrize("case", BENT)
def test_what_may_bend_is_said_to(case: str) -> None:
    layers, training = BENT[case]
    assert bends(spec_of(*layers, **training))
    assert not bends(spec_of({**DENSE, "activation": "gelu"}, {"type": "layer_normalization"}))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_large_smooth_network_is_not_taken_to_kinks(
    activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_module, "LARGE", 1)
    spec = spec_of({**DENSE, "activation": activation}, DENSE)
    report = nnspec.verify(spec, steps=1, exporters=False)
    assert report.passed
    found = [each for each in report.checks if "where functions bend" in "".join(each.pair)]
    left_out = [each for each in report.not_checked if "none of its functions bends" in each.reason]
    assert (len(found), len(left_out)) == ((0, 1) if activation == "tanh" else (1, 0))
