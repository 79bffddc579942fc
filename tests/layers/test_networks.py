"""Published networks of elementary layers, each small, compute the same in every backend."""

from __future__ import annotations

from pathlib import Path

import pytest

import nnspec

FOLDER = Path(__file__).parents[1] / "networks"
NETWORKS = sorted(FOLDER.glob("*.yaml"))

pytestmark = pytest.mark.usefixtures("network_alone")


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_a_published_network_verifies(path: Path) -> None:
    spec = nnspec.load(path)
    assert not spec.advice
    report = nnspec.verify(spec, steps=2, exporters=False)
    assert report.passed, report.to_json()
    kinds = {check.kind for check in report.checks}
    assert {"forward", "range", "gradient", "training", "export"} <= kinds
