"""Networks that compare: the siamese one and the triplets reach what docs/likeness.md states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts import make_pairs
from scripts.likeness import measured


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", ["siamese", "triplets"])
def test_the_stated_quality_is_reached(name: str, backend: str, tmp_path: Path) -> None:
    found = measured(name, backend, tmp_path / "run")
    assert found["pairs"] >= 0.92 > found["pairs of pixels"]
    assert found["auc"] >= 0.97 > found["auc of pixels"]
    assert found["recall@1"] >= 0.95


def test_the_rows_are_what_the_script_writes() -> None:
    images, labels = make_pairs.digits()
    learnt = images[: make_pairs.LEARNT], labels[: make_pairs.LEARNT]
    for name, made in (
        ("pairs", make_pairs.pairs(*learnt, make_pairs.ROWS, seed=1)),
        ("triplets", make_pairs.triplets(*learnt, make_pairs.ROWS, seed=2)),
    ):
        kept = dict(np.load(make_pairs.DATA / f"{name}.npz"))
        assert list(kept) == list(made)
        assert all((kept[key] == made[key]).all() for key in made)
    assert kept["anchor"].dtype == np.uint8
