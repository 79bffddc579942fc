"""Schedules of the learning rate: one formula each, equal in both sources over their length."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from script_cases import Case, first_weights, require_weights_of_train, run, script_of
from script_cases import spec_of as spec_with_rows

import nnspec
from nnspec.backend import Options, Trainable, get_backend
from nnspec.emit.loading import load_source
from nnspec.errors import UnsupportedError
from nnspec.language.optimizers import OPTIMIZERS as OF_LANGUAGE
from nnspec.language.schedules import SCHEDULES, Schedule
from nnspec.language.schedules.decay import Cosine, Exponential
from nnspec.network.loader import Spec, loads
from nnspec.show.jsonschema import spec_schema
from nnspec.training.epochs import train
from nnspec.training.run import TrainingInterrupted
from nnspec.verification.samples import random_inputs, random_target
from nnspec.verification.schedule_checks import rate_errors, steps_of
from nnspec_keras.options import KerasOptions
from nnspec_keras.schedules import SCHEDULES as OF_KERAS
from nnspec_keras.schedules import own_schedule
from tests.formatting import assert_clean
from tests.variants import named, variants

BACKENDS = ("torch", "keras")
RATES: dict[str, dict[str, Any]] = {
    "warmed": {"schedule": "cosine", "peak": 0.03, "steps": 25, "warmup": 7, "end": 0.003},
    **{named(fields): fields for fields in variants(SCHEDULES, "schedule")},
    "grown": {
        "schedule": "cosine_restarts", "peak": 0.03, "steps": 7, "growth": 3, "factor": 0.5,
        "end": 0.001, "warmup": 3,
    },
    "lower": {
        "schedule": "cyclical", "initial": 0.01, "peak": 0.03, "steps": 4, "down": 3,
        "halving": True, "factor": 0.99, "warmup": 2,
    },
    "cycled": {
        "schedule": "cyclical", "initial": 0.01, "peak": 0.03, "steps": 4, "cycle_momentum": True,
    },
    "rising": {"schedule": "linear", "initial": 0.01, "end": 0.03, "steps": 20, "warmup": 6},
}  # fmt: skip
CYCLED: dict[str, Any] = {
    "schedule": "one_cycle", "peak": 0.03, "steps": 40, "cycle_momentum": True,
}  # fmt: skip
OPTIMIZERS: list[dict[str, Any]] = [
    {"type": "sgd"},
    {"type": "sgd", "momentum": 0.9, "nesterov": True},
    {"type": "adam"},
]
# Keras copies a variable, when it saves, by a call that NumPy 2 has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning"),
]


def network(rate: object, optimizer: dict[str, Any] | None = None, name: str = "x") -> Spec:
    document = {
        "nnspec": 1,
        "name": "Small",
        "inputs": {name: {"shape": [4]}},
        "layers": [
            {"name": "hidden", "type": "dense", "units": 5, "activation": "tanh"},
            {"name": "scores", "type": "dense", "units": 3},
        ],
        "training": {
            "task": "multiclass",
            "optimizer": {**(optimizer or OPTIMIZERS[0]), "learning_rate": rate},
        },
    }
    return loads(json.dumps(document))


def built(spec: Spec, backend: str, **options: Any) -> Any:
    own = get_backend(backend).options(training=True, **options)
    return get_backend(backend).compile(spec, own).build(dtype="float64")


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (Cosine(peak=4.0, steps=8), {0: 4.0, 4: 2.0, 8: 0.0, 99: 0.0}),
        (
            Cosine(peak=4.0, steps=12, warmup=4, end=2.0),
            {0: 0.0, 1: 1.0, 3: 3.0, 4: 4.0, 6: 3 + math.sqrt(0.5), 8: 3.0, 12: 2.0, 10**9: 2.0},
        ),
        (
            Exponential(initial=8.0, factor=0.25, steps=2),
            {0: 8.0, 1: 4.0, 2: 2.0, 3: 1.0, 6: 0.125},
        ),
        (
            Exponential(initial=8.0, factor=0.25, steps=2, staircase=True),
            {0: 8.0, 1: 8.0, 2: 2.0, 3: 2.0, 4: 0.5},
        ),
    ],
)
def test_the_formula_is_that_of_the_docstring(schedule: Schedule, rates: dict[int, float]) -> None:
    assert {step: schedule.at(step) for step in rates} == pytest.approx(rates, abs=1e-12)


@pytest.mark.parametrize("rate", ["warmed", "exponential-0.03-0.03-9", "lower", "cycled"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS[1:], ids=lambda fields: "-".join(map(str, fields)))
def test_thirty_steps_are_equal_in_both_sources(rate: str, optimizer: dict[str, Any]) -> None:
    """Others are rows of `tests/parity`."""
    spec = network(RATES[rate], optimizer)
    programs = [built(spec, backend) for backend in BACKENDS]
    for number in range(30):
        inputs = random_inputs(spec.graph, 4, {}, number)
        target = random_target(spec.graph, "multiclass", 4, {}, number)
        for program in programs:
            program.train_step(inputs, target)
    first, second = (program.weights() for program in programs)
    for name, array in first.items():
        assert np.abs(array - second[name]).max() < 1e-12, name


def of_torch() -> dict[str, tuple[dict[str, Any], Any]]:
    """Return schedules from a rate of 1, and what makes PyTorch's of an optimizer."""
    from torch.optim import lr_scheduler as theirs

    line = {"schedule": "linear", "initial": 0.1, "end": 1.0, "steps": 5}
    fall = {"schedule": "exponential", "initial": 1.0, "factor": 0.9, "steps": 1}
    cycle = {"schedule": "cyclical", "initial": 0.1, "peak": 1.0, "steps": 7}
    one = {"schedule": "one_cycle", "peak": 1.0, "steps": 33}
    plain = {"cycle_momentum": False}
    return {
        "step": (
            {"schedule": "step", "initial": 1.0, "steps": 7}, lambda o: theirs.StepLR(o, 7)
        ),
        "multi_step": (
            {"schedule": "multi_step", "initial": 1.0, "milestones": [3, 9]},
            lambda o: theirs.MultiStepLR(o, [3, 9]),
        ),
        "exponential": (fall, lambda o: theirs.ExponentialLR(o, 0.9)),
        "linear": (line, lambda o: theirs.LinearLR(o, 0.1, 1.0, 5)),
        "polynomial": (
            {"schedule": "polynomial", "initial": 1.0, "power": 2.0, "steps": 20},
            lambda o: theirs.PolynomialLR(o, 20, 2.0),
        ),
        "cosine": (
            {"schedule": "cosine", "peak": 1.0, "end": 0.1, "steps": 33},
            lambda o: theirs.CosineAnnealingLR(o, 33, 0.1),
        ),
        "cosine_restarts": (
            {"schedule": "cosine_restarts", "peak": 1.0, "steps": 5, "growth": 2, "end": 0.1},
            lambda o: theirs.CosineAnnealingWarmRestarts(o, 5, 2, 0.1),
        ),
        "one_cycle": (one, lambda o: theirs.OneCycleLR(o, 1.0, 33, **plain)),
        "one_cycle by lines": (
            {**one, "linear": True, "three_phase": True, "pct_start": 0.2},
            lambda o: theirs.OneCycleLR(
                o, 1.0, 33, anneal_strategy="linear", three_phase=True, pct_start=0.2, **plain
            ),
        ),
        "cyclical": ({**cycle, "down": 5}, lambda o: theirs.CyclicLR(o, 0.1, 1.0, 7, 5, **plain)),
        "triangular2": (
            {**cycle, "halving": True},
            lambda o: theirs.CyclicLR(o, 0.1, 1.0, 7, mode="triangular2", **plain),
        ),
        "exp_range": (
            {**cycle, "factor": 0.97},
            lambda o: theirs.CyclicLR(o, 0.1, 1.0, 7, mode="exp_range", gamma=0.97, **plain),
        ),
        "chained": (
            {"schedule": "chained", "schedules": [line, fall], "lengths": [6]},
            lambda o: theirs.SequentialLR(
                o, [theirs.LinearLR(o, 0.1, 1.0, 5), theirs.ExponentialLR(o, 0.9)], [6]
            ),
        ),
    }  # fmt: skip


