"""A learning rate that follows what the epochs measure: PyTorch's rule, in both sources."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from script_cases import Case, first_weights, require_weights_of_train, run, script_of
from script_cases import spec_of as spec_with_rows

import nnspec
import nnspec_keras.runtime
import nnspec_torch.runtime
from nnspec.backend import Options, get_backend
from nnspec.emit.loading import load_source
from nnspec.language.schedules.plateau import Plateau
from nnspec.network.loader import Spec, loads
from nnspec.training.epochs import train
from nnspec.training.run import TrainingInterrupted
from nnspec.verification.schedule_checks import plateau_errors
from tests.formatting import assert_clean

BACKENDS = ("torch", "keras")
RATE = {
    "schedule": "plateau", "initial": 0.5, "factor": 0.5, "patience": 0, "threshold": 0.2,
    "cooldown": 1, "minimum": 0.1,
}  # fmt: skip
# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]


def network_text(**rate: Any) -> str:
    document = {
        "nnspec": 1,
        "name": "Small",
        "inputs": {"x": {"shape": [4]}},
        "layers": [{"name": "scores", "type": "dense", "units": 3}],
        "training": {
            "task": "multiclass",
            "optimizer": {"type": "adam", "learning_rate": {**RATE, **rate}},
        },
    }
    return json.dumps(document)


def network(**rate: Any) -> Spec:
    return loads(network_text(**rate))


def built(spec: Spec, backend: str) -> Any:
    compiled = get_backend(backend).compile(spec, Options(training=True))
    return compiled.build(dtype="float64")


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_rule_is_that_of_pytorch(mode: str) -> None:
    import torch

    values = np.random.default_rng(1).normal(1, 0.3, size=60).tolist()
    for patience, cooldown, minimum in itertools.product((0, 2), (0, 3), (0.0, 0.3, 1.5)):
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        settings = {"patience": patience, "cooldown": cooldown, "factor": 0.7, "threshold": 0.01}
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, mode=mode, min_lr=minimum, eps=0.0, **settings
        )
        expected = []
        for value in values:
            scheduler.step(value)
            expected.append(optimizer.param_groups[0]["lr"])
        ours = Plateau(initial=1.0, minimum=minimum, **settings)
        assert ours.rates(values, is_less=mode == "min") == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_emitted_source_reduces_the_rate_by_the_rule(backend: str) -> None:
    for rate in ({}, {"metric": "accuracy", "patience": 2, "cooldown": 0}, {"mode": "max"}):
        spec = network(**rate)
        training: Any = spec.model.training
        error, _ = plateau_errors(built(spec, backend), training, has_validation=False)
        assert error < 1e-12


FAULTS = [
    ("torch", "patience=0", "patience=1"),
    ("torch", "threshold=0.2", "threshold=0.21"),
    ("torch", 'mode="min"', 'mode="max"'),
    ("torch", "cooldown=1", "cooldown=0"),
    ("torch", "min_lr=0.1", "min_lr=0.09"),
    ("keras", "self.bad > self.patience", "self.bad >= self.patience"),
    ("keras", "factor=0.5,", "factor=0.4,"),
    ("keras", "rate * self.factor", "rate - self.factor"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]} {fault[2]}")
def test_another_rule_is_found(
    fault: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, right, wrong = fault
    runtime: Any = {"torch": nnspec_torch.runtime, "keras": nnspec_keras.runtime}[backend]

    def loaded(text: str, name: str) -> Any:
        assert right in text
        return load_source(text.replace(right, wrong), name)

    monkeypatch.setattr(runtime, "load_source", loaded)
    spec = network()
    training: Any = spec.model.training
    error, found = plateau_errors(built(spec, backend), training, has_validation=False)
    assert error > 1e-6
    assert "on a plateau the learning rate after" in found[0]


def test_a_verification_proves_it() -> None:
    report = nnspec.verify(network(), backends=BACKENDS, exporters=False)
    assert report.passed, report.to_json()


def test_the_emitted_sources_are_clean(tmp_path: Path) -> None:
    spec = spec_with_rows(Case("csv", 1, "binary"), tmp_path, training=_settings())
    for backend in BACKENDS:
        script_of(spec, backend)
        compiled = get_backend(backend).compile(network(), Options(training=True))
        compiled.write(tmp_path / f"bare_{backend}.py")
    assert_clean(tmp_path)


def _settings() -> dict[str, Any]:
    return {"optimizer": {"type": "sgd", "learning_rate": RATE}, "epochs": 6}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_script_ends_with_the_weights_of_train(backend: str, tmp_path: Path, eager: None) -> None:
    spec = spec_with_rows(Case("csv", 1, "binary"), tmp_path, training=_settings())
    output = tmp_path / ("out.safetensors" if backend == "torch" else "out.keras")
    run(script_of(spec, backend), "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_resumed_run_is_the_uninterrupted_one(backend: str, tmp_path: Path, eager: None) -> None:
    spec = spec_with_rows(Case("csv", 1, "binary"), tmp_path, training=_settings())

    def interrupt(epoch: int, step: int, steps: int, loss: float) -> None:
        if (epoch, step) == (5, 2):
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted):
        train(spec, backend, tmp_path / "cut", on_step=interrupt)
    cut = train(spec, backend, tmp_path / "cut", resume=True)
    whole = train(spec, backend, tmp_path / "whole")
    assert cut.last.read_bytes() == whole.last.read_bytes()
    plain = {"optimizer": {"type": "sgd", "learning_rate": 0.5}, "epochs": 6}
    (tmp_path / "plain").mkdir()
    other = spec_with_rows(Case("csv", 1, "binary"), tmp_path / "plain", training=plain)
    never = train(other, backend, tmp_path / "never")
    assert never.last.read_bytes() != whole.last.read_bytes()


def test_a_measure_that_no_epoch_has_is_refused(tmp_path: Path) -> None:
    rate = {**RATE, "metric": "val_f1"}
    settings = {"optimizer": {"type": "sgd", "learning_rate": rate}}
    with pytest.raises(nnspec.SpecError, match='is "val_f1"'):
        spec_with_rows(Case("csv", 1, "binary"), tmp_path, training=settings)


def test_groups_with_rates_of_their_own_are_refused() -> None:
    groups = [{"match": ["*.bias"], "learning_rate": {"scale": 0.1}}]
    document = {**json.loads(network_text()), "training": {
        "task": "multiclass",
        "optimizer": {"type": "sgd", "learning_rate": RATE, "groups": groups},
    }}  # fmt: skip
    with pytest.raises(nnspec.SpecError, match="one rate is reduced"):
        loads(json.dumps(document))


def test_a_plateau_of_several_losses_is_followed() -> None:
    document = json.loads(network_text(metric="val_more_loss"))
    document["layers"].append({"name": "more", "type": "dense", "units": 2, "inputs": ["x"]})
    document["outputs"] = ["scores", "more"]
    del document["training"]["task"]
    document["training"]["loss"] = {"scores": "mse", "more": "mae"}
    spec = loads(json.dumps(document))
    assert spec.model.training is not None
    found = plateau_errors(built(spec, "torch"), spec.model.training, has_validation=True)
    assert found == (0.0, [])
