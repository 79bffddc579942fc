"""A slice of the faults of `make detection`: each kind of check that verify has finds its own."""

from __future__ import annotations

import re

import pytest

from nnspec.backend import Options, get_backend
from nnspec.network.loader import loads
from nnspec.training.lengths import with_assumed_steps
from tests.detection import INJECTIONS, LISTED, Injection, measure
from tests.detection.framework import verified
from tests.detection.patches import Text
from tests.detection.update_faults import RIGHT

# Keras copies a variable by a call that NumPy 2 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SLICE = (
    "torch-int32-for-int64",
    "onnx-batch-of-the-output-fixed-at-8",
    "torch-clip-at-20",
    "torch-wrong-from-the-40th-call-on",
    "onnx-wrong-at-a-batch-over-8",
    "torch-int64-through-int32",
    "torch-decay-of-1e-7",
    "torch-rate-off-by-0.01",
    "keras-wider",
    "torch-gradient-of-an-early-normalisation",
    "torch-smooths-over-the-wrong-classes-alone",
    "keras-divides-by-the-ignored-too",
    "torch-no-positive-weight",
    "keras-sum-for-the-mean-of-squares",
    "keras-a-plateau-on-another-measure-of-adam",
    "torch-another-decay-of-the-average-of-adam",
)


def named(injection: Injection) -> bool:
    return injection.id in SLICE


@pytest.mark.parametrize(
    "injection", [each for each in INJECTIONS if named(each)], ids=lambda each: each.id
)
def test_a_fault_is_found(injection: Injection, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = measure(injection, monkeypatch)
    assert outcome.is_caught
    assert outcome.is_blamed is not False, outcome.blamed


def test_the_table_is_whole() -> None:
    assert {each.id for each in INJECTIONS} >= set(SLICE)
    assert len({each.id for each in INJECTIONS}) == len(INJECTIONS)
    assert len(LISTED) >= 36
    assert len(INJECTIONS) - len(LISTED) >= 96


@pytest.mark.parametrize(
    "injection",
    [each for each in INJECTIONS if isinstance(each.inject, Text)],
    ids=lambda each: each.id,
)
def test_a_fault_of_the_emitted_text_finds_its_place(injection: Injection) -> None:
    """A table of faults that no longer meet what is emitted would measure nothing."""
    assert isinstance(injection.inject, Text)
    spec = loads(injection.spec, is_json=True)
    spec = with_assumed_steps(spec)
    options = Options(training=spec.model.training is not None)
    source = get_backend(injection.inject.side).compile(spec, options).source
    assert re.search(injection.inject.old, source)


@pytest.mark.slow
@pytest.mark.parametrize(
    "injection", [each for each in INJECTIONS if not named(each)], ids=lambda each: each.id
)
def test_every_fault_is_found(injection: Injection, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = measure(injection, monkeypatch)
    assert outcome.is_caught or injection.is_out_of_sight
    if injection.part or injection.says:
        assert outcome.is_blamed


@pytest.mark.slow
@pytest.mark.parametrize("injection", RIGHT, ids=lambda each: each.id)
def test_what_faults_are_put_into_is_right(
    injection: Injection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verified(injection, monkeypatch).passed