def test_schedules_are_those_of_pytorch() -> None:
    import torch

    for name, (fields, make) in of_torch().items():
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
        scheduler, ours = make(optimizer), SCHEDULES[fields["schedule"]].model_validate(fields)
        for step in range(33):
            given = optimizer.param_groups[0]["lr"]
            assert given == pytest.approx(ours.at(step), abs=1e-13), (name, step)
            optimizer.step()
            scheduler.step()


def of_torch_cycled() -> dict[str, tuple[dict[str, Any], Any]]:
    """Return schedules of a momentum, and what makes PyTorch's of an optimizer."""
    from torch.optim import lr_scheduler as theirs

    one = {"schedule": "one_cycle", "peak": 0.1, "steps": 33, "cycle_momentum": True}
    cycle = {
        "schedule": "cyclical",
        "initial": 0.01,
        "peak": 0.1,
        "steps": 7,
        "cycle_momentum": True,
    }
    return {
        "one_cycle": (one, lambda o: theirs.OneCycleLR(o, 0.1, 33)),
        "one_cycle in three phases": (
            {**one, "three_phase": True, "linear": True, "base_momentum": 0.2},
            lambda o: theirs.OneCycleLR(
                o, 0.1, 33, three_phase=True, anneal_strategy="linear", base_momentum=0.2
            ),
        ),
        "cyclical": ({**cycle, "down": 5}, lambda o: theirs.CyclicLR(o, 0.01, 0.1, 7, 5)),
        "triangular2": (
            {**cycle, "halving": True, "max_momentum": 0.99, "base_momentum": 0.1},
            lambda o: theirs.CyclicLR(
                o, 0.01, 0.1, 7, mode="triangular2", max_momentum=0.99, base_momentum=0.1
            ),
        ),
        "exp_range": (
            {**cycle, "factor": 0.97},
            lambda o: theirs.CyclicLR(o, 0.01, 0.1, 7, mode="exp_range", gamma=0.97),
        ),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "name", "options"),
    [
        ({"type": "sgd"}, "SGD", {}),
        ({"type": "sgd", "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}),
        ({"type": "sgd", "dampening": 0.3}, "SGD", {"momentum": 0.9, "dampening": 0.3}),
        ({"type": "rms_prop"}, "RMSprop", {"momentum": 0.9}),
        ({"type": "adam"}, "Adam", {}),
        ({"type": "adam", "amsgrad": True}, "Adam", {"amsgrad": True}),
        ({"type": "adamw"}, "AdamW", {}),
        ({"type": "adamax"}, "Adamax", {}),
        ({"type": "nadam"}, "NAdam", {}),
        ({"type": "radam"}, "RAdam", {}),
    ],
    ids=str,
)
def test_a_cycled_momentum_is_that_of_pytorch(
    fields: dict[str, Any], name: str, options: dict[str, Any]
) -> None:
    """By PyTorch's own scheduler and optimizer: bias corrections too are of the step's beta_1."""
    import torch

    for schedule, make in of_torch_cycled().values():
        record = network(schedule, fields).model.training.optimizer  # type: ignore[union-attr]
        weight = torch.nn.Parameter(torch.tensor([0.5, -2.0], dtype=torch.float64))
        theirs = getattr(torch.optim, name)([weight], lr=1.0, **options)
        scheduler, step = make(theirs), record.steps()
        assert step is not None
        ours, draw = weight.detach().numpy().copy(), np.random.default_rng(0)
        for number in range(1, 34):
            group = theirs.param_groups[0]
            momentum = group["betas"][0] if "betas" in group else group["momentum"]
            assert record.momentum_of(number - 1) == pytest.approx(momentum, abs=1e-15)
            weight.grad = torch.from_numpy(draw.normal(size=2))
            ours = step(ours, weight.grad.numpy(), number)
            theirs.step()
            scheduler.step()
            # NAdam's product is a float32 there.
            np.testing.assert_allclose(weight.detach().numpy(), ours, rtol=1e-9)


def test_what_has_no_one_momentum_refuses_to_cycle_it() -> None:
    for kind, record in OF_LANGUAGE.items():
        if record.cycled is None and record.takes_schedule:
            with pytest.raises(nnspec.SpecError, match=f"{kind} has no one momentum"):
                network(CYCLED, {"type": kind})
    with pytest.raises(UnsupportedError, match="one momentum for all steps"):
        built(network(CYCLED), "keras", stock=True)


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ({"schedule": "piecewise_constant", "rates": [0.1], "milestones": [3]}, "at least"),
        ({"schedule": "piecewise_constant", "rates": [0.1, 0.2], "milestones": [3, 9]}, "3 rates"),
        ({"schedule": "piecewise_constant", "rates": [1, 2, 3], "milestones": [9, 3]}, "that rise"),
        ({"schedule": "piecewise_constant", "rates": [0, 0], "milestones": [9]}, "above 0"),
        ({"schedule": "linear", "initial": 0.1, "steps": 5, "warmup": 5}, "fewer than"),
        ({"schedule": "one_cycle", "peak": 0.1, "steps": 3}, "room"),
        ({"schedule": "cyclical", "initial": 0.2, "peak": 0.1, "steps": 3}, "at most its peak"),
        ({"schedule": "chained", "schedules": [0.1, 0.2], "lengths": [1, 2]}, "1 lengths"),
        ({**CYCLED, "base_momentum": 0.97}, "at most its max_momentum"),
        ({**CYCLED, "base_momentum": 0.0}, "more than 0"),
        ({**CYCLED, "cycle_momentum": False, "max_momentum": 0.9}, "cycle_momentum: true"),
        ({"schedule": "chained", "schedules": [0.1, CYCLED], "lengths": [1]}, "in a chain"),
        ({"schedule": "step", "initial": 0.1, "steps": 0}, "at least 1"),
        ({"schedule": "step", "initial": 0.1, "steps": 2.5}, "whole number of steps"),
    ],
)  # fmt: skip
def test_what_no_schedule_can_be_is_refused(rate: dict[str, Any], said: str) -> None:
    with pytest.raises(nnspec.SpecError, match=said):
        network(rate)


