"""Every layer computes the same in every backend: layer x configuration x backend x dtype."""

from __future__ import annotations

import json

import pytest

from nnspec import verify
from nnspec.layers import LAYERS
from nnspec.network.loader import loads
from nnspec.verification import float32_checks, suite, verifier
from nnspec.verification.networks import untrained_parameters
from nnspec.verification.report import Report
from tests.cases import CASES, Case, Network

pytestmark = pytest.mark.usefixtures("network_alone")

OF_VALUES = {suite.compare_outputs, suite.compare_float32}


def verified(case: Case | Network, *, fed: bool) -> Report:
    spec = loads(json.dumps(case.spec(fed=fed)), is_json=True)
    return verify(spec, steps=1, exporters=False)


def leave_out(monkeypatch: pytest.MonkeyPatch, *, fed: bool) -> None:
    """Make each check of the layer in one of its two networks, and those of values in both.

    Fed, it also trains; alone it is all the rest.
    """
    if fed:
        checks = tuple(each for each in suite.WITH_EXACT if each[1] in OF_VALUES)
        monkeypatch.setattr(verifier, "WITH_EXACT", checks)
        monkeypatch.setattr(float32_checks, "BATCHES", ())
    else:
        checks = tuple(each for each in suite.AFTERWARDS if each[1] != suite.compare_training)
        monkeypatch.setattr(verifier, "AFTERWARDS", checks)


def learns(case: Case | Network) -> bool:
    """Whether the fed network has weights that an output has a gradient by."""
    graph = loads(json.dumps(case.spec(fed=True)), is_json=True).graph
    trainable = [parameter for _, parameter in graph.parameters() if parameter.trainable]
    return len(trainable) > len(untrained_parameters(graph))


def test_every_layer_has_a_case() -> None:
    used = {layer["type"] for case in CASES for layer in case.spec()["layers"]}
    assert set(LAYERS) <= used


def test_no_case_is_listed_twice() -> None:
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_shape(case: Case | Network) -> None:
    graph = loads(json.dumps(case.spec()), is_json=True).graph
    others = case.others if isinstance(case, Case) else ()
    assert [graph.types[name].shape for name in graph.outputs] == [case.output, *others]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_parity(
    case: Case | Network, comparisons: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layer alone, where inputs are exactly 0 and 1, and fed by layers that get gradients."""
    is_one = case.spec() == case.spec(fed=True)
    for fed in (True,) if is_one else (False, True):
        with monkeypatch.context() as patched:
            if not is_one:
                leave_out(patched, fed=fed)
            report = verified(case, fed=fed)
        comparisons.append(len(report.checks))
        assert report.passed, report.to_json()
        exact = [c for c in report.checks if c.dtype == "float64" and c.kind == "forward"]
        assert len(exact) == 3
        gradients = [c for c in report.checks if c.kind == "gradient"]
        assert bool(gradients) or not fed or not learns(case)
