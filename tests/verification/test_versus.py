"""Verification of a generator's training finds what is injected, and accuses nobody else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from versus_cases import networks_of

from nnspec.backend import get_backend
from nnspec.verification import versus_checks
from nnspec.verification.engines import SourceEngine
from nnspec.verification.recorder import Recorder
from nnspec.verification.report import Report
from nnspec.verification.samples import exercised_weights
from nnspec.verification.settings import Settings
from nnspec.verification.several import verify_networks

SETTINGS = Settings(backends=("torch", "keras"), exporters=False)
KEPT = "with statistics_kept(discriminator):\n        loss"
ALONE = "[each for each in generator.parameters() if each.requires_grad]"
DETACHED = "with torch.no_grad(), statistics_kept(generator):"
FAULTS = {
    "the discriminator keeps gradients of the generator's step": (
        "non_saturating", f"loss.backward(\n        inputs={ALONE}\n    )", "loss.backward()",
        "the generator's step changes the gradient of",
    ),
    "the discriminator's statistics move in the generator's step": (
        "non_saturating", KEPT, "if True:\n        loss",
        "the generator's step changes block.norm.running",
    ),
    "made rows are not detached": (
        "non_saturating", DETACHED, "with statistics_kept(generator):",
        "the discriminator's step changes the gradient of",
    ),
    "the generator's statistics move in the discriminator's step": (
        "hinge", DETACHED, "with torch.no_grad():", "the discriminator's step changes",
    ),
    "real rows on the side of made ones": (
        "non_saturating", "F.softplus(-real).mean()", "F.softplus(real).mean()", "discriminator"
    ),
    "made rows on the side of real ones": (
        "least_squares", "(fake - 1).square()", "fake.square()", "generator"
    ),
    "labels smoothed on the wrong side": (
        "least_squares", "(real - 0.8)", "(real - 1.2)", "discriminator"
    ),
    "another weight of the penalty": (
        "penalty", "10.0 * gradient", "1.0 * gradient", "discriminator"
    ),
    "a penalty of the length alone": (
        "penalty", "(length - 1).square()", "length.square()", "discriminator"
    ),
    "a penalty at the other share": (
        "penalty", "mix * real + (1 - mix) * fake", "(1 - mix) * real + mix * fake",
        "discriminator",
    ),
    "another number of steps": (
        "hinge", "steps % 2 == 0", "steps % 3 == 0", "follow every 2 batches"
    ),
}  # fmt: skip


OF_AVERAGES = {
    "another weight of the average": ("averaged", "multi_avg_fn(0.9)", "multi_avg_fn(0.99)"),
    "an average that begins too late": ("gathered", "add_(1)) - 2", "add_(1)) - 3"),
}
OF_UPDATES = {
    "a sum for a mean": ("gathered", "(loss / 3).backward", "loss.backward"),
    "gradients that are not clipped": (
        "averaged", "nn.utils.clip_grad_norm_(generator.parameters(), 0.05)", "pass",
    ),
    "the other network's gradients are clipped": (
        "averaged", "clip_grad_norm_(discriminator.", "clip_grad_norm_(generator.",
    ),
    "a step a batch too early": ("gathered", "(number + 1) % 2", "number % 2"),
    "gradients that are kept after the step": (
        "averaged", "        optimizer.step()\n        optimizer.zero_grad()",
        "        optimizer.step()",
    ),
}  # fmt: skip


def run(loss: str, old: str = "", new: str = "", updates: str = "") -> tuple[list[str], Any]:
    """Return what PyTorch's source breaks with this change of its text, and the run."""
    networks = networks_of(loss, updates=updates)
    engine = SourceEngine(get_backend("torch"))
    weights = {
        f"{name}.{path}": array.astype(np.float64)
        for name, spec in networks.models.items()
        for path, array in exercised_weights(spec.graph, 0).items()
    }
    recorder = Recorder(Report("x", "", {}, 10))
    with changed(old, new):
        found = versus_checks.run_source(engine, networks, SETTINGS, weights, recorder)
    wrong = [role for role, error, limit in found.formula if error > limit]
    return [*found.broken, *wrong], found


@contextmanager
def changed(old: str, new: str) -> Iterator[None]:
    """Let PyTorch's source have another text, where there is an old one."""
    backend: Any = get_backend("torch")
    compile_networks = type(backend).compile_networks

    def compiled(self: Any, *given: Any) -> Any:
        made = compile_networks(self, *given)
        assert old in made.source, made.source
        return dataclasses.replace(made, source=made.source.replace(old, new))

    with pytest.MonkeyPatch.context() as patch:
        if old:
            patch.setattr(type(backend), "compile_networks", compiled)
        yield


@pytest.mark.parametrize("name", FAULTS)
def test_an_injected_fault_is_found(name: str) -> None:
    """By the law that it breaks, or the formula; the source without it breaks none."""
    loss, old, new, told = FAULTS[name]
    assert run(loss)[0] == []
    broken, _ = run(loss, old, new)
    assert any(each.startswith(told) or told in each for each in broken), broken


@pytest.mark.parametrize("name", OF_AVERAGES)
def test_an_average_is_held_to_its_formula(name: str) -> None:
    updates, old, new = OF_AVERAGES[name]
    assert run("hinge", updates=updates)[0] == []
    broken, _ = run("hinge", old, new, updates)
    assert any(each.startswith("the average of ") for each in broken), broken


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_UPDATES)
def test_a_fault_of_an_update_is_found_between_the_sources(name: str) -> None:
    updates, old, new = OF_UPDATES[name]
    networks = networks_of("non_saturating", updates=updates)
    with changed(old, new):
        report = versus_checks.verify_versus(networks, SETTINGS)
    assert not report.passed, report.to_json()


@pytest.mark.slow
@pytest.mark.parametrize("updates", ["", "averaged", "gathered"])
@pytest.mark.parametrize("loss", ["non_saturating", "least_squares", "hinge", "penalty", "clipped"])
def test_no_source_is_accused(loss: str, updates: str) -> None:
    """Each network, and ten rounds of their training, with dropout at work."""
    reports = verify_networks(networks_of(loss, updates=updates), SETTINGS)
    assert reports.passed, reports.to_json()
    training = reports.reports["training"]
    assert {check.kind for check in training.checks} == {"adversarial"}
    assert not training.not_checked