def test_each_source_has_the_rate_of_every_step() -> None:
    for rate, backend in itertools.product(RATES, BACKENDS):
        spec = network(RATES[rate])
        program, optimizer = built(spec, backend), spec.model.training.optimizer  # type: ignore[union-attr]
        if backend == "keras":
            made = program.training.make_optimizer()
            assert type(made).from_config(made.get_config()).get_config() == made.get_config()
        for step in steps_of(optimizer.learning_rate):  # type: ignore[arg-type]
            given = program.learning_rate(step)
            assert given == pytest.approx(optimizer.rate(step), rel=1e-12, abs=1e-15)


def test_keras_own_schedules_are_the_same_but_for_rounding() -> None:
    for rate in RATES.values():
        spec = network(rate)
        if OF_KERAS[SCHEDULES[rate["schedule"]]] is own_schedule:
            continue
        optimizer = spec.model.training.optimizer  # type: ignore[union-attr]
        program = built(spec, "keras", stock=True)
        source = get_backend("keras").compile(spec, KerasOptions(True, stock=True)).source
        assert "keras.optimizers.schedules." in source
        assert "warmup" in rate or "class " not in source
        error, _ = rate_errors(program, optimizer)
        assert error < 1e-6


def test_the_emitted_sources_are_clean_whatever_the_input_is_called(tmp_path: Path) -> None:
    for i, (rate, name) in enumerate(itertools.product(RATES.values(), ("x", "scheduler", "step"))):
        spec = network(rate, OPTIMIZERS[i % 3], name)
        for backend, options in (
            ("torch", Options(True)), ("keras", Options(True)),
            ("keras", KerasOptions(True, stock=True)),
        ):  # fmt: skip
            if "cycle_momentum" in rate and getattr(options, "stock", False):
                continue  # Keras's own have one momentum
            compiled = get_backend(backend).compile(spec, options)
            compiled.write(tmp_path / f"{backend}_{i}_{type(options).__name__}.py")
    assert_clean(tmp_path)
    program = built(network(RATES["warmed"], name="scheduler"), "torch")
    assert isinstance(program, Trainable)
    program.train_step({"scheduler": np.ones((2, 4))}, np.array([0, 1]))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [(OPTIMIZERS[1], "warmed"), (OPTIMIZERS[2], "warmed"), (OPTIMIZERS[2], "cycled")],
    ids=["momentum", "adam", "cycled"],
)
def test_a_resumed_run_is_the_uninterrupted_one(
    backend: str, optimizer: dict[str, Any], rate: str, tmp_path: Path, eager: None
) -> None:
    settings = {"optimizer": {**optimizer, "learning_rate": RATES[rate]}, "epochs": 3}
    spec = spec_with_rows(Case("csv", 1, "binary"), tmp_path, training=settings)

    def interrupt(epoch: int, step: int, steps: int, loss: float) -> None:
        if (epoch, step) == (3, 4):
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted):
        train(spec, backend, tmp_path / "cut", on_step=interrupt)
    cut = train(spec, backend, tmp_path / "cut", resume=True)
    whole = train(spec, backend, tmp_path / "whole")
    assert cut.last.read_bytes() == whole.last.read_bytes()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "rate",
    [
        *("warmed", "cycled"),
        *(pytest.param(each, marks=pytest.mark.slow) for each in ("grown", "lower", "rising")),
    ],
)
def test_a_script_ends_with_the_weights_of_train(
    rate: str, backend: str, tmp_path: Path, eager: None
) -> None:
    settings = {"optimizer": {"type": "adam", "learning_rate": RATES[rate]}, "epochs": 3}
    spec = spec_with_rows(Case("csv", 1, "binary"), tmp_path, training=settings)
    module = script_of(spec, backend)
    output = tmp_path / ("out.safetensors" if backend == "torch" else "out.keras")
    run(module, "--weights", first_weights(spec, backend), "--output", output)
    require_weights_of_train(spec, backend, output)


