"""Every loss and every optimizer of the tables, at its defaults and with every field changed.

Cases are made of the tables, so that one more is tried as soon as it stands there.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from nnspec.backend import Can, Trainable, installed_backends, refused_training
from nnspec.language.losses import LOSSES, Loss
from nnspec.language.optimizers import OPTIMIZERS, Optimizer
from nnspec.layers.fields import Frozen
from nnspec.network.loader import Spec, loads
from nnspec.network.parameter_groups import parameter_settings
from nnspec.verification.samples import random_goals, random_inputs, random_target
from tests.variants import named, variants

ENDS = {
    "": ("regression", None),
    "sigmoid": ("binary", "sigmoid"),
    "softmax": ("multiclass", "softmax"),
}
ROWS = 4


def spec_of(end: str, shape: list[int], units: int = 3, stacked: int = 0, **training: Any) -> Spec:
    """Return a small network; stacked: into how many vectors its last axis is cut."""
    task, activation = ENDS[end]
    layers: list[dict[str, Any]] = [
        {"name": "hidden", "type": "dense", "units": 5, "activation": "tanh"},
        {"name": "scores", "type": "dense", "units": units},
    ]
    if stacked:
        layers.append({"type": "reshape", "shape": [stacked, *shape[:-1], units // stacked]})
    if activation is not None:
        layers.append({"name": "last", "type": activation})
    document = {
        "nnspec": 1,
        "name": "Small",
        "inputs": {"x": {"shape": shape}},
        "layers": layers,
        "training": {"task": task, **training},
    }
    return loads(json.dumps(document))


def programs_of(spec: Spec, weights: dict[str, Any] | None = None, dtype: Any = "float64") -> Any:
    """Return by name the program of each installed backend that trains by this spec."""
    found = {}
    for backend in installed_backends():
        if Can.TRAINING in backend.can and not refused_training(backend, spec):
            options = backend.options(training=True)
            found[backend.name] = backend.compile(spec, options).build(weights, dtype=dtype)
    assert all(isinstance(program, Trainable) for program in found.values())
    return found


@pytest.mark.parametrize("fields", list(variants(LOSSES)), ids=named)
def test_a_loss_and_its_gradient_are_equal_in_every_source(fields: dict[str, Any]) -> None:
    record: type[Loss] = LOSSES[fields["type"]]
    stacked = record.stacked
    units = 3 * stacked or (4 if record.takes == "halves" else 3)
    for shape in ([6, 4],) if record.takes == "labels" else ([4], [2, 4]):
        spec = spec_of(record.leaves_out, shape, units, stacked, loss=fields)
        inputs = random_inputs(spec.graph, ROWS, {}, 1)
        target = random_goals(spec, ROWS, {}, 2)
        for scale in (1.0, 1000.0):
            results = {}
            for name, program in programs_of(spec).items():
                weights = program.weights()
                cosines = np.cos(np.arange(5.0 * units)).reshape(units, 5)
                weights["scores.weight"] = scale * cosines
                program.load_weights(weights)
                results[name] = program.gradients(inputs, target)
                assert program.loss(inputs, target) == pytest.approx(results[name][0], rel=1e-12)
            (first, slopes), *others = results.values()
            if fields["type"] == "poisson" and np.isinf(first):
                assert scale > 1  # exp(1000) is what it is
                continue
            assert np.isfinite(first)
            for other, slopes_of_other in others:
                assert other == pytest.approx(first, rel=1e-12)
                for name, slope in slopes.items():
                    size = max(np.abs(slope).max(), 1e-3)
                    assert np.abs(slope - slopes_of_other[name]).max() < 1e-11 * size, name


@pytest.mark.parametrize("fields", list(variants(OPTIMIZERS)), ids=named)
def test_an_optimizer_steps_by_its_formula_in_every_source(fields: dict[str, Any]) -> None:
    spec = spec_of("softmax", [4], optimizer={**fields, "learning_rate": 0.03})
    optimizer: Optimizer = spec.model.training.optimizer  # type: ignore[union-attr]
    for program in programs_of(spec).values():
        weights = program.weights()
        own = parameter_settings(spec.graph, optimizer)
        formulas = {name: optimizer.steps(own[name]) for name in weights}
        for number in range(1, 9):
            inputs = random_inputs(spec.graph, ROWS, {}, number)
            target = random_target(spec.graph, "multiclass", ROWS, {}, number)
            _, gradients = program.gradients(inputs, target)
            for name, gradient in gradients.items():
                step = formulas[name]
                assert step is not None
                weights[name] = step(weights[name], gradient, number)
            program.train_step(inputs, target)
            after = program.weights()
            for name, array in weights.items():
                assert np.abs(array - after[name]).max() < 1e-12, (name, number)


@pytest.mark.parametrize("fields", list(variants(OPTIMIZERS)), ids=named)
def test_an_optimizer_goes_on_from_its_state(fields: dict[str, Any]) -> None:
    spec = spec_of("softmax", [4], optimizer={**fields, "learning_rate": 0.03})
    inputs = random_inputs(spec.graph, ROWS, {}, 1)
    target = random_target(spec.graph, "multiclass", ROWS, {}, 1)
    whole, cut = programs_of(spec, dtype="float32"), programs_of(spec, dtype="float32")
    for name, program in whole.items():
        for _ in range(3):
            program.train_step(inputs, target)
        other = cut[name]
        other.load_weights(program.weights())
        other.load_optimizer_state(program.optimizer_state())
        program.train_step(inputs, target)
        other.train_step(inputs, target)
        expected = program.weights()
        assert all((array == expected[key]).all() for key, array in other.weights().items())


def test_what_the_tables_hold_can_be_changed() -> None:
    class Odd(Frozen):
        type: str = "odd"
        words: str = "few"

    with pytest.raises(AssertionError, match="say how"):
        list(variants({"odd": Odd}))
