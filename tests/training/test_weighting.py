"""Rows, and places in them, that count by weights: as often as they weigh, in loss and metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnspec.data.weighting import with_weight
from nnspec.language.losses import LOSSES, Loss
from nnspec.network.loader import Spec
from nnspec.verification.samples import random_goals, random_inputs
from tests.training.test_training_tables import programs_of, spec_of
from tests.variants import named, variants

COUNTS = np.array([2, 0, 1, 3])


def by_weights(spec: Spec) -> Spec:
    """Return the spec with a loss that takes weights, wherever they come from."""
    assert spec.model.training is not None
    training = spec.model.training.model_copy(update={"mask": "x"})
    return Spec(spec.model.model_copy(update={"training": training}), spec.graph, spec.path)


def repeated(target: Any) -> Any:
    if isinstance(target, dict):
        return {name: repeated(values) for name, values in target.items()}
    return target.repeat(COUNTS, axis=0)


def cases() -> list[object]:
    """Return every loss with every field changed, and slowly at its defaults."""
    last = {fields["type"]: fields for fields in variants(LOSSES)}
    return [
        pytest.param(fields, marks=() if fields in last.values() else pytest.mark.slow)
        for fields in variants(LOSSES)
    ]


@pytest.mark.parametrize("fields", cases(), ids=named)
def test_a_row_counts_as_often_as_it_weighs(fields: dict[str, Any]) -> None:
    record: type[Loss] = LOSSES[fields["type"]]
    stacked = record.stacked
    units = 3 * stacked or (4 if record.takes == "halves" else 3)
    shape = [6, 4] if record.takes == "labels" else [2, 4]
    spec = spec_of(record.leaves_out, shape, units, stacked, loss=fields)
    inputs = random_inputs(spec.graph, len(COUNTS), {}, 1)
    target: Any = random_goals(spec, len(COUNTS), {}, 2)
    plain, weighted = programs_of(spec), programs_of(by_weights(spec))
    again = {name: values.repeat(COUNTS, axis=0) for name, values in inputs.items()}
    losses = []
    for name, program in weighted.items():
        weights = program.weights()
        plain[name].load_weights(weights)
        wanted, slopes = plain[name].gradients(again, repeated(target))
        goal = with_weight(target, COUNTS / 2)
        loss, found = program.gradients(inputs, goal)
        assert loss == pytest.approx(wanted, rel=1e-12)
        losses.append(loss)
        for key, slope in slopes.items():
            size = max(np.abs(slope).max(), 1e-3)
            assert np.abs(slope - found[key]).max() < 1e-11 * size, (name, key)
        nothing = with_weight(target, 0 * COUNTS)
        loss, found = program.gradients(inputs, nothing)
        assert loss == 0
        assert not any(slope.any() for slope in found.values())
    assert losses == pytest.approx([losses[0]] * len(losses), rel=1e-12)
