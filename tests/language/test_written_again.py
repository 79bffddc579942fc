"""Specs that are written as text, and read again: the same network, whatever was said of it."""

from __future__ import annotations

import pytest

import nnspec
from nnspec import layers
from nnspec.network.loader import loads

HEAD = "nnspec: 1\nname: A\n"
DATA = "data: {source: a.csv, features: {x: 'x_*'}, target: y}\n"
DENSE = "inputs: {x: {shape: [3]}}\nlayers: [{name: y, type: dense, units: 1}]\n"
IMAGE = "inputs: {image: {shape: [28, 28, 3]}}\n"
SPECS = {
    "an average": HEAD + DENSE + DATA + "training: {task: regression, average: {type: ema, "
    "decay: 0.999}}\n",
    "another average": HEAD + DENSE + DATA + "training: {task: regression, average: {type: swa, "
    "every: 1}}\n",
    "an optimizer": HEAD + DENSE + DATA + "training: {task: regression, optimizer: {type: adam}}\n",
    "a layout": HEAD + "data_format: channels_first\n" + IMAGE
    + "layers: [{type: conv2d, filters: 4, kernel_size: 3}]\n",
    "an axis": HEAD + "inputs: {image: {shape: [3, 28, 28]}}\nlayers:\n"
    "  - {type: conv2d, filters: 4, kernel_size: 3}\n  - {type: layer_normalization, axis: -1}\n",
}  # fmt: skip


@pytest.mark.parametrize("name", SPECS)
def test_what_is_written_is_read_as_the_same(name: str) -> None:
    spec = loads(SPECS[name])
    again = loads(spec.to_yaml())
    assert again.sha256 == spec.sha256
    assert again.model == spec.model
    assert again.to_yaml() == spec.to_yaml()


def test_a_chain_takes_no_schedule_of_what_epochs_measure() -> None:
    rate = "{schedule: chained, schedules: [{schedule: plateau, initial: 0.01}, 0.1], lengths: [9]}"
    training = f"training: {{task: regression, optimizer: {{type: sgd, learning_rate: {rate}}}}}\n"
    with pytest.raises(nnspec.SpecError, match="schedules of steps are expected in a chain"):
        loads(HEAD + DENSE + DATA + training)


def test_a_law_that_a_layer_chose_stays_beside_that_of_all() -> None:
    model = nnspec.Model(
        name="A",
        inputs={"x": nnspec.Input(shape=(3,))},
        initializer={"type": "constant", "value": 0.5},
        layers=(layers.Dense(units=2, kernel_initializer="glorot_uniform"),),
    )
    spec = nnspec.check(model)
    again = loads(spec.to_yaml())
    laws = [[each.initializer for _, each in own.graph.parameters()] for own in (spec, again)]
    assert laws[0] == laws[1]