@pytest.mark.parametrize("rate", ["warmed", "cycled"])
def test_a_verification_proves_the_schedule(rate: str) -> None:
    report = nnspec.verify(network(RATES[rate], OPTIMIZERS[2]), backends=BACKENDS, steps=30)
    assert report.passed, report.to_json()
    assert {"training", "optimizer"} <= {check.kind for check in report.checks}


@pytest.mark.parametrize("wrong", [{"warmup": 200}, {"steps": 501}, {"end": 0.004}])
def test_a_wrong_schedule_is_found_beyond_the_steps_that_are_trained(
    wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import nnspec_torch.schedules as torch

    right = torch.SCHEDULES[Cosine]
    monkeypatch.setitem(
        torch.SCHEDULES,  # type: ignore[arg-type]
        Cosine,
        lambda schedule: right(schedule.model_copy(update=wrong)),
    )
    given = {"schedule": "cosine", "peak": 0.03, "steps": 500, "warmup": 100, "end": 0.003}
    report = nnspec.verify(network(given), backends=BACKENDS, steps=1)
    failed = {(check.kind, check.pair[0]) for check in report.checks if not check.passed}
    assert ("optimizer", "torch") in failed
    assert not any("keras" in name for kind, name in failed if kind == "optimizer")
    assert any("the learning rate after" in check.detail for check in report.checks)


def test_the_json_schema_says_what_a_schedule_may_be() -> None:
    validator = jsonschema.Draft202012Validator(spec_schema())

    def is_valid(rate: object) -> bool:
        optimizer = {"type": "adam", "learning_rate": rate}
        return validator.is_valid(
            {
                "nnspec": 1,
                "name": "N",
                "inputs": {"x": {"shape": [2]}},
                "layers": [{"type": "dense", "units": 1}],
                "training": {"task": "regression", "optimizer": optimizer},
            }
        )

    assert all(map(is_valid, [0.1, "${width / 2}", *RATES.values()]))
    assert not any(map(is_valid, [0, "cosine", {"schedule": "cosin"}, {"schedule": "cosine"}]))
    assert not is_valid({**RATES["warmed"], "factor": 0.5})


END = 0.02 / 0.1
"""0.19999999999999998: emitted as the quotient that it is."""
ODD: dict[str, tuple[dict[str, Any], Any]] = {
    "piecewise_constant": (
        {"rates": [0.1, 0.02], "milestones": [2]}, lambda step: END if step >= 2 else 1.0
    ),
    "linear": ({"initial": 0.02, "end": 0.1}, lambda at: END + (1.0 - END) * at),
    "polynomial": ({"initial": 0.1, "end": 0.02}, lambda at: END + (1.0 - END) * (1 - at)),
    "cosine": (
        {"peak": 0.1, "end": 0.02},
        lambda at: END + (1 - END) * (1 + math.cos(math.pi * at)) / 2,
    ),
    "cosine_restarts": (
        {"peak": 0.1, "end": 0.02},
        lambda at: END + (1 - END) * (1 + math.cos(math.pi * at)) / 2,
    ),
    "cyclical": ({"peak": 0.1, "initial": 0.02}, lambda at: END + (1 - END) * at),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_a_factor_shows_no_digits_of_rounding_and_keeps_every_bit(kind: str) -> None:
    fields, factor = ODD[kind]
    steps = {} if kind == "piecewise_constant" else {"steps": 7}
    if kind == "polynomial":
        steps["power"] = 1
    spec = network({"schedule": kind, **fields, **steps})
    source = nnspec.compile(spec, "torch", training=True).source
    assert "0.02 / 0.1" in source
    assert not re.search(r"\d\.\d*(99999|00000)\d", source)
    emitted = load_source(source, kind).learning_rate_factor
    for step in range(7):
        assert emitted(step) == factor(step / 7 if steps else step), step
