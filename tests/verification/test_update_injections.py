"""Faults in what is done to gradients before a step, written into emitted source, are found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import nnspec
import nnspec_keras.runtime
import nnspec_keras.training
import nnspec_torch.runtime
from nnspec.emit.loading import load_source
from nnspec.language.optimizers import OPTIMIZERS
from nnspec.language.training_schema import Training
from nnspec.network.graph import Graph
from nnspec.network.parameter_groups import parameter_settings
from nnspec.verification.optimizer_checks import formula_errors
from nnspec.verification.tolerance import EXACT
from nnspec_keras.updates import Updated, updated
from tests.training.test_updates import batch, built, network
from tests.variants import variants

Change = tuple[str, str]
CLIP = "        nn.utils.clip_grad_norm_(model.parameters(), 0.05)\n"
STEP = "        optimizer.step()\n"
RATE = "        scheduler.step()\n"
BACKWARD = "    (loss / 3).backward()\n"
FAULTS: dict[str, tuple[str, Change]] = {
    "torch, sum for mean": ("torch", (BACKWARD, "    loss.backward()\n")),
    "torch, clipped before accumulation": (
        "torch",
        (f"{BACKWARD}    if (number + 1) % 3 == 0:\n{CLIP}",
         f"{BACKWARD}{CLIP[4:]}    if (number + 1) % 3 == 0:\n"),
    ),
    "torch, clipped after the step": ("torch", (CLIP + STEP, STEP + CLIP)),
    "torch, another norm": ("torch", ("parameters(), 0.05)", "parameters(), 0.0501)")),
    "torch, the largest element for the norm": ("torch", ("0.05)", "0.05, norm_type=math.inf)")),
    "torch, the rate of the next step": ("torch", (STEP + RATE, RATE + STEP)),
    "torch, the rate of the batch": ("torch", (f"{STEP}{RATE}", f"{STEP}{RATE * 3}")),
    "torch, a step too early": ("torch", ("(number + 1) % 3 == 0", "number % 3 == 0")),
    "torch, gradients are kept": ("torch", ("        optimizer.zero_grad()\n", "")),
    "keras, sum for mean": ("keras", ("gradient / self.batches", "gradient")),
    "keras, another norm": ("keras", ("clip_norm=0.05", "clip_norm=0.0501")),
    "keras, the rate of the next step": (
        "keras", ('ops.cast(step, "float64")', 'ops.cast(step + 1, "float64")')
    ),
    "keras, gradients are kept": ("keras", ("self.assign(part, ops.zeros_like(part))", "pass")),
}  # fmt: skip


def wrong(text: str, change: Change) -> str:
    assert text.count(change[0]) == 1, change
    return text.replace(*change)


def spec_of() -> Any:
    rate = {"schedule": "cosine", "peak": 0.03, "steps": 90, "warmup": 20}
    return network({"norm": 0.05}, 3, {"type": "adam", "learning_rate": rate})


def inject(monkeypatch: pytest.MonkeyPatch, backend: str, change: Change) -> None:
    runtime: Any = {"torch": nnspec_torch.runtime, "keras": nnspec_keras.runtime}[backend]
    monkeypatch.setattr(
        runtime, "load_source", lambda text, name: load_source(wrong(text, change), name)
    )


def clipped_first(optimizer: Any, training: Training, graph: Graph, *, stock: bool) -> Updated:
    """Stand for `updated` with the clipping around the accumulation."""
    inner = updated(optimizer, training.model_copy(update={"clip": None}), graph, stock=stock)
    outer = training.model_copy(update={"accumulate": 1})
    found = updated(inner.optimizer, outer, graph, stock=stock)
    return Updated(found.optimizer, (*inner.classes, *found.classes))


def by_arguments_of_keras(
    optimizer: Any, training: Training, graph: Graph, *, stock: bool
) -> Updated:
    """Stand for `updated` with Keras's own accumulation, which calls a schedule with batches."""
    only = training.model_copy(update={"clip": None})
    counted = updated(optimizer, only, graph, stock=True)
    return updated(
        counted.optimizer, training.model_copy(update={"accumulate": 1}), graph, stock=False
    )


def error_of(backend: str) -> float:
    spec = spec_of()
    program = built(spec, backend)
    training = spec.model.training
    own = parameter_settings(spec.graph, training.optimizer)
    return formula_errors(program, training, own, program.weights(), *batch(spec, 1), 0)[0]


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_nothing_is_found_where_nothing_is_wrong(backend: str) -> None:
    assert error_of(backend) < EXACT / 100


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_text_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    backend, change = FAULTS[fault]
    inject(monkeypatch, backend, change)
    assert error_of(backend) > EXACT


@pytest.mark.parametrize("stand_in", [clipped_first, by_arguments_of_keras])
def test_a_fault_in_the_order_of_keras_is_found(
    stand_in: Callable[..., Updated], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nnspec_keras.training, "updated", stand_in)
    assert error_of("keras") > EXACT


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_verification_accuses_the_right_source(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend, change = FAULTS[fault]
    inject(monkeypatch, backend, change)
    report = nnspec.verify(spec_of(), backends=("torch", "keras"))
    accused = {
        check.pair[0] for check in report.checks if check.kind == "optimizer" and not check.passed
    }
    assert accused == {backend}


LATE = {"schedule": "multi_step", "initial": 0.03, "milestones": [400, 900]}
RIGHT_STEP = "    optimizer.step()\n    scheduler.step()\n"


def late_error_of(backend: str, optimizer: Any, rate: dict[str, Any] = LATE) -> float:
    """Return the error of a schedule that turns long after the steps that are followed."""
    record = {"type": optimizer, "learning_rate": rate} if isinstance(optimizer, str) else optimizer
    spec = network(None, 1, record)
    training, program = spec.model.training, built(spec, backend)
    own = parameter_settings(spec.graph, training.optimizer)  # type: ignore[union-attr]
    weights, rows = program.weights(), batch(spec, 1)
    return formula_errors(program, training, own, weights, *rows, 0)[0]  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step:UserWarning")
def test_a_schedule_a_step_early_is_found_where_it_turns_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        inject(patch, "torch", (RIGHT_STEP, "    scheduler.step()\n    optimizer.step()\n"))
        assert late_error_of("torch", "sgd") > EXACT
    with monkeypatch.context() as patch:
        change = ('ops.cast(step >= turn, "float64")', 'ops.cast(step + 1 >= turn, "float64")')
        inject(patch, "keras", change)
        assert late_error_of("keras", "adam") > EXACT


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_right_schedule_is_right_where_it_turns_late(backend: str) -> None:
    waves = {"schedule": "cosine", "peak": 0.03, "steps": 100_000, "warmup": 1000}
    restarts = {"schedule": "cosine_restarts", "peak": 0.03, "steps": 777, "growth": 3}
    for optimizer, rate in (
        ("sgd", LATE), ("adamw", waves), ("adamax", restarts), ("rms_prop", waves),
        # What these remember of all parameters is that of so many steps.
        ("nadam", LATE), ("schedule_free_adamw", restarts),
    ):  # fmt: skip
        assert late_error_of(backend, optimizer, rate) < EXACT / 10, (optimizer, rate)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_every_optimizer_is_followed_where_its_schedule_turns_late(backend: str) -> None:
    for fields in variants(OPTIMIZERS):
        if OPTIMIZERS[fields["type"]].takes_schedule:
            error = late_error_of(backend, {**fields, "learning_rate": LATE})
            assert error < EXACT / 10, fields
