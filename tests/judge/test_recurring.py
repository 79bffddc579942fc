"""The ways in which files compute recurrent layers: the right one is that of the engines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnspec.backend import get_backend
from nnspec.judge.ours import Ours
from nnspec.judge.recurring import outputs_of, right_way, ways
from nnspec.verification.engines import SourceEngine
from nnspec.verification.samples import exercised_weights, random_inputs
from tests.judge.test_recurrent_weights import both, document, spec_of

CASES: dict[str, dict[str, Any]] = {
    "lstm": document({"name": "one", "type": "lstm", "units": 4}),
    "simple_rnn": document({"name": "one", "type": "simple_rnn", "units": 4}),
    "gru before": document({"name": "one", "type": "gru", "units": 4, "reset_after": False,
                            "return_sequences": True}),
    "gru backwards": document({"name": "one", "type": "gru", "units": 4, "go_backwards": True,
                               "return_sequences": True}),
    "both lstm": both("lstm"),
    "both gru": both("gru", return_sequences=False),
    "relu": both("simple_rnn", activation="relu"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_right_way_is_the_formula_and_no_other_way_is(case: str) -> None:
    spec = spec_of(CASES[case])
    ours = Ours(spec, SourceEngine(get_backend("torch")), exercised_weights(spec.graph, 0))
    node = ours.nodes[0]
    taken = [random_inputs(spec.graph, 3, {"time": 5}, 0)["x"]]
    weights = ours.own_weights(node)
    (expected,) = ours.values(node, {node.inputs[0]: taken[0]}, weights).values()
    layer = node.layer
    (found,) = outputs_of(layer, right_way(layer), taken, weights)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    met = set()
    for how in ways(layer, taken):
        assert how.told not in met
        met.add(how.told)
        (other,) = outputs_of(layer, how, taken, weights)
        is_same = other.shape == expected.shape and np.abs(other - expected).max() < 1e-9
        assert not is_same, how.told
    assert len(met) > 10
